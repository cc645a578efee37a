"""Waiting for something to happen, with a limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import Device, DeviceError

LONGEST_S = 5.0


def until(happened: Callable[[], bool]) -> None:
    """Return as soon as it has happened; fail after LONGEST_S."""
    deadline_s = time.monotonic() + LONGEST_S
    while not happened():
        assert time.monotonic() < deadline_s, "It did not happen in time."
        time.sleep(0.002)


def told(device: Device, count: int = 1, *, poll_s: float = 0.2) -> list[Observation]:
    """Poll as a worker does until the device has told `count` things; fail after LONGEST_S."""
    found: list[Observation] = []
    deadline_s = time.monotonic() + LONGEST_S
    while len(found) < count:
        assert time.monotonic() < deadline_s, f"Only {found} in time."
        found += device.poll(poll_s)
    return found


def told_at_the_end(device: Device) -> tuple[list[Observation], DeviceError]:
    """Poll until it raises: what it told before, and the error. Fail after LONGEST_S."""
    found: list[Observation] = []
    deadline_s = time.monotonic() + LONGEST_S
    while time.monotonic() < deadline_s:
        try:
            found += device.poll(0.5)
        except DeviceError as error:
            return found, error
    raise AssertionError(f"It went on telling: {found}")


def polled(device: Device, seconds: float) -> Iterable[Observation]:
    """Whatever the device tells within a time."""
    deadline_s = time.monotonic() + seconds
    found: list[Observation] = []
    while time.monotonic() < deadline_s:
        found += device.poll(0.05)
    return found
