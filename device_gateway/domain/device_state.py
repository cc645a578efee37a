"""How a device is, from what it tells of itself: a state, what is wrong, and what a shop assistant can do."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from device_gateway.domain.observations import Observation, Paper, PrinterStatus, Weighing, WeightState
from libs.contracts.gateway import DeviceKind


class DeviceState(StrEnum):
    """`ready`, `attention` (works and asks for something), `blocked` (there, and cannot work), `absent`,
    `misconfigured`.
    """

    READY = "ready"
    ATTENTION = "attention"
    BLOCKED = "blocked"
    ABSENT = "absent"
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """The state of a device; `detail` is what is wrong and `what_to_do` the next step, both whole sentences."""

    state: DeviceState
    detail: str | None = None
    what_to_do: str | None = None


READY = DeviceHealth(DeviceState.READY)
STARTING = DeviceHealth(DeviceState.ABSENT, "It is being looked for.", "Wait a moment.")

_PRESENCE: dict[DeviceKind, str] = {
    "printer": "Switch the printer on and see that its cable is plugged in at both ends.",
    "drawer": "See that the drawer's cable is plugged in at both ends.",
    "scanner": "Plug the scanner in, or put it back into its cradle.",
    "scale": "Switch the scale on and see that its cable is plugged in at both ends.",
    "display": "Switch the customer display on and see that its cable is plugged in.",
    "terminal": "Switch the payment terminal on and see that it is connected.",
    "fiscal_unit": "Switch the fiscal unit on and see that its cable is plugged in.",
}


def absent(kind: DeviceKind, error: str) -> DeviceHealth:
    """It is not there, or no longer."""
    return DeviceHealth(DeviceState.ABSENT, error, _PRESENCE[kind])


def misconfigured(error: str) -> DeviceHealth:
    """It will not work until somebody changes something on this PC."""
    return DeviceHealth(DeviceState.MISCONFIGURED, error, "Call whoever looks after the tills and read this out.")


def broken(error: str) -> DeviceHealth:
    """Its driver failed in a way nobody foresaw; it is started again by itself."""
    return DeviceHealth(
        DeviceState.MISCONFIGURED,
        f"Its driver failed: {error}",
        "It is started again by itself. If this stays, switch the device off and on, then call for help.",
    )


def health_of(observation: Observation) -> DeviceHealth | None:
    """What an observation says of the device's health; None if it says nothing of it (a scan, an open drawer)."""
    if isinstance(observation, PrinterStatus):
        return health_of_printer(observation)
    if isinstance(observation, Weighing):
        return health_of_scale(observation)
    return None


def health_of_printer(status: PrinterStatus) -> DeviceHealth:
    """What a printer says: what blocks it first, then what it asks for. Silence is never taken for good news."""
    if not status.answered:
        return DeviceHealth(
            DeviceState.ATTENTION,
            "The printer does not tell how it is.",
            "See that it is switched on and has paper; look whether each receipt has come out.",
        )
    if status.cover_open:
        return DeviceHealth(DeviceState.BLOCKED, "The printer's cover is open.", "Close the cover.")
    if status.paper is Paper.END:
        return DeviceHealth(
            DeviceState.BLOCKED, "The printer is out of paper.", "Put in a new roll; waiting receipts then print."
        )
    if status.error is not None:
        return DeviceHealth(
            DeviceState.BLOCKED,
            f"The printer reports an error: {status.error}",
            "Open the cover and clear any jammed paper, close it, and switch the printer off and on.",
        )
    if status.online is False:
        return DeviceHealth(
            DeviceState.BLOCKED, "The printer is off line.", "Press its feed button once, or switch it off and on."
        )
    if status.paper is Paper.NEAR_END:
        return DeviceHealth(
            DeviceState.ATTENTION, "The paper is near its end.", "Have a new roll ready; it still prints."
        )
    return READY


def health_of_scale(weighing: Weighing) -> DeviceHealth:
    """What a scale says. A load that is too heavy, or lifted off after a tare, is no trouble of the scale's."""
    if weighing.state is WeightState.FAULT:
        detail = weighing.detail or "The scale reports a fault."
        return DeviceHealth(DeviceState.BLOCKED, detail, "Take everything off the scale and switch it off and on.")
    return READY
