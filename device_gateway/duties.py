"""What the owner of a device does with it, beside keeping it open: a duty for each kind of device.

A duty is used by its worker's thread alone, except for the parts that say otherwise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

from device_gateway.domain.device_state import DeviceHealth, DeviceState
from device_gateway.domain.observations import DrawerSeen, Observation, PrinterStatus, Scan, Weighing
from device_gateway.domain.placement import PlacedDevice
from device_gateway.domain.scanned import meaning_message, meaning_of
from device_gateway.drivers.interface import Device, Display
from device_gateway.journal import Journal
from device_gateway.live import LiveHub
from device_gateway.settings import GatewaySettings


@dataclass(frozen=True)
class Post:
    """What every duty works with: its device's place, the journal, the pages, the settings.

    `health` is how the device was seen last; `observe` notes an observation as if the device had told it unasked;
    `wake` tells another device's worker that there is something to do for it.
    """

    placed: PlacedDevice
    journal: Journal
    live: LiveHub
    settings: GatewaySettings
    health: Callable[[], DeviceHealth]
    observe: Callable[[Observation], None]
    wake: Callable[[str], None]
    placement: Callable[[], list[PlacedDevice]]

    @property
    def blocked(self) -> bool:
        """Whether the device has said that it cannot work."""
        return self.health().state is DeviceState.BLOCKED


class Duty(Protocol):
    """See the module's description."""

    def opened(self, device: Device) -> None:
        """The device has just been opened."""

    def turn(self, device: Device) -> bool:
        """Do what there is to do, a piece at a time; false if there is nothing."""

    def observed(self, observation: Observation) -> None:
        """The device has told something."""

    def woken(self) -> None:
        """There may be something to do. Called from any thread."""


class Listening:
    """The duty of a scanner, and what other duties have in common: pass on what the device tells."""

    def __init__(self, post: Post) -> None:
        self._post = post

    def opened(self, device: Device) -> None:
        """Nothing to prepare."""

    def turn(self, device: Device) -> bool:
        """Nothing to do but to listen."""
        return False

    def observed(self, observation: Observation) -> None:
        """Tell the pages of the device's tills."""
        placed = self._post.placed
        message = live_message(placed.name, observation)
        self._post.live.publish(placed.till_ids, message)

    def woken(self) -> None:
        """Nothing waits for it."""


class WeighingDuty(Listening):
    """The duty of a scale: some tell the same weight many times a second, and pages hear of it once."""

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self._told: Observation | None = None

    def observed(self, observation: Observation) -> None:
        """Pass on a weight that is another one."""
        if observation != self._told:
            self._told = observation
            super().observed(observation)


class Showing(Listening):
    """The duty of a customer display: show what was asked for last, also after it was unplugged."""

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self._lock = threading.Lock()
        self._wanted: tuple[str, str] | None = None
        self._shown: tuple[str, str] | None = None

    def show(self, upper: str, lower: str) -> None:
        """Ask for two lines. Called from any thread."""
        with self._lock:
            self._wanted = (upper, lower)

    def opened(self, device: Device) -> None:
        """It has forgotten what it showed."""
        self._shown = None

    def turn(self, device: Device) -> bool:
        """Show the lines that are wanted."""
        with self._lock:
            wanted = self._wanted
        if wanted is None or wanted == self._shown:
            return False
        cast("Display", device).show(*wanted)
        self._shown = wanted
        return True


def live_message(device: str, observation: Observation) -> Mapping[str, Any]:
    """An observation as pages hear it."""
    if isinstance(observation, Scan):
        said = {"type": "scan", "device": device, "text": observation.text, "aim": observation.aim}
        return {**said, **meaning_message(meaning_of(observation))}
    if isinstance(observation, Weighing):
        return {"type": "weight", "device": device, **weight_message(observation)}
    if isinstance(observation, DrawerSeen):
        return {"type": "drawer", "device": device, "open": observation.open}
    return {"type": "printer", "device": device, **printer_message(observation)}


def weight_message(weighing: Weighing) -> Mapping[str, Any]:
    """A weighing in whole grams; only one with `may_be_sold` goes on a receipt."""
    return {
        "state": weighing.state.value,
        "gross_g": weighing.gross_g,
        "tare_g": weighing.tare_g,
        "net_g": weighing.net_g,
        "may_be_sold": weighing.may_be_sold,
        "detail": weighing.detail,
    }


def printer_message(status: PrinterStatus) -> Mapping[str, Any]:
    """A printer's state; null stands for what it does not tell."""
    return {
        "answered": status.answered,
        "online": status.online,
        "paper": status.paper.value,
        "cover_open": status.cover_open,
        "drawer_open": status.drawer_open,
        "error": status.error,
    }
