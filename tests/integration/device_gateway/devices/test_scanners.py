"""Scanner drivers against their simulators, over pseudo-terminals and TCP, with every fault."""

from __future__ import annotations

import errno
import importlib
import os
import statistics
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from device_gateway.domain.observations import Scan
from device_gateway.drivers.interface import Device, DeviceAbsent, DeviceMisconfigured, Driver
from device_gateway.drivers.scanner.hid_scanner.driver import EV_KEY
from device_gateway.drivers.scanner.hid_scanner.simulator import KeyboardScannerSimulator, keys_of
from device_gateway.drivers.scanner.serial_scanner.simulator import ScannerSimulator, ScannerSimulatorOptions
from device_gateway.simulators import (
    CutAnswerAtByte,
    Faults,
    Garbage,
    LateAnswer,
    NoAnswer,
    Simulator,
    serving,
)
from tests.integration.device_gateway.devices.patience import polled, told, told_at_the_end, until

EAN = "5901234123457"
Simulated = ScannerSimulator | KeyboardScannerSimulator
LISTEN = ["pty", "tcp://127.0.0.1:0"]


@contextmanager
def opened(driver: str, **options: Any) -> Iterator[Device]:
    chosen: Driver[Any] = importlib.import_module(f"device_gateway.drivers.scanner.{driver}.driver").driver
    device = chosen.open_device(chosen.options.model_validate(options))
    try:
        yield device
    finally:
        device.close()


def kinds() -> list[Any]:
    return [
        pytest.param("serial_scanner", ScannerSimulator, id="serial"),
        pytest.param("hid_scanner", KeyboardScannerSimulator, id="keyboard"),
    ]


def connect(simulator: Simulator, address: str, device: Device) -> None:
    """See that the TCP connection has been taken: what is said before is said to nobody."""
    assert list(device.poll(0.05)) == []


@pytest.mark.parametrize("listen", LISTEN)
@pytest.mark.parametrize(("driver", "kind"), kinds())
def test_codes_arrive_in_order_with_aim_and_fnc1(driver: str, kind: type[Simulated], listen: str) -> None:
    scanner = kind()
    with serving(scanner, listen) as address, opened(driver, address=address) as device:
        connect(scanner, address, device)
        for code in (EAN, "]C10105901234123457\x1d10AB", "PLU-7 a!"):
            scanner.scan(code)
        assert told(device, 3) == [Scan(EAN), Scan("0105901234123457\x1d10AB", aim="]C1"), Scan("PLU-7 a!")]


@pytest.mark.parametrize(("driver", "kind"), kinds())
def test_a_late_code_arrives_late(driver: str, kind: type[Simulated]) -> None:
    scanner = kind(faults=Faults([LateAnswer(0.15)]))
    with serving(scanner) as address, opened(driver, address=address) as device:
        scanner.scan(EAN)
        assert list(device.poll(0.02)) == []
        assert told(device) == [Scan(EAN)]


@pytest.mark.parametrize(("driver", "kind"), kinds())
def test_a_scanner_that_does_not_answer_is_only_silent(driver: str, kind: type[Simulated]) -> None:
    scanner = kind(faults=Faults([NoAnswer()]))
    with serving(scanner) as address, opened(driver, address=address) as device:
        scanner.scan(EAN)
        assert polled(device, 0.1) == []


@pytest.mark.parametrize("byte", range(15))
def test_a_cable_cut_at_any_byte_of_a_code_yields_no_code_or_the_whole_one(byte: int, tmp_path: Path) -> None:
    scanner = ScannerSimulator(faults=Faults([CutAnswerAtByte(byte)]))
    with serving(scanner, f"pty:{tmp_path / 'scanner'}", back_after_s=0.01) as address:
        with opened("serial_scanner", address=address) as device:
            scanner.scan(EAN)
            found, error = told_at_the_end(device)
        assert isinstance(error, DeviceAbsent)
        assert found == ([Scan(EAN)] if byte == 14 else [])
        until(lambda: Path(address).exists())
        with opened("serial_scanner", address=address) as device:
            scanner.scan("4006381333931")
            assert told(device) == [Scan("4006381333931")]


def test_a_keyboard_scanner_that_is_unplugged_is_absent_and_forgets_half_a_code(tmp_path: Path) -> None:
    scanner = KeyboardScannerSimulator(faults=Faults([CutAnswerAtByte(48 * 10 + 7)]))
    with serving(scanner, f"pty:{tmp_path / 'scanner'}", back_after_s=0.01) as address:
        with opened("hid_scanner", address=address) as device:
            scanner.scan(EAN)
            with pytest.raises(DeviceAbsent):
                told(device)
        until(lambda: Path(address).exists())
        with opened("hid_scanner", address=address) as device:
            scanner.scan("123")
            assert told(device) == [Scan("123")]


def test_nothing_but_noise_is_said_to_be_a_wrong_setting() -> None:
    scanner = ScannerSimulator(faults=Faults([Garbage()]))
    with serving(scanner) as address, opened("serial_scanner", address=address, largest_unreadable=3) as device:
        # As many codes as it may take until there are three suffixes among the noise.
        for _ in range(200):
            scanner.scan(EAN)
        _, error = told_at_the_end(device)
        assert isinstance(error, DeviceMisconfigured)
        assert str(error).startswith("The scanner sends nothing readable at 9600 baud: set its speed")


