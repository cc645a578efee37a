"""Devices that appear and vanish: links and pseudo-terminals, and udev through a stand-in."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from device_gateway.domain.observations import Scan
from device_gateway.drivers.interface import DeviceAbsent
from device_gateway.drivers.scanner.serial_scanner.driver import driver
from device_gateway.drivers.scanner.serial_scanner.simulator import ScannerSimulator
from device_gateway.hotplug import Change, HotPlug, present
from device_gateway.simulators import serving
from tests.integration.device_gateway.devices.patience import LONGEST_S, told, told_at_the_end

REOPENED_WITHIN_S = 2.0


@contextmanager
def watching(paths: Callable[[], list[str]]) -> Iterator[queue.Queue[Change]]:
    changes: queue.Queue[Change] = queue.Queue()
    hotplug = HotPlug(changes.put, paths, look_every_s=0.02)
    hotplug.start()
    try:
        yield changes
    finally:
        hotplug.stop()


@pytest.fixture(autouse=True)
def _no_udev(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own devices come and go as they like: each test says what udev there is."""
    monkeypatch.setitem(sys.modules, "pyudev", None)


def test_a_link_that_appears_moves_and_vanishes_is_told(tmp_path: Path) -> None:
    link, first, second = tmp_path / "scanner", tmp_path / "ttyUSB0", tmp_path / "ttyUSB1"
    first.touch()
    second.touch()
    path = str(link)
    with watching(lambda: [path]) as changes:
        link.symlink_to(first)
        assert changes.get(timeout=LONGEST_S) == Change(appeared=frozenset({path}))
        other = tmp_path / "new"
        other.symlink_to(second)
        other.replace(link)
        assert changes.get(timeout=LONGEST_S) == Change(appeared=frozenset({path}), vanished=frozenset({path}))
        link.unlink()
        assert changes.get(timeout=LONGEST_S) == Change(vanished=frozenset({path}))
    assert changes.empty()


def test_what_is_there_at_the_start_and_what_is_configured_later_is_no_change(tmp_path: Path) -> None:
    there, later = tmp_path / "a", tmp_path / "b"
    there.touch()
    paths = [str(there)]
    with watching(lambda: paths) as changes:
        later.touch()
        paths.append(str(later))
        # The path that is told shows that the others have been looked at.
        there.unlink()
        assert changes.get(timeout=LONGEST_S) == Change(vanished=frozenset({str(there)}))
        later.unlink()
        assert changes.get(timeout=LONGEST_S) == Change(vanished=frozenset({str(later)}))


def test_a_scanner_that_is_pulled_and_put_back_reads_again_within_two_seconds(tmp_path: Path) -> None:
    """The driver is opened as a worker does it: absent, then woken by the change."""
    scanner = ScannerSimulator()
    with serving(scanner, f"pty:{tmp_path / 'scanner'}") as address, watching(lambda: [address]) as changes:
        options = driver.options.model_validate({"address": address})
        device = driver.open_device(options)
        for code in ("first", "second", "third"):
            scanner.scan(code)
            assert told(device) == [Scan(code)]
            assert scanner.line is not None
            scanner.line.unplug()
            _, error = told_at_the_end(device)
            assert isinstance(error, DeviceAbsent)
            device.close()
            assert changes.get(timeout=LONGEST_S) == Change(vanished=frozenset({address}))
            began_s = time.monotonic()
            scanner.line.plug_in()
            assert changes.get(timeout=LONGEST_S) == Change(appeared=frozenset({address}))
            device = driver.open_device(options)
            assert time.monotonic() - began_s < REOPENED_WITHIN_S
        device.close()


def test_stopping_ends_the_thread_and_tells_nothing_more(tmp_path: Path) -> None:
    path = tmp_path / "x"
    changes: list[Change] = []
    before = threading.active_count()
    hotplug = HotPlug(changes.append, lambda: [str(path)], look_every_s=0.02)
    hotplug.start()
    hotplug.stop()
    path.touch()
    assert threading.active_count() == before
    assert changes == []


