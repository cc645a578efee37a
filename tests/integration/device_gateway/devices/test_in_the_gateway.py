"""Real drivers and simulated devices in a whole gateway: what a till hears, and how fast."""

from __future__ import annotations

import asyncio
import statistics
import time
from pathlib import Path
from typing import Any

from device_gateway.configuration import ConfiguredDevice, devices_in
from device_gateway.drivers.interface import Driver
from device_gateway.drivers.manifests import FOLDER, Manifest, read_manifest
from device_gateway.drivers.scale.mettler_8217.driver import driver as scale_driver
from device_gateway.drivers.scale.mettler_8217.simulator import Mettler8217Simulator
from device_gateway.drivers.scanner.serial_scanner.driver import driver as scanner_driver
from device_gateway.drivers.scanner.serial_scanner.simulator import ScannerSimulator
from device_gateway.hotplug import HotPlug
from device_gateway.simulators import serving
from tests.integration.device_gateway.core.stand import ENROLMENT, TILL, Stand, stand, until

DRIVERS: dict[str, Driver[Any]] = {"serial_scanner": scanner_driver, "mettler_8217": scale_driver}
SCAN_TO_TILL_S = 0.02
REOPENED_WITHIN_S = 2.0


def configured(driver: str, name: str, **options: Any) -> list[ConfiguredDevice]:
    """A device as devices.toml would list it."""
    manifests: dict[str, Manifest] = {known: read_manifest(next(FOLDER.glob(f"*/{known}"))) for known in DRIVERS}
    document = {"device": [{"name": name, "driver": driver, "tills": ["1"], "options": options}]}
    return devices_in(document, ENROLMENT.tills, known=lambda: manifests, load=DRIVERS.__getitem__)


async def next_scan(shop: Stand, listener: Any) -> str:
    """The text of the next scan that a till's pages hear."""
    async with asyncio.timeout(10):
        while True:
            message = await listener.next_message()
            if message["type"] == "scan":
                return str(message["text"])


async def test_a_scan_is_heard_by_the_tills_pages_in_under_20_ms(tmp_path: Path) -> None:
    scanner = ScannerSimulator()
    delays_s = []
    with serving(scanner) as address:
        # As long as the gateway may listen at a time: a scan must not wait for its end.
        async with stand(tmp_path, configured("serial_scanner", "scanner", address=address), poll_s=1.0) as shop:
            await shop.device_is("scanner", "ready")
            with shop.gateway.parts.live.listening(TILL) as listener:
                for number in range(25):
                    began_s = time.monotonic()
                    await asyncio.to_thread(scanner.scan, f"590123412345{number}")
                    assert await next_scan(shop, listener) == f"590123412345{number}"
                    delays_s.append(time.monotonic() - began_s)
    # The quickest quarter: what the others took belongs to whatever else this machine does.
    assert statistics.quantiles(delays_s)[0] < SCAN_TO_TILL_S


async def test_a_scanner_that_is_put_back_reads_again_within_two_seconds(tmp_path: Path) -> None:
    scanner = ScannerSimulator()
    with serving(scanner, f"pty:{tmp_path / 'scanner'}") as address:
        # With the pauses of a shop. Changes wake the workers, so none of them is waited for.
        settings: dict[str, Any] = {"reopen_s": 0.25, "reopen_limit_s": 1.5}
        async with stand(tmp_path, configured("serial_scanner", "scanner", address=address), **settings) as shop:
            hotplug = HotPlug(lambda change: shop.gateway.parts.workforce.wake("scanner"), lambda: [address])
            hotplug.start()
            with shop.gateway.parts.live.listening(TILL) as listener:
                await shop.device_is("scanner", "ready")
                for number in range(3):
                    assert scanner.line is not None
                    await asyncio.to_thread(scanner.line.unplug)
                    await shop.device_is("scanner", "absent")
                    began_s = time.monotonic()
                    await asyncio.to_thread(scanner.line.plug_in)
                    await shop.device_is("scanner", "ready")
                    assert time.monotonic() - began_s < REOPENED_WITHIN_S
                    scanner.scan(f"scan {number}")
                    assert await next_scan(shop, listener) == f"scan {number}"
            await asyncio.to_thread(hotplug.stop)


async def test_a_scale_that_refuses_a_tare_says_why_and_stays_ready(tmp_path: Path) -> None:
    scale = Mettler8217Simulator()
    options = {"ask_every_s": 0.05, "command_delay_s": 0.02}
    with serving(scale) as address:
        async with stand(tmp_path, configured("mettler_8217", "scale", address=address, **options)) as shop:
            await shop.device_is("scale", "ready")
            headers = shop.keys.headers()
            scale.typed("moving")
            refused = await shop.http.post("/gateway/v1/devices/scale/tares", json={}, headers=headers)
            assert refused.status_code == 503
            assert "Put the empty container on the scale and wait until the weight rests." in refused.json()["detail"]
            scale.typed("30")
            taken = await shop.http.post("/gateway/v1/devices/scale/tares", json={}, headers=headers)
            assert taken.status_code < 300
            scale.typed("1280")
            weighed = (await shop.http.post("/gateway/v1/devices/scale/weighings", headers=headers)).json()
            assert (weighed["gross_g"], weighed["tare_g"], weighed["net_g"]) == (1280, 30, 1250)
            await until(lambda: bool(shop.server.device_states("scale")))
            assert shop.server.device_states("scale") == ["ready"]
