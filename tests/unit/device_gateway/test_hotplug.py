"""Which device is meant, and which driver could drive what is plugged in."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.manifests import Manifest, UsbId
from device_gateway.hotplug import (
    PluggedDevice,
    SeveralFit,
    UsbMatch,
    device_file,
    node_of,
    plugged_device,
    read_usb_address,
    suggestions,
)

SCANNER = PluggedDevice("05e0", "1701", "S1", "1-1.4", "/dev/ttyACM0", "tty")
KEYBOARD_SCANNER = PluggedDevice("05e0", "1200", None, "1-1.3", "/dev/input/event7", "input")
ADAPTER = PluggedDevice("0403", "6001", "A900", "1-2", "/dev/ttyUSB0", "tty")
OTHER_ADAPTER = PluggedDevice("0403", "6001", "A901", "1-3", "/dev/ttyUSB1", "tty")
PRINTER = PluggedDevice("04b8", "0e15", "P1", "2-1", "/dev/usb/lp0", "usbmisc")
PLUGGED = [SCANNER, KEYBOARD_SCANNER, ADAPTER, OTHER_ADAPTER, PRINTER]


def manifest(name: str, kind: str, lines: tuple[str, ...], *usb: UsbId) -> Manifest:
    return Manifest.model_validate(
        {
            "name": name,
            "kind": kind,
            "title": name,
            "lines": lines,
            "sources": ("x",),
            "proof": "x",
            "simulator": False,
            "usb": usb,
        }
    )


def test_a_device_is_found_by_its_serial_number_wherever_it_is_plugged_in() -> None:
    moved = PluggedDevice("0403", "6001", "A901", "1-9", "/dev/ttyUSB7", "tty")
    assert node_of(UsbMatch(serial="A901"), ("tty",), PLUGGED) == "/dev/ttyUSB1"
    assert node_of(UsbMatch(serial="A901"), ("tty",), [SCANNER, ADAPTER, moved]) == "/dev/ttyUSB7"


def test_a_device_without_serial_number_is_found_by_ids_and_port() -> None:
    assert node_of(UsbMatch("05e0", "1200", port_path="1-1.3"), ("input",), PLUGGED) == "/dev/input/event7"
    assert node_of(UsbMatch("05e0", "1200", port_path="1-1.9"), ("input",), PLUGGED) is None


@pytest.mark.parametrize(
    ("address", "match"),
    [
        ("usb:05e0:1701", UsbMatch("05e0", "1701")),
        ("USB:05E0:1701", UsbMatch("05e0", "1701")),
        ("usb:0403:6001:A900", UsbMatch("0403", "6001", serial="A900")),
        ("usb:05e0:1200@1-1.3", UsbMatch("05e0", "1200", port_path="1-1.3")),
        ("usb:*:*:A900@1-2", UsbMatch(serial="A900", port_path="1-2")),
    ],
)
def test_an_address_names_what_stays(address: str, match: UsbMatch) -> None:
    assert read_usb_address(address) == match
    assert read_usb_address(match.address) == match


@pytest.mark.parametrize(
    "address", ["usb:", "usb:05e0", "usb:5e0:1701", "usb:05e0:1701:", "usb:05e0:1701@", "usb:zebra:1"]
)
def test_what_is_no_usb_address_is_refused_with_examples(address: str) -> None:
    with pytest.raises(
        DeviceMisconfigured, match=r"write usb:VENDOR:PRODUCT as lsusb shows them, e\.g\. usb:05e0:1701"
    ):
        device_file(address, ("tty",))


def test_other_addresses_lead_where_they_say() -> None:
    assert device_file("/dev/ttyUSB0", ("tty",)) == "/dev/ttyUSB0"
    assert device_file("tcp://192.0.2.20:9100", ("tty",)) == "tcp://192.0.2.20:9100"


def test_a_device_is_only_found_as_what_the_driver_can_open() -> None:
    assert node_of(UsbMatch("05e0"), ("tty",), PLUGGED) == "/dev/ttyACM0"
    assert node_of(UsbMatch("05e0"), ("input",), PLUGGED) == "/dev/input/event7"
    assert node_of(UsbMatch("05e0"), ("usbmisc",), PLUGGED) is None


def test_two_that_fit_are_not_guessed_between() -> None:
    with pytest.raises(SeveralFit) as several:
        node_of(UsbMatch("0403", "6001"), ("tty",), PLUGGED)
    assert str(several.value) == (
        "Several devices like usb:0403:6001 are plugged in, at the ports 1-2 (A900), 1-3 (A901): add :SERIAL or @PORT "
        "of the one that is meant."
    )


def test_the_first_of_several_nodes_of_one_device_is_meant() -> None:
    nodes = [PluggedDevice("05e0", "1200", None, "1-1", f"/dev/input/event{n}", "input") for n in (10, 9)]
    assert node_of(UsbMatch("05e0"), ("input",), nodes) == "/dev/input/event9"


def test_plug_and_play_suggests_drivers_by_what_they_can_open() -> None:
    drivers = [
        manifest("serial_scanner", "scanner", ("serial", "tcp"), UsbId(vendor="05e0", title="Zebra")),
        manifest("hid_scanner", "scanner", ("hid",), UsbId(vendor="05e0", title="Zebra")),
        manifest("escpos", "printer", ("usb", "tcp"), UsbId(vendor="04b8", product="0e15", title="Epson")),
    ]
    found = suggestions(drivers, PLUGGED)
    assert [(one.driver, one.plugged) for one in found] == [
        ("hid_scanner", KEYBOARD_SCANNER),
        ("serial_scanner", SCANNER),
        ("escpos", PRINTER),
    ]
    assert found[0].match == UsbMatch("05e0", "1200", port_path="1-1.3")
    assert found[1].match == UsbMatch("05e0", "1701", serial="S1")
    assert [one.match.address for one in found] == ["usb:05e0:1200@1-1.3", "usb:05e0:1701:S1", "usb:04b8:0e15:P1"]


def test_a_serial_number_that_no_address_can_hold_gives_way_to_the_port() -> None:
    odd = PluggedDevice("05e0", "1701", "S:1 @", "1-1.4", "/dev/ttyACM0", "tty")
    driver = manifest("serial_scanner", "scanner", ("serial",), UsbId(vendor="05e0", title="Zebra"))
    assert suggestions([driver], [odd])[0].match == UsbMatch("05e0", "1701", port_path="1-1.4")


def test_a_driver_for_the_product_goes_before_one_for_the_vendor() -> None:
    drivers = [
        manifest("any_zebra", "scanner", ("serial",), UsbId(vendor="05e0", title="any")),
        manifest("this_zebra", "scanner", ("serial",), UsbId(vendor="05e0", product="1701", title="this")),
    ]
    assert [one.driver for one in suggestions(drivers, [SCANNER])] == ["this_zebra"]


def test_a_device_that_no_driver_names_is_not_suggested() -> None:
    driver = manifest("escpos", "printer", ("usb",), UsbId(vendor="04b8", product="ffff", title="Epson"))
    assert suggestions([driver], PLUGGED) == []


class Attributes(dict[str, str]):
    def asstring(self, name: str) -> str:
        return self[name]


def udev_device(node: str | None, subsystem: str, name: str, usb: bool = True) -> Any:
    attributes = Attributes(idVendor="05E0", idProduct="1701", serial=" S1 ", manufacturer="Zebra", product="DS2208")
    parent = SimpleNamespace(attributes=attributes, sys_name="1-1.4")
    return SimpleNamespace(
        device_node=node, subsystem=subsystem, sys_name=name, find_parent=lambda *kind: parent if usb else None
    )


def test_a_udev_device_is_read_with_its_usb_parents_ids() -> None:
    expected = PluggedDevice("05e0", "1701", "S1", "1-1.4", "/dev/ttyACM0", "tty", "Zebra DS2208")
    assert plugged_device(udev_device("/dev/ttyACM0", "tty", "ttyACM0")) == expected


@pytest.mark.parametrize(
    "device",
    [
        udev_device(None, "tty", "ttyACM0"),
        udev_device("/dev/ttyS0", "tty", "ttyS0", usb=False),
        udev_device("/dev/input/js0", "input", "js0"),
        udev_device("/dev/input/mouse0", "input", "mouse0"),
    ],
)
def test_what_is_no_usable_usb_device_is_left_out(device: Any) -> None:
    assert plugged_device(device) is None