def test_without_udev_nothing_is_present() -> None:
    assert present() == []


class Netlink:
    """Stands in for pyudev: what is plugged in, and a monitor that a test feeds."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.events: queue.Queue[Any] = queue.Queue()
        self.filtered: list[str] = []
        self.started = threading.Event()
        self.plugged: list[Any] = []
        module = ModuleType("pyudev")
        module.Context = lambda: self  # type: ignore[attr-defined]
        module.Monitor = SimpleNamespace(from_netlink=lambda context: self)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, "pyudev", module)

    def filter_by(self, subsystem: str) -> None:
        self.filtered.append(subsystem)

    def start(self) -> None:
        self.started.set()

    def poll(self, timeout: float) -> Any:
        try:
            return self.events.get(timeout=timeout) if timeout > 0 else self.events.get_nowait()
        except queue.Empty:
            return None

    def list_devices(self, subsystem: str) -> list[Any]:
        return [device for device in self.plugged if device.subsystem == subsystem]


def test_udev_tells_all_nodes_of_a_device_in_one_change(monkeypatch: pytest.MonkeyPatch) -> None:
    netlink = Netlink(monkeypatch)
    with watching(list) as changes:
        assert netlink.started.wait(LONGEST_S)
        netlink.events.put(SimpleNamespace(device_node="/dev/input/event7", action="add"))
        netlink.events.put(SimpleNamespace(device_node="/dev/hidraw2", action="add"))
        assert changes.get(timeout=LONGEST_S).appeared == {"/dev/input/event7", "/dev/hidraw2"}
        netlink.events.put(SimpleNamespace(device_node="/dev/ttyUSB0", action="bind"))
        netlink.events.put(SimpleNamespace(device_node=None, action="remove"))
        netlink.events.put(SimpleNamespace(device_node="/dev/hidraw2", action="remove"))
        assert changes.get(timeout=LONGEST_S) == Change(vanished=frozenset({"/dev/hidraw2"}))
    assert set(netlink.filtered) == {"tty", "input", "usbmisc", "hidraw"}


class UsbAttributes(dict[str, str]):
    """Attributes of a USB device as pyudev gives them."""

    def asstring(self, name: str) -> str:
        return self[name]


def usb_device(node: str) -> Any:
    """A virtual COM port as udev lists it."""
    attributes = UsbAttributes(idVendor="05e0", idProduct="1701", serial="S1")
    parent = SimpleNamespace(attributes=attributes, sys_name="1-1.4")
    return SimpleNamespace(device_node=node, subsystem="tty", sys_name="ttyACM0", find_parent=lambda *kind: parent)


def test_a_scanner_keeps_its_name_when_linux_calls_it_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    netlink = Netlink(monkeypatch)
    options = driver.options.model_validate({"address": "usb:05e0:1701:S1"})
    with pytest.raises(DeviceAbsent, match="No device usb:05e0:1701:S1 is plugged in"):
        driver.open_device(options)
    first, second = ScannerSimulator(), ScannerSimulator()
    with serving(first, "pty") as before, serving(second, "pty") as after:
        assert before != after
        for scanner, node in ((first, before), (second, after)):
            netlink.plugged = [usb_device(node)]
            device = driver.open_device(options)
            scanner.scan("5901234123457")
            assert told(device) == [Scan("5901234123457")]
            device.close()


def test_paths_are_looked_at_beside_udev(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Netlink(monkeypatch)
    path = tmp_path / "scale"
    with watching(lambda: [str(path)]) as changes:
        path.touch()
        assert changes.get(timeout=LONGEST_S) == Change(appeared=frozenset({str(path)}))


def test_the_systems_own_udev_can_be_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pyudev")
    for device in present():
        assert os.path.isabs(device.node)
        assert len(device.vendor) == 4
    hotplug = HotPlug(lambda change: None)
    hotplug.start()
    hotplug.stop()
