"""What the device gateway of a store PC is asked to do, and what it reports of its devices.

A command is carried out once, however often it arrives (its id is the message's subject), and never after it has
expired: it is reported as `expired` instead.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.contracts.message import Command, Event, contract
from libs.contracts.printing import PrintedDocument
from libs.contracts.values import Instant

DeviceName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$"), Field(examples=["receipt-printer"])]
"""The logical name of a device at its gateway; it stays the same when the device is plugged in elsewhere."""

DeviceKind = Literal["printer", "drawer", "scanner", "scale", "display", "terminal", "fiscal_unit"]
DocumentKind = Literal["receipt", "copy", "gift_receipt", "x_report", "z_report", "slip", "kitchen", "note"]
PrintState = Literal["queued", "printing", "printed", "unknown", "failed", "expired"]


def gateway_route(gateway_id: UUID) -> str:
    """The routing key of a gateway's commands, and the first words of its queue's name."""
    return f"gateway.{gateway_id}"


class GatewayCommand(Command):
    """A command to the gateway of one store PC, about the devices of one till."""

    gateway_id: UUID
    store_id: UUID
    till_id: UUID

    @property
    def route(self) -> str:
        return gateway_route(self.gateway_id)


@contract("gateway", "print_document", subject="job_id", store="store_id")
class PrintDocument(GatewayCommand):
    """Print a document at a till: on the named `printer`, or on the till's receipt printer.

    `open_drawer` names the reason to open the drawer when the document begins to print, e.g. `cash_sale`.
    `sale_id` is the document of sales that it is about, `requested_by` the member of staff who asked, if anybody did.
    """

    job_id: UUID
    document_kind: DocumentKind
    title: str
    document: PrintedDocument
    printer: DeviceName | None = None
    copies: Annotated[int, Field(ge=1, le=5)] = 1
    open_drawer: str | None = None
    sale_id: UUID | None = None
    requested_by: UUID | None = None


@contract("gateway", "open_drawer", subject="opening_id", store="store_id")
class OpenDrawer(GatewayCommand):
    """Open the till's drawer, and say why."""

    opening_id: UUID
    reason: str
    requested_by: UUID | None = None


@contract("gateway", "print_job_changed", subject="job_id", store="store_id")
class PrintJobChanged(Event):
    """Where a print job stands now. `printed` says by `proof` how that is known: `confirmed` by the printer after
    the last row, or `probable` because its state was good before and after. `unknown` means that it may or may not
    have come out: a person looks, and may print it again as a marked duplicate (`duplicate_of`).
    """

    job_id: UUID
    gateway_id: UUID
    store_id: UUID
    till_id: UUID
    document_kind: DocumentKind
    state: PrintState
    changed_at: Instant
    printer: DeviceName | None = None
    sale_id: UUID | None = None
    proof: Literal["confirmed", "probable"] | None = None
    reason: str | None = None
    duplicate_of: UUID | None = None


@contract("gateway", "drawer_opened", subject="opening_id", store="store_id")
class DrawerOpened(Event):
    """A drawer was told to open (or was found open without that: `reason` is then `by_hand`).

    `outcome`: `opened` was seen by the drawer's sensor, `sent` has no sensor to tell, `failed` says why in `detail`.
    """

    opening_id: UUID
    gateway_id: UUID
    store_id: UUID
    till_id: UUID
    drawer: DeviceName
    reason: str
    outcome: Literal["opened", "sent", "failed", "unknown", "expired"]
    opened_at: Instant
    requested_by: UUID | None = None
    sale_id: UUID | None = None
    detail: str | None = None


@contract("gateway", "device_changed", subject="device_id", store="store_id")
class DeviceChanged(Event):
    """A device as it is now. `till_ids` are the tills it serves; `configured` is false once it was taken out.

    `state`: `ready`; `attention` (it works and asks for something, e.g. paper is near its end); `blocked` (it is
    there and cannot work, e.g. paper out, cover open); `absent` (unplugged or not reachable); `misconfigured`.
    """

    device_id: UUID
    gateway_id: UUID
    store_id: UUID
    till_ids: tuple[UUID, ...]
    name: DeviceName
    kind: DeviceKind
    driver: str
    configured: bool
    state: Literal["ready", "attention", "blocked", "absent", "misconfigured"]
    changed_at: Instant
    detail: str | None = None