@pytest.mark.parametrize("suffix", ["cr", "lf", "crlf", "tab"])
def test_scanner_and_driver_agree_on_every_suffix(suffix: str) -> None:
    scanner = ScannerSimulator(ScannerSimulatorOptions.model_validate({"suffix": suffix, "aim": True}))
    with serving(scanner) as address, opened("serial_scanner", address=address, suffix=suffix) as device:
        scanner.scan(EAN)
        scanner.scan("10AB\x1d21C")
        assert told(device, 2) == [Scan(EAN, "]E0"), Scan("10AB\x1d21C", "]C1")]


@pytest.mark.parametrize(("driver", "kind"), kinds())
def test_a_scan_is_delivered_at_its_suffix_and_not_at_the_end_of_a_poll(driver: str, kind: type[Simulated]) -> None:
    scanner = kind()
    delays_s = []
    with serving(scanner) as address, opened(driver, address=address) as device:
        for _ in range(20):
            sent: list[float] = []

            def scan(sent: list[float] = sent) -> None:
                sent.append(time.monotonic())
                scanner.scan(EAN)

            timer = threading.Timer(0.005, scan)
            timer.start()
            # The poll may wait for two seconds and must not.
            assert told(device, poll_s=2.0) == [Scan(EAN)]
            delays_s.append(time.monotonic() - sent[0])
            timer.join()
    # The quickest quarter: what the others took belongs to whatever else this machine does.
    assert statistics.quantiles(delays_s)[0] < 0.02


@pytest.mark.parametrize("driver", ["serial_scanner", "hid_scanner"])
def test_a_scanner_that_is_not_there_is_absent(driver: str, tmp_path: Path) -> None:
    with pytest.raises(DeviceAbsent, match="There is no device at"), opened(driver, address=str(tmp_path / "none")):
        pass


def test_a_usb_scanner_that_is_not_plugged_in_is_absent_by_its_name() -> None:
    for driver in ("serial_scanner", "hid_scanner"):
        with pytest.raises(DeviceAbsent) as absent, opened(driver, address="usb:ffff:0001:S1"):
            pass
        assert str(absent.value) == "No device usb:ffff:0001:S1 is plugged in. Plug it in and switch it on."


def test_a_wedge_scanner_has_nothing_to_open_and_tells_nothing_itself() -> None:
    with opened("wedge_scanner") as device:
        assert list(device.poll(0.01)) == []


class GrabbedDevice:
    """Stands in for evdev.InputDevice: a pipe that says when there is something, and what there is."""

    opened: list[GrabbedDevice] = []  # noqa: RUF012

    def __init__(self, path: str) -> None:
        failure = FAILURES.get(path)
        if failure is not None:
            raise OSError(failure, "no")
        self.fd, self._say = os.pipe()
        self.grabbed = False
        self.path = path
        GrabbedDevice.opened.append(self)

    def grab(self) -> None:
        if self.path.endswith("busy-event-kbd"):
            raise OSError(errno.EBUSY, "busy")
        self.grabbed = True

    def ungrab(self) -> None:
        self.grabbed = False

    def type(self, code: str) -> None:
        self._keys = [
            SimpleNamespace(type=kind, code=key, value=value, timestamp=lambda: 1.0)
            for key, value in keys_of(code)
            for kind in (EV_KEY, 0)
        ]
        os.write(self._say, b"!")

    def read(self) -> list[Any]:
        os.read(self.fd, 1)
        return self._keys

    def close(self) -> None:
        os.close(self.fd)
        os.close(self._say)


FAILURES = {
    "/dev/input/by-id/locked-event-kbd": errno.EACCES,
    "/dev/input/by-id/gone-event-kbd": errno.ENOENT,
    "/dev/input/by-id/disk-event-kbd": errno.ENOTTY,
}


@pytest.fixture
def evdev(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("evdev")
    module.InputDevice = GrabbedDevice  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "evdev", module)
    GrabbedDevice.opened.clear()


@pytest.mark.usefixtures("evdev")
def test_an_input_device_is_grabbed_read_and_let_go() -> None:
    with opened("hid_scanner", address="/dev/input/by-id/x-event-kbd") as device:
        keyboard = GrabbedDevice.opened[0]
        assert keyboard.grabbed
        keyboard.type(EAN)
        assert told(device) == [Scan(EAN)]
    assert not keyboard.grabbed


@pytest.mark.usefixtures("evdev")
@pytest.mark.parametrize(
    ("name", "error", "sentence"),
    [
        ("locked", DeviceMisconfigured, "add the gateway's user to the group input"),
        ("busy", DeviceMisconfigured, "is held by another program: close it"),
        ("disk", DeviceMisconfigured, "is no input device: choose one in /dev/input/by-id"),
        ("gone", DeviceAbsent, "There is no scanner at"),
    ],
)
def test_an_input_device_that_cannot_be_had_is_a_sentence(name: str, error: type[Exception], sentence: str) -> None:
    path = f"/dev/input/by-id/{name}-event-kbd"
    with pytest.raises(error, match=sentence), opened("hid_scanner", address=path):
        pass


def test_without_evdev_the_driver_says_what_to_use_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "evdev", None)
    with (
        pytest.raises(DeviceMisconfigured, match="use the driver serial_scanner"),
        opened("hid_scanner", address="/dev/input/event0"),
    ):
        pass
