"""devices.toml: what it means, and one clear sentence for every mistake."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest
from pydantic import Field

from device_gateway.configuration import ConfiguredDevice, devices_in, read_devices
from device_gateway.drivers.interface import Driver, DriverOptions
from device_gateway.drivers.manifests import Manifest
from device_gateway.enrolment import EnrolledTill
from libs.host.errors import WrongSetting

ONE, TWO = UUID(int=1), UUID(int=2)
TILLS = (EnrolledTill(till_id=ONE, code="1"), EnrolledTill(till_id=TWO, code="kiosk"))


class PrinterOptions(DriverOptions):
    """The options of a made-up printer."""

    address: str
    width_mm: Literal[58, 80] = 80


class ScannerOptions(DriverOptions):
    """The options of a made-up scanner; without a path it is found by itself."""

    path: str | None = None
    baud: int = Field(9600, ge=1200)


def _never(_options: object) -> Any:
    raise AssertionError("reading a configuration opens nothing")


DRIVERS: dict[str, Driver[Any]] = {
    "escpos": Driver(PrinterOptions, _never),
    "serial_scanner": Driver(ScannerOptions, _never),
}
MANIFESTS = {
    name: Manifest(
        name=name, kind=kind, title=name, lines=("serial",), sources=("a page",), proof="nothing", simulator=False
    )
    for name, kind in (("escpos", "printer"), ("serial_scanner", "scanner"))
}


def known() -> Mapping[str, Manifest]:
    return MANIFESTS


def read(text: str, folder: Path) -> list[ConfiguredDevice]:
    path = folder / "devices.toml"
    path.write_text(text, encoding="utf-8")
    return read_devices(path, TILLS, known=known, load=DRIVERS.__getitem__)


def test_a_file_lists_devices_in_their_order_with_checked_options(tmp_path: Path) -> None:
    printer, scanner = read(
        """
        [[device]]
        name = "receipt-printer"
        driver = "escpos"
        tills = ["kiosk"]
        options = { address = "tcp://192.0.2.20:9100", width_mm = 58 }

        [[device]]
        name = "scanner"
        driver = "serial_scanner"
        """,
        tmp_path,
    )
    assert (printer.name, printer.placed.kind, printer.placed.driver) == ("receipt-printer", "printer", "escpos")
    assert printer.options == PrinterOptions(address="tcp://192.0.2.20:9100", width_mm=58)
    assert (printer.placed.till_ids, printer.placed.drawer_plug) == ((TWO,), True)
    assert (scanner.placed.till_ids, scanner.placed.drawer_plug) == ((ONE, TWO), False)


def test_a_pc_without_the_file_has_no_devices(tmp_path: Path) -> None:
    assert read_devices(tmp_path / "devices.toml", TILLS, known=known, load=DRIVERS.__getitem__) == []


def test_a_printer_may_say_that_no_drawer_is_plugged_into_it(tmp_path: Path) -> None:
    (printer,) = read(
        '[[device]]\nname = "p"\ndriver = "escpos"\ndrawer = false\n[device.options]\naddress = "/dev/usb/lp0"',
        tmp_path,
    )
    assert printer.placed.drawer_plug is False


PRINTER = {"name": "p", "driver": "escpos", "options": {"address": "/dev/usb/lp0"}}
SCANNER = {"name": "s", "driver": "serial_scanner"}


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        (
            {"device": [PRINTER | {"driver": "epson"}]},
            "Device 'p': driver: there is no driver 'epson'; the drivers are escpos, serial_scanner.",
        ),
        (
            {"device": [PRINTER | {"tills": ["7"]}]},
            "Device 'p': tills: this PC has no till '7'; its tills are 1, kiosk.",
        ),
        (
            {"device": [PRINTER | {"tills": []}]},
            "Device 'p': tills: it names none. Name one, or leave it away: then it serves all tills here.",
        ),
        ({"device": [PRINTER | {"tills": "1"}]}, "Device 'p': tills: write for example tills = [\"1\"]."),
        (
            {"device": [PRINTER | {"options": {"address": "x", "widht_mm": 58}}]},
            "Device 'p': options.widht_mm is not known; the options of escpos are address, width_mm.",
        ),
        (
            {"device": [PRINTER | {"options": {}}]},
            "Device 'p': options.address is missing; escpos cannot do without it.",
        ),
        (
            {"device": [PRINTER | {"options": {"address": "x", "width_mm": 76}}]},
            "Device 'p': options.width_mm: input should be 58 or 80.",
        ),
        (
            {"device": [SCANNER | {"options": {"baud": 300}}]},
            "Device 's': options.baud: input should be greater than or equal to 1200.",
        ),
        (
            {"device": [PRINTER, PRINTER | {"name": "q"}]},
            "Device 'q': options: 'p' is at the same address (address = '/dev/usb/lp0'). A device can be listed once "
            "only; correct one of the two addresses.",
        ),
        (
            {"device": [PRINTER, SCANNER | {"name": "p"}]},
            "Device 'p': name: there are two of that name. Give each its own.",
        ),
        (
            {"device": [SCANNER | {"name": "Scanner 1"}]},
            "Device 'Scanner 1': name: it must be a lower-case word such as receipt-printer: a letter, then up to 31 "
            "letters, digits, - and _.",
        ),
        (
            {"device": [{"driver": "escpos"}]},
            'Device number 1: name: it is missing; write for example name = "receipt-printer".',
        ),
        (
            {"device": [{"name": "p"}]},
            "Device 'p': driver: it is missing; write for example driver = \"escpos\".",
        ),
        (
            {"device": [PRINTER | {"address": "x"}]},
            "Device 'p': address is not known; a device has name, driver, tills, drawer, options. What the driver "
            "takes stands below [device.options].",
        ),
        (
            {"device": [SCANNER | {"drawer": True}]},
            "Device 's': drawer: it is for printers; serial_scanner drives a scanner. Leave it away.",
        ),
        ({"devices": []}, "devices.toml: devices is not known; devices are listed as [[device]]."),
        ({"device": PRINTER}, "devices.toml: device must be a list; write [[device]] with two brackets."),
    ],
)
def test_every_mistake_is_one_sentence_that_names_device_and_field(document: dict[str, Any], sentence: str) -> None:
    with pytest.raises(WrongSetting) as wrong:
        devices_in(document, TILLS, known=known, load=DRIVERS.__getitem__)
    assert str(wrong.value) == sentence


def test_two_devices_that_are_found_by_themselves_are_not_at_one_address() -> None:
    assert len(devices_in({"device": [SCANNER, SCANNER | {"name": "t"}]}, TILLS, known=known, load=DRIVERS.get)) == 2  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["[[device]\n", "name = ", b"\xff\xfe"])
def test_a_file_that_is_not_toml_is_named(text: str | bytes, tmp_path: Path) -> None:
    path = tmp_path / "devices.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(WrongSetting, match=r"devices\.toml is not (TOML|UTF-8)"):
        read_devices(path, TILLS, known=known, load=DRIVERS.__getitem__)


def test_a_banks_program_drives_one_terminal_unless_it_is_configured_for_two() -> None:
    options = {"dialect": "sberbank", "program": "/opt/bank/sb_pilot", "state_folder": "one"}
    one = {"name": "one", "driver": "process_and_files", "options": options}
    with pytest.raises(WrongSetting, match="'one' is at the same address"):
        devices_in({"device": [one, one | {"name": "two"}]}, TILLS)
    apart = {"name": "two", "driver": "process_and_files", "options": options | {"configuration_folder": "/opt/two"}}
    assert len(devices_in({"device": [one, apart]}, TILLS)) == 2
