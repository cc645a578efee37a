"""Who owns the devices of a till, and what becomes of what is to be printed there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from libs.contracts.gateway import DocumentKind, PrintState
from libs.contracts.refusal import Conflict
from libs.contracts.sales import SaleCompleted

# Names of what follows from a document, so that a repetition has the same id. Never changes.
_NAMESPACE = UUID("6f1d7a52-93a4-5d0e-8f0b-0f3c6a2f7b11")


class NoPrinter(Conflict):
    """Nothing can be printed at this till."""

    type = "no-printer"


class PrintIdTaken(Conflict):
    """Another print has this id."""

    type = "print-id-taken"


@dataclass(frozen=True, slots=True)
class TillDevices:
    """The gateway that owns a till's devices, and whether a printer is among them."""

    gateway_id: UUID
    has_printer: bool


@dataclass(frozen=True, slots=True)
class PrintJob:
    """A print that a gateway was asked for. `state`, `proof`, `printer` and `reason` are what it reported last, at
    `changed_at`; None until it has. `duplicate_of` marks what a gateway printed again by itself.
    """

    job_id: UUID
    gateway_id: UUID
    store_id: UUID
    till_id: UUID
    document_kind: DocumentKind
    sale_id: UUID | None
    shift_id: UUID | None
    requested_by: UUID | None
    requested_at: datetime
    expires_at: datetime | None
    state: PrintState = "queued"
    changed_at: datetime | None = None
    printer: str | None = None
    proof: str | None = None
    reason: str | None = None
    duplicate_of: UUID | None = None

    def asks_for_the_same(self, other: PrintJob) -> bool:
        """Whether both are the same wish: of the same document at the same till."""
        wish = (self.document_kind, self.till_id, self.sale_id, self.shift_id)
        return wish == (other.document_kind, other.till_id, other.sale_id, other.shift_id)


def receipt_job_id(sale_id: UUID) -> UUID:
    """The id of the print of a document's receipt: however often the document is told of, it is one print."""
    return uuid5(_NAMESPACE, f"receipt:{sale_id}")


def slip_job_id(tender_id: UUID, cause: str) -> UUID:
    """The id of the print of a tender's slips; it is authorised once and given back once, which is the `cause`."""
    return uuid5(_NAMESPACE, f"slip:{tender_id}:{cause}")


def z_report_job_id(shift_id: UUID) -> UUID:
    """The id of the print of a shift's Z report at its close."""
    return uuid5(_NAMESPACE, f"z_report:{shift_id}")


def drawer_opening_id(sale_id: UUID) -> UUID:
    """The id of the opening of the drawer for a document's cash, where no receipt is printed that opens it."""
    return uuid5(_NAMESPACE, f"drawer:{sale_id}")


def cash_reason(document: SaleCompleted) -> str | None:
    """Why the drawer opens for a document: `cash_sale`, `cash_refund`, `cash_back`, or None if no cash moved."""
    cash = [tender for tender in document.tenders if tender.kind == "cash"]
    if not any(tender.amount_minor or tender.given_minor or tender.change_minor for tender in cash):
        return "cash_back" if any(tender.cash_back_minor for tender in document.tenders) else None
    return "cash_refund" if sum(tender.amount_minor for tender in cash) < 0 else "cash_sale"
