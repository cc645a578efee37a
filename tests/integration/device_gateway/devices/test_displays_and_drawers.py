"""Line displays and serial drawers against their simulators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from device_gateway.domain.observations import DrawerSeen
from device_gateway.drivers.display.line_2x20.driver import LineDisplay
from device_gateway.drivers.display.line_2x20.driver import driver as display_driver
from device_gateway.drivers.display.line_2x20.simulator import LineDisplaySimulator, LineDisplaySimulatorOptions
from device_gateway.drivers.drawer.serial_drawer.driver import SerialDrawer, SerialDrawerOptions
from device_gateway.drivers.drawer.serial_drawer.driver import driver as drawer_driver
from device_gateway.drivers.drawer.serial_drawer.simulator import DrawerSimulator, DrawerSimulatorOptions
from device_gateway.drivers.interface import DeviceAbsent
from device_gateway.drivers.lines import ModemInputs, open_line
from device_gateway.simulators import CutAtByte, Faults, serving
from tests.integration.device_gateway.devices.patience import told, told_at_the_end, until

LISTEN = ["pty", "tcp://127.0.0.1:0"]


@contextmanager
def display_at(line: str, **options: Any) -> Iterator[LineDisplay]:
    device = display_driver.open_device(display_driver.options.model_validate({"address": line, **options}))
    assert isinstance(device, LineDisplay)
    try:
        yield device
    finally:
        device.close()


@contextmanager
def drawer_at(line: str, **options: Any) -> Iterator[SerialDrawer]:
    device = drawer_driver.open_device(drawer_driver.options.model_validate({"address": line, **options}))
    assert isinstance(device, SerialDrawer)
    try:
        yield device
    finally:
        device.close()


@pytest.mark.parametrize("listen", LISTEN)
def test_two_lines_are_shown_and_replaced_whole(listen: str) -> None:
    simulator = LineDisplaySimulator()
    frames: list[str] = []
    simulator.watch = frames.append
    with serving(simulator, listen) as address, display_at(address) as display:
        display.show("Bananas, organic, 1 kg", "2.50")
        until(lambda: simulator.rows == ("Bananas, organic, 1 ", "2.50                "))
        display.show("Tea", "")
        until(lambda: simulator.rows == ("Tea" + " " * 17, " " * 20))
    assert simulator.unknown == []
    edge = "+" + "-" * 20 + "+"
    assert frames[-1].splitlines() == [edge, "|Tea                 |", "|                    |", edge]


@pytest.mark.parametrize(("page", "text"), [("cp852", "Zażółć gęślą jaźń"), ("cp866", "Мясной рулет")])
def test_letters_are_shown_in_the_displays_code_page(page: str, text: str) -> None:
    simulator = LineDisplaySimulator()
    with serving(simulator) as address, display_at(address, code_page=page) as display:
        display.show(text, "")
        until(lambda: simulator.rows[0].rstrip() == text)


def test_a_display_behind_the_printer_is_selected_for_its_bytes_only() -> None:
    simulator = LineDisplaySimulator()
    with serving(simulator) as address, display_at(address, through_printer=True) as display:
        display.show("Hello", "")
        until(lambda: simulator.rows[0].startswith("Hello"))
        simulator.received(b"\x1b\x3d\x02ok\x1b\x3d\x01a receipt")
        assert "a receipt" not in "".join(simulator.rows)


def test_a_wider_display_uses_its_width() -> None:
    simulator = LineDisplaySimulator(LineDisplaySimulatorOptions(width=24))
    with serving(simulator) as address, display_at(address, width=24) as display:
        display.show("x" * 30, "y")
        until(lambda: simulator.rows == ("x" * 24, "y".ljust(24)))


def test_a_display_that_is_unplugged_is_absent_and_shows_again_when_opened_anew(tmp_path: Path) -> None:
    simulator = LineDisplaySimulator(faults=Faults([CutAtByte(20)]))
    with serving(simulator, f"pty:{tmp_path / 'display'}", back_after_s=0.01) as address:
        with display_at(address) as display:
            display.show("Half a line", "")
            _, error = told_at_the_end(display)
        assert isinstance(error, DeviceAbsent)
        until(lambda: Path(address).exists())
        with display_at(address) as display:
            display.show("Whole", "again")
            until(lambda: simulator.rows == ("Whole".ljust(20), "again".ljust(20)))


@pytest.mark.parametrize("listen", LISTEN)
@pytest.mark.parametrize("open_bytes", ["07", "1b 70 00 32 32"])
def test_a_drawer_opens_on_its_bytes_once_for_each_order(listen: str, open_bytes: str) -> None:
    simulator = DrawerSimulator(DrawerSimulatorOptions(open_bytes=open_bytes))
    with serving(simulator, listen) as address, drawer_at(address, open_bytes=open_bytes) as drawer:
        drawer.open_drawer()
        until(lambda: simulator.open)
        simulator.typed("close")
        assert not simulator.open
        drawer.open_drawer()
        until(lambda: simulator.openings == 2)
        assert drawer.seen() is None
        assert list(drawer.poll(0.0)) == []


def test_a_drawer_on_a_line_without_pins_has_no_sensor() -> None:
    with serving(DrawerSimulator()) as address, drawer_at(address, sensor="cts") as drawer:
        assert drawer.seen() is None


def test_a_drawer_that_is_unplugged_is_absent(tmp_path: Path) -> None:
    simulator = DrawerSimulator()
    with serving(simulator, f"pty:{tmp_path / 'drawer'}") as address, drawer_at(address) as drawer:
        assert simulator.line is not None
        simulator.line.unplug()
        _, error = told_at_the_end(drawer)
    assert isinstance(error, DeviceAbsent)


class Pins:
    """A serial port whose pins a test sets."""

    def __init__(self) -> None:
        self.now = ModemInputs(cts=False, dsr=False, dcd=False, ri=False)
        self.answers = True
        self.written = b""

    def inputs(self) -> ModemInputs | None:
        return self.now

    def write(self, data: bytes) -> None:
        self.written += data

    def read(self, limit: int, timeout_s: float) -> bytes:
        return b""

    def unsent(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing to let go of."""


