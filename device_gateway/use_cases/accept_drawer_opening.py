"""Take the order to open a drawer into the journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from device_gateway.domain.orders import DrawerOpening, OpeningState, Trail, latest
from device_gateway.domain.placement import PlacedDevice, drawer_of
from device_gateway.domain.print_job import is_expired
from device_gateway.journal_steps import Step
from device_gateway.use_cases.accept_print_job import NO_DRAWER
from libs.contracts.gateway import OpenDrawer


def accept_drawer_opening(
    step: Step,
    command: OpenDrawer,
    trail: Trail,
    expires_at: datetime | None,
    devices: Sequence[PlacedDevice],
    *,
    drawer_late_s: float,
) -> DrawerOpening:
    """Store the opening for whatever opens the till's drawer; decided at once if it is too late or there is none."""
    place = drawer_of(devices, command.till_id)
    opening = DrawerOpening(
        opening_id=command.opening_id,
        till_id=command.till_id,
        drawer=place.name if place else NO_DRAWER,
        reason=command.reason,
        received_at=step.now,
        changed_at=step.now,
        trail=trail,
        expires_at=latest(expires_at, step.now, drawer_late_s),
        requested_by=command.requested_by,
    )
    if is_expired(expires_at, step.now):
        opening = opening.to(OpeningState.EXPIRED, step.now)
    elif place is None:
        opening = opening.to(OpeningState.FAILED, step.now, "This till has no drawer at this PC.")
    step.add_opening(opening)
    return opening
