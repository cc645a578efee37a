"""Which device of a till does what: the first that is listed, for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.contracts.gateway import DeviceKind


@dataclass(frozen=True, slots=True)
class PlacedDevice:
    """A device and the tills it serves. `drawer_plug` says whether a drawer may be plugged into this printer."""

    name: str
    kind: DeviceKind
    driver: str
    till_ids: tuple[UUID, ...]
    drawer_plug: bool = False


def first_of(devices: Sequence[PlacedDevice], kind: DeviceKind, till_id: UUID) -> PlacedDevice | None:
    """The till's first device of a kind; None if it has none."""
    return next((device for device in devices if device.kind == kind and till_id in device.till_ids), None)


def all_of(devices: Sequence[PlacedDevice], kind: DeviceKind, till_id: UUID) -> list[PlacedDevice]:
    """The till's devices of a kind."""
    return [device for device in devices if device.kind == kind and till_id in device.till_ids]


def drawer_of(devices: Sequence[PlacedDevice], till_id: UUID) -> PlacedDevice | None:
    """What opens the till's drawer: a drawer with a line of its own, else its first printer with a plug for one."""
    own = first_of(devices, "drawer", till_id)
    if own is not None:
        return own
    return next((device for device in all_of(devices, "printer", till_id) if device.drawer_plug), None)