@pytest.mark.parametrize("pin", ["cts", "dsr"])
@pytest.mark.parametrize("open_when", ["high", "low"])
def test_the_sensors_pin_tells_opening_and_closing_once_each(pin: str, open_when: str) -> None:
    pins = Pins()
    options = SerialDrawerOptions.model_validate({"address": "tcp://x:1", "sensor": pin, "open_when": open_when})
    drawer = SerialDrawer(pins, options)
    found = []
    for high in (False, False, True, True, False):
        pins.now = ModemInputs(cts=high and pin == "cts", dsr=high and pin == "dsr", dcd=False, ri=False)
        found += list(drawer.poll(0.0))
    opens_high = open_when == "high"
    assert found == [DrawerSeen(not opens_high), DrawerSeen(opens_high), DrawerSeen(not opens_high)]
    assert drawer.seen() == DrawerSeen(not opens_high)


def test_pins_of_a_pseudo_terminal_and_of_tcp_are_none() -> None:
    for listen in LISTEN:
        with serving(DrawerSimulator(), listen) as address:
            line = open_line(address)
            assert line.inputs() is None  # type: ignore[attr-defined]
            line.close()


@pytest.mark.parametrize("text", ["", "7", "xx", "00" * 33])
def test_opening_bytes_that_are_none_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValidationError, match="as in 07 or 1b 70 00 32 32"):
        SerialDrawerOptions.model_validate({"address": "tcp://x:1", "open_bytes": text})


def test_nothing_is_told_by_a_closed_drawer_that_stays_closed() -> None:
    pins = Pins()
    drawer = SerialDrawer(pins, SerialDrawerOptions(address="tcp://x:1", sensor="cts"))
    assert told(drawer) == [DrawerSeen(open=False)]
    assert list(drawer.poll(0.0)) == []
    drawer.open_drawer()
    assert pins.written == b"\x07"
