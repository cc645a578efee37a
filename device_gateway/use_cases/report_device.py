"""Report how a device is, when that has changed since it was last reported."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID, uuid5

from device_gateway.domain.device_state import DeviceHealth
from device_gateway.domain.orders import Trail
from device_gateway.domain.placement import PlacedDevice
from device_gateway.journal_steps import Step
from libs.contracts.gateway import DeviceChanged


def device_id_of(gateway_id: UUID, name: str) -> UUID:
    """The id of a device: it follows from its name, so it is the same after the journal was lost."""
    return uuid5(gateway_id, name)


def report_device(step: Step, placed: PlacedDevice, health: DeviceHealth, trail: Trail) -> bool:
    """Emit `device_changed` unless the last one said the same; whether it was emitted."""
    event = DeviceChanged(
        device_id=device_id_of(step.gateway_id, placed.name),
        gateway_id=step.gateway_id,
        store_id=step.store_id,
        till_ids=placed.till_ids,
        name=placed.name,
        kind=placed.kind,
        driver=placed.driver,
        configured=True,
        state=health.state.value,
        changed_at=step.now,
        detail=" ".join(filter(None, (health.detail, health.what_to_do))) or None,
    )
    last = dict(step.reported_device(placed.name) or {})
    now = event.model_dump(mode="json")
    if {**last, "changed_at": None} == {**now, "changed_at": None}:
        return False
    step.report_device(event, trail)
    return True


def report_removed(step: Step, configured: Collection[str], trail: Trail) -> None:
    """Emit `device_changed` with `configured` false for every device reported before that is listed no more."""
    for name, last in step.reported_devices().items():
        if name not in configured:
            event = DeviceChanged.model_validate({**last, "configured": False, "changed_at": step.now})
            step.report_device(event, trail)
