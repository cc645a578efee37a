"""One owner per device: coming and going, failing drivers, drawers, scales, displays and scans."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from device_gateway.domain.observations import PrinterStatus, Scan, Weighing, WeightState
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from libs.contracts.gateway import DeviceChanged
from libs.persistence import new_id
from tests.integration.device_gateway.core.fakes import (
    OUT_OF_PAPER,
    WELL,
    FakeDisplay,
    FakeDrawer,
    FakePrinter,
    FakeScale,
    Plug,
)
from tests.integration.device_gateway.core.stand import OTHER_TILL, TILL, drawer_order, later, receipt, stand, until

pytestmark = pytest.mark.anyio


async def test_a_device_that_comes_back_is_open_again_within_two_seconds(tmp_path: Path) -> None:
    """With the settings a shop has; the limit is checked by their own validation, too."""
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)], reopen_s=0.25, reopen_limit_s=1.0) as shop:
        await until(lambda: shop.server.device_states("printer") == ["ready"])
        printer.present = False
        await shop.device_is("printer", "absent")
        command = receipt()
        await shop.server.send(command)
        printer.present = True
        began = time.monotonic()
        await shop.device_is("printer", "ready")
        assert time.monotonic() - began < 2
        await shop.job_is(command.job_id, "printed")
        await until(lambda: shop.server.device_states("printer") == ["ready", "absent", "ready"])
        assert printer.owners == {"device printer"}
        assert printer.opened == printer.closed + 1


async def test_a_failing_driver_makes_the_job_in_hand_unknown_and_the_next_one_comes_out(tmp_path: Path) -> None:
    printer = FakePrinter(script=[ZeroDivisionError("in the driver")], prints_anyway=True)
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        first, second = receipt("first"), receipt("second")
        await shop.server.send(first)
        await shop.server.send(second)
        await shop.job_is(second.job_id, "printed")
        assert shop.job(first.job_id).state.value == "unknown"
        assert shop.job(first.job_id).reason == (
            "The printer's driver failed in the middle of printing. Look whether the receipt came out."
        )
        assert printer.texts == ["first", "second"]
        view = (await shop.http.get("/gateway/v1/devices/printer")).json()
        assert view["last_error"]["text"] == "ZeroDivisionError: in the driver"
        await until(lambda: shop.server.device_states("printer") == ["ready", "misconfigured", "ready"])


async def test_an_absent_or_misconfigured_device_says_what_to_do(tmp_path: Path) -> None:
    scale = FakeScale(open_error=DeviceMisconfigured("The port is in use by another program. Close it."))
    scanner = Plug(present=False)
    devices = [scale.configured("scale", TILL), scanner.configured("scanner", TILL)]
    async with stand(tmp_path, devices) as shop:
        await shop.device_is("scale", "misconfigured")
        await shop.device_is("scanner", "absent")
        views = {view["name"]: view for view in (await shop.http.get("/gateway/v1/devices")).json()}
        assert views["scale"]["detail"] == "The port is in use by another program. Close it."
        assert views["scanner"]["what_to_do"] == "Plug the scanner in, or put it back into its cradle."
        answer = await shop.http.post("/gateway/v1/devices/scale/weighings", headers=shop.keys.headers())
        assert answer.status_code == 503
        assert answer.json()["type"].endswith("/device-not-ready")
        assert "The port is in use" in answer.json()["detail"]


async def test_a_device_that_was_taken_out_of_the_configuration_is_reported_so(tmp_path: Path) -> None:
    printer, scanner = FakePrinter(), Plug()
    devices = [printer.configured("printer", TILL), scanner.configured("scanner", TILL)]
    async with stand(tmp_path, devices) as shop:
        await until(lambda: shop.server.device_states("printer") == ["ready"])
        await until(lambda: shop.server.device_states("scanner") == ["ready"])
        reported = {envelope.id for envelope, _ in shop.server.heard}
    async with stand(tmp_path, devices[:1]) as shop:
        # What was heard and not yet noted as sent when the gateway stopped may come once more, under its old id.
        def news() -> list[DeviceChanged]:
            heard = [event for envelope, event in shop.server.heard if envelope.id not in reported]
            return [event for event in heard if isinstance(event, DeviceChanged)]

        await until(lambda: bool(news()))
        await shop.device_is("printer", "ready")
        # What was reported before the restart is not reported again.
        [event] = news()
        assert (event.name, event.configured) == ("scanner", False)


async def test_devices_may_be_added_and_removed_while_the_gateway_works(tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, []) as shop:
        shop.gateway.parts.workforce.add(printer.configured("printer", TILL))
        await shop.device_is("printer", "ready")
        command = receipt()
        await shop.server.send(command)
        await shop.job_is(command.job_id, "printed")
        shop.gateway.parts.workforce.remove("printer")
        assert printer.opened == printer.closed
        await until(lambda: any(getattr(event, "configured", None) is False for _, event in shop.server.heard))


async def test_a_sale_opens_the_drawer_once_with_its_first_copy(tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        command = receipt(copies=2, open_drawer="cash_sale", sale_id=new_id(), requested_by=new_id())
        await shop.server.send(command)
        await shop.server.hears(command.job_id, "printed")
        await until(lambda: bool(shop.server.openings()))
        (opening,) = shop.server.openings()
        assert (opening.reason, opening.outcome, opening.drawer) == ("cash_sale", "sent", "printer")
        assert (opening.sale_id, opening.requested_by) == (command.sale_id, command.requested_by)
        assert printer.kicks == 1


async def test_a_drawer_with_its_own_line_opens_for_a_sale_although_the_printer_is_absent(tmp_path: Path) -> None:
    drawer = FakeDrawer()
    async with stand(tmp_path, [drawer.configured("drawer", TILL)]) as shop:
        command = receipt(open_drawer="cash_sale")
        await shop.server.send(command)
        await shop.server.hears(command.job_id, "failed")
        await until(lambda: [opening.outcome for opening in shop.server.openings()] == ["opened"])
        assert drawer.kicks == 1


async def test_a_printer_passes_the_kick_on_to_the_drawer_that_the_till_has(tmp_path: Path) -> None:
    printer, drawer = FakePrinter(), FakeDrawer()
    async with stand(tmp_path, [printer.configured("printer", TILL), drawer.configured("drawer", TILL)]) as shop:
        await shop.device_is("drawer", "ready")
        command = receipt(open_drawer="cash_sale")
        await shop.server.send(command)
        await until(lambda: [opening.drawer for opening in shop.server.openings()] == ["drawer"])
        assert (printer.kicks, drawer.kicks) == (0, 1)


async def test_a_jammed_drawer_is_reported_as_failed_with_what_to_look_at(tmp_path: Path) -> None:
    drawer = FakeDrawer(jammed=True)
    async with stand(tmp_path, [drawer.configured("drawer", TILL)]) as shop:
        await shop.device_is("drawer", "ready")
        command = drawer_order()
        await shop.server.send(command, later(60), times=2)
        await until(lambda: bool(shop.server.openings(command.opening_id)))
        (opening,) = shop.server.openings(command.opening_id)
        assert (opening.outcome, "Is it locked" in str(opening.detail)) == ("failed", True)
        assert drawer.kicks == 1


async def test_a_drawer_whose_line_breaks_at_the_kick_is_unknown_and_not_kicked_again(tmp_path: Path) -> None:
    printer = FakePrinter(kick_error=DeviceAbsent("The cable was cut."))
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        command = receipt(open_drawer="cash_sale")
        await shop.server.send(command)
        await until(lambda: [opening.outcome for opening in shop.server.openings()] == ["unknown"])
        printer.kick_error = None
        await shop.job_is(command.job_id, "printed")
        assert (printer.kicks, len(printer.paper)) == (1, 1)


async def test_a_drawer_found_open_without_a_kick_is_reported_as_by_hand(tmp_path: Path) -> None:
    printer = FakePrinter(now=PrinterStatus(answered=True, online=True, drawer_open=False))
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        await shop.device_is("printer", "ready")
        printer.now = PrinterStatus(answered=True, online=True, drawer_open=True)
        await until(lambda: bool(shop.server.openings()))
        (opening,) = shop.server.openings()
        assert (opening.reason, opening.outcome, opening.till_id) == ("by_hand", "opened", TILL)


async def test_a_till_opens_its_drawer_by_http_once_for_each_id_and_not_late(tmp_path: Path) -> None:
    printer = FakePrinter()
    devices = [printer.configured("printer", TILL)]
    async with stand(tmp_path, devices, drawer_request_s=1.0) as shop:
        await shop.device_is("printer", "ready")
        body = {"till_id": str(TILL), "reason": "change", "opening_id": str(new_id())}
        for _ in range(2):
            answer = await shop.http.post("/gateway/v1/drawer-openings", json=body, headers=shop.keys.headers())
            assert answer.status_code == 202
        await until(lambda: [opening.outcome for opening in shop.server.openings()] == ["sent"])
        printer.present = False
        await shop.device_is("printer", "absent")
        late = body | {"opening_id": str(new_id())}
        await shop.http.post("/gateway/v1/drawer-openings", json=late, headers=shop.keys.headers())
        await until(lambda: [opening.outcome for opening in shop.server.openings()] == ["sent", "expired"])
        printer.present = True
        await shop.device_is("printer", "ready")
        assert printer.kicks == 1
        other = body | {"reason": "another"}
        refused = await shop.http.post("/gateway/v1/drawer-openings", json=other, headers=shop.keys.headers())
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (409, "opening_id")
        nowhere = await shop.http.post(
            "/gateway/v1/drawer-openings",
            json={"till_id": str(OTHER_TILL), "reason": "change"},
            headers=shop.keys.headers(),
        )
        assert nowhere.json()["detail"] == "This till has no drawer at this PC."


async def test_a_scale_weighs_takes_a_tare_and_says_what_may_be_sold(tmp_path: Path) -> None:
    scale = FakeScale(load_g=1250)
    async with stand(tmp_path, [scale.configured("scale", TILL)]) as shop:
        await shop.device_is("scale", "ready")
        headers = shop.keys.headers()
        await shop.http.post("/gateway/v1/devices/scale/tares", json={"grams": 50}, headers=headers)
        answer = await shop.http.post("/gateway/v1/devices/scale/weighings", headers=headers)
        assert answer.json() == {
            "state": "stable",
            "gross_g": 1250,
            "tare_g": 50,
            "net_g": 1200,
            "may_be_sold": True,
            "detail": "",
        }
        zeroed = await shop.http.post("/gateway/v1/devices/scale/zeroings", headers=headers)
        assert (zeroed.json()["state"], zeroed.json()["may_be_sold"]) == ("zero", False)
        assert scale.owners == {"device scale"}


async def test_a_scale_that_hangs_is_given_up_and_the_wish_is_not_carried_out_later(tmp_path: Path) -> None:
    scale = FakeScale(load_g=100)
    async with stand(tmp_path, [scale.configured("scale", TILL)]) as shop:
        await shop.device_is("scale", "ready")
        scale.frozen.clear()
        weighing = await shop.http.post("/gateway/v1/devices/scale/weighings", headers=shop.keys.headers())
        behind = await shop.http.post(
            "/gateway/v1/devices/scale/tares", json={"grams": 77}, headers=shop.keys.headers()
        )
        assert (weighing.status_code, behind.status_code) == (503, 503)
        assert "does not answer" in weighing.json()["detail"]
        scale.frozen.set()
        again = await shop.http.post("/gateway/v1/devices/scale/weighings", headers=shop.keys.headers())
        assert (again.status_code, again.json()["tare_g"]) == (201, 0)


async def test_a_display_shows_again_what_it_showed_before_it_was_unplugged(tmp_path: Path) -> None:
    display = FakeDisplay()
    async with stand(tmp_path, [display.configured("display", TILL)]) as shop:
        body = {"upper": "Milk", "lower": "1.29", "items": [{"text": "Milk", "amount": "1.29"}], "total": "1.29"}
        answer = await shop.http.put(f"/gateway/v1/tills/{TILL}/display", json=body, headers=shop.keys.headers())
        assert answer.status_code == 204
        await until(lambda: display.shown == ("Milk", "1.29"))
        display.present = False
        await shop.device_is("display", "absent")
        display.shown = ("", "")
        display.present = True
        await until(lambda: display.shown == ("Milk", "1.29"))


async def test_a_scan_reaches_the_tills_page_within_20_ms_and_no_other_till(tmp_path: Path) -> None:
    """The median of 50; a single one may meet a machine that does something else."""
    scanner = Plug()
    async with stand(tmp_path, [scanner.configured("scanner", TILL)], poll_s=0.05) as shop:
        await shop.device_is("scanner", "ready")
        live = shop.gateway.parts.live
        waits_ms = []
        with live.listening(TILL) as page, live.listening(OTHER_TILL) as other:
            for number in range(50):
                began = time.perf_counter()
                scanner.told.put(Scan(f"400638133393{number % 10}", "]E0"))
                while (message := await page.next_message())["type"] != "scan":
                    pass
                waits_ms.append(1000 * (time.perf_counter() - began))
                assert (message["text"], message["aim"]) == (f"400638133393{number % 10}", "]E0")
            assert other._queue.empty()
        assert sorted(waits_ms)[25] < 20


async def test_a_page_that_lags_behind_is_cut_off_instead_of_showing_old_scans(tmp_path: Path) -> None:
    from device_gateway.live import CutOff

    async with stand(tmp_path, [], live_queue_messages=8) as shop:
        live = shop.gateway.parts.live
        with live.listening(TILL) as page:
            for _ in range(9):
                live.publish([TILL], {"type": "scan"})
            await until(lambda: page._queue.full() and page._cut_off)
            with pytest.raises(CutOff):
                await page.next_message()


async def test_a_printers_state_is_told_only_when_it_changes(tmp_path: Path) -> None:
    printer = FakePrinter()
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        await shop.device_is("printer", "ready")
        with shop.gateway.parts.live.listening(TILL) as page:
            for _ in range(20):
                printer.told.put(WELL)
            await until(printer.told.empty)
            printer.told.put(PrinterStatus(answered=True, online=False, cover_open=True))
            while (message := await page.next_message())["type"] != "printer":
                pass
            assert message["cover_open"] is True


async def test_a_drawer_does_not_open_for_a_receipt_that_waited_for_paper(tmp_path: Path) -> None:
    printer = FakePrinter(now=OUT_OF_PAPER)
    async with stand(tmp_path, [printer.configured("printer", TILL)], drawer_late_s=0.1) as shop:
        await shop.device_is("printer", "blocked")
        command = receipt(open_drawer="cash_sale")
        await shop.server.send(command)
        await asyncio.sleep(0.15)
        printer.now = WELL
        await shop.job_is(command.job_id, "printed")
        await until(lambda: [opening.outcome for opening in shop.server.openings()] == ["expired"])
        assert printer.kicks == 0


async def test_a_scale_that_repeats_its_weight_is_heard_once(tmp_path: Path) -> None:
    scale = FakeScale()
    async with stand(tmp_path, [scale.configured("scale", TILL)]) as shop:
        await shop.device_is("scale", "ready")
        with shop.gateway.parts.live.listening(TILL) as page:
            for grams in (100, 100, 100, 250, 100):
                scale.told.put(Weighing(WeightState.STABLE, grams, 0, grams))
            heard: list[object] = []
            while len(heard) < 3:
                message = await page.next_message()
                heard += [message["net_g"]] if message["type"] == "weight" else []
            assert heard == [100, 250, 100]
