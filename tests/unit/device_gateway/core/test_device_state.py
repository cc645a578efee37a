"""What a device tells, as a state and a sentence that a shop assistant can act on; and who opened the drawer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from device_gateway.domain.device_state import (
    DeviceState,
    absent,
    broken,
    health_of,
    health_of_printer,
    health_of_scale,
    misconfigured,
)
from device_gateway.domain.drawer_watch import DrawerWatch
from device_gateway.domain.duplicate_mark import duplicate_mark
from device_gateway.domain.observations import (
    SILENT,
    DrawerSeen,
    Paper,
    PrinterStatus,
    Scan,
    Weighing,
    WeightState,
)
from device_gateway.domain.placement import PlacedDevice, all_of, drawer_of, first_of

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("status", "state", "said"),
    [
        (PrinterStatus(True, online=True, paper=Paper.ADEQUATE, cover_open=False), DeviceState.READY, None),
        (PrinterStatus(True, online=True, paper=Paper.NEAR_END), DeviceState.ATTENTION, "near its end"),
        (PrinterStatus(True, online=False, paper=Paper.END), DeviceState.BLOCKED, "out of paper"),
        (PrinterStatus(True, online=False, cover_open=True, paper=Paper.END), DeviceState.BLOCKED, "cover is open"),
        (PrinterStatus(True, error="cutter jammed"), DeviceState.BLOCKED, "cutter jammed"),
        (PrinterStatus(True, online=False), DeviceState.BLOCKED, "off line"),
        (SILENT, DeviceState.ATTENTION, "does not tell how it is"),
    ],
)
def test_what_blocks_a_printer_comes_before_what_it_asks_for(
    status: PrinterStatus, state: DeviceState, said: str | None
) -> None:
    health = health_of_printer(status)
    assert health.state is state
    if said is None:
        assert health.detail is None
        assert health.what_to_do is None
    else:
        assert said in str(health.detail)
        assert str(health.what_to_do).endswith(".")


def test_a_printer_that_can_print_is_never_called_blocked() -> None:
    for online in (True, False, None):
        for paper in Paper:
            for cover in (True, False, None):
                for error in (None, "jam"):
                    status = PrinterStatus(True, online=online, paper=paper, cover_open=cover, error=error)
                    assert (health_of_printer(status).state is DeviceState.BLOCKED) is not status.can_print


@pytest.mark.parametrize(
    ("state", "expected"),
    [
        (WeightState.STABLE, DeviceState.READY),
        (WeightState.MOVING, DeviceState.READY),
        (WeightState.OVER_CAPACITY, DeviceState.READY),
        (WeightState.BELOW_ZERO, DeviceState.READY),
        (WeightState.FAULT, DeviceState.BLOCKED),
    ],
)
def test_only_a_fault_is_a_trouble_of_the_scale(state: WeightState, expected: DeviceState) -> None:
    assert health_of_scale(Weighing(state)).state is expected


def test_scans_and_drawers_say_nothing_of_a_devices_health() -> None:
    assert health_of(Scan("4006381333931")) is None
    assert health_of(DrawerSeen(open=True)) is None


def test_every_other_state_says_what_to_do() -> None:
    assert absent("scanner", "It is unplugged.").what_to_do == "Plug the scanner in, or put it back into its cradle."
    assert misconfigured("The port is in use.").detail == "The port is in use."
    assert "switch the device off and on" in str(broken("KeyError: 7").what_to_do)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def test_a_drawer_that_opens_without_a_kick_was_opened_by_hand() -> None:
    watch = DrawerWatch(window_s=5)
    assert not watch.opened_by_hand(False, at(0))
    assert watch.opened_by_hand(True, at(1))
    assert not watch.opened_by_hand(True, at(2))
    assert not watch.opened_by_hand(False, at(3))


def test_a_drawer_that_opens_after_a_kick_was_opened_by_it_but_not_long_after() -> None:
    watch = DrawerWatch(window_s=5)
    watch.opened_by_hand(False, at(0))
    watch.kicked(at(10))
    assert not watch.opened_by_hand(True, at(11))
    assert watch.outcome() == "opened"
    watch.opened_by_hand(False, at(12))
    assert watch.opened_by_hand(True, at(15.1))


def test_a_drawer_that_was_open_at_the_first_look_is_nobodys_doing() -> None:
    assert not DrawerWatch(window_s=5).opened_by_hand(True, at(0))


def test_a_sensor_that_never_changed_cannot_say_that_a_drawer_stayed_shut() -> None:
    watch = DrawerWatch(window_s=5)
    assert watch.outcome() == "sent"
    watch.opened_by_hand(False, at(0))
    watch.kicked(at(1))
    assert watch.outcome() == "sent"
    watch.has_sensor = True
    assert watch.outcome() == "failed"


def test_a_tills_drawer_is_its_own_one_else_that_on_its_printer() -> None:
    printer = PlacedDevice("printer", "printer", "escpos", (ONE, TWO), drawer_plug=True)
    kitchen = PlacedDevice("kitchen", "printer", "plain", (ONE,))
    drawer = PlacedDevice("drawer", "drawer", "serial_drawer", (TWO,))
    devices = [kitchen, printer, drawer]
    assert drawer_of(devices, ONE) == printer
    assert drawer_of(devices, TWO) == drawer
    assert drawer_of([kitchen], ONE) is None
    assert first_of(devices, "printer", ONE) == kitchen
    assert first_of(devices, "scale", ONE) is None
    assert all_of(devices, "printer", ONE) == [kitchen, printer]


@pytest.mark.parametrize(
    ("language", "mark"),
    [("en", "DUPLICATE"), ("pl-PL", "DUPLIKAT"), ("ru_RU", "ДУБЛИКАТ"), ("DE", "DUPLIKAT"), ("fr", "DUPLICATE")],
)
def test_a_duplicate_is_marked_in_the_language_of_the_document(language: str, mark: str) -> None:
    assert duplicate_mark(language) == mark
