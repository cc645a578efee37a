"""What is plugged in works without being listed, under a name that stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from device_gateway.configuration import ConfiguredDevice
from device_gateway.drivers.interface import Driver
from device_gateway.hotplug import PluggedDevice, Suggestion
from device_gateway.plug_and_play import PlugAndPlay
from tests.integration.device_gateway.core.fakes import FakePrinter, Options, Plug
from tests.integration.device_gateway.core.stand import OTHER_TILL, TILL, Stand, receipt, stand, until

pytestmark = pytest.mark.anyio


def usb(serial: str | None, port: str, node: str) -> PluggedDevice:
    return PluggedDevice("04b8", "0202", serial, port, node, "usbmisc")


def plugging(shop: Stand, folder: Path, device: Plug, plugged: list[PluggedDevice]) -> PlugAndPlay:
    """Plug and play with these devices plugged in, each driven by `device`."""
    return PlugAndPlay(
        shop.gateway.parts.workforce,
        (TILL, OTHER_TILL),
        folder,
        suggest=lambda: [Suggestion("escpos", device.kind, "A printer", each) for each in plugged],
        load=lambda _name: Driver(Options, device.open),
    )


async def test_a_printer_that_is_plugged_in_prints_for_every_till(tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, []) as shop:
        plugging(shop, tmp_path, printer, [usb("A900", "1-1", "/dev/usb/lp0")]).changed()
        await shop.device_is("printer", "ready")
        command = receipt(till_id=OTHER_TILL)
        await shop.server.send(command)
        await shop.job_is(command.job_id, "printed")


async def test_devices_keep_their_names_in_whatever_order_they_are_plugged_in_again(tmp_path: Path) -> None:
    one, two = usb("A900", "1-1", "/dev/usb/lp0"), usb(None, "1-2", "/dev/usb/lp1")
    async with stand(tmp_path, []) as shop:
        plugging(shop, tmp_path, FakePrinter(), [one, two]).changed()
        named = {worker.placed.name: worker.options for worker in shop.gateway.parts.workforce.workers()}
        assert named == {
            "printer": Options(address="usb:04b8:0202:A900"),
            "printer-2": Options(address="usb:04b8:0202@1-2"),
        }
    elsewhere = usb("A900", "1-7", "/dev/usb/lp5")
    async with stand(tmp_path, []) as shop:
        plugging(shop, tmp_path, FakePrinter(), [two]).changed()
        plugging(shop, tmp_path, FakePrinter(), [two, elsewhere]).changed()
        workers = shop.gateway.parts.workforce.workers()
        assert [worker.placed.name for worker in workers] == ["printer-2", "printer"]


@pytest.mark.parametrize("address", ["/dev/usb/lp0", "usb:04b8:0202", "usb:04b8:*", "usb:*:*:A900"])
async def test_a_device_that_is_listed_is_not_taken_into_service_a_second_time(address: str, tmp_path: Path) -> None:
    printer = FakePrinter()
    listed = printer.configured("till-printer", TILL)
    device = ConfiguredDevice(listed.placed, listed.driver, Options(address=address))
    async with stand(tmp_path, [device]) as shop:
        plugging(shop, tmp_path, printer, [usb("A900", "1-1", "/dev/usb/lp0")]).changed()
        assert [worker.placed.name for worker in shop.gateway.parts.workforce.workers()] == ["till-printer"]


async def test_a_change_opens_a_device_that_is_back_at_once(tmp_path: Path) -> None:
    scanner = Plug(present=False)
    async with stand(tmp_path, [scanner.configured("scanner", TILL)], reopen_s=1.4, reopen_limit_s=1.4) as shop:
        await shop.device_is("scanner", "absent")
        scanner.present = True
        plugging(shop, tmp_path, scanner, []).changed()
        worker = shop.gateway.parts.workforce.worker("scanner")
        await until(lambda: worker.health.state.value == "ready", timeout_s=1)
