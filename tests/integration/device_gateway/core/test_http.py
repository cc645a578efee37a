"""The gateway for pages of the till: who may talk to it, what it answers, the live feed and the diagnosis page."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from device_gateway.domain.observations import PrintUnknown, Scan
from libs.host.server import listen, serving
from libs.host.settings import HostSettings
from libs.persistence import new_id
from tests.integration.device_gateway.core.fakes import FakePrinter, Plug
from tests.integration.device_gateway.core.stand import OTHER_TILL, STORE, TILL, Stand, receipt, stand, until

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def served(shop: Stand) -> AsyncIterator[str]:
    """The gateway on a port of this machine; its address without a scheme."""
    listener = listen("127.0.0.1", 0)
    async with serving(shop.gateway.app, listener, HostSettings(), behind_proxy=False):
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    listener.close()


async def next_of(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """The next message of a type."""
    async with asyncio.timeout(5):
        while True:
            message: dict[str, Any] = json.loads(await socket.recv())
            if message["type"] == kind:
                return message


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "127.0.0.1:8011"}, 200),
        ({"Host": "LOCALHOST"}, 200),
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost.evil.example:8011"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://localhost:8000"}, 200),
        ({"Origin": "https://till.example.com"}, 200),
        ({"Origin": "https://till.example.com.evil.example"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_only_the_tills_own_pages_may_talk_to_the_gateway(
    tmp_path: Path, headers: dict[str, str], status: int
) -> None:
    async with stand(tmp_path, []) as shop:
        answer = await shop.http.get("/gateway/v1/devices", headers=headers)
        assert answer.status_code == status
        if status == 403:
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["type"].endswith("/foreign-page")


async def test_a_configured_page_may_read_the_answers_and_a_foreign_one_may_not_even_ask(tmp_path: Path) -> None:
    async with stand(tmp_path, []) as shop:
        asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
        own = await shop.http.options("/gateway/v1/scans", headers=asked | {"Origin": "https://till.example.com"})
        foreign = await shop.http.options("/gateway/v1/scans", headers=asked | {"Origin": "https://evil.example"})
        assert own.headers["access-control-allow-origin"] == "https://till.example.com"
        assert foreign.status_code == 403
        assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize(
    ("method", "path", "body", "permission"),
    [
        ("POST", "/gateway/v1/jobs/01a1feb2-28ce-72b0-ae27-81100a6319f1/duplicate", {}, "gateway.print_duplicate"),
        ("POST", "/gateway/v1/drawer-openings", {"till_id": str(TILL), "reason": "change"}, "gateway.use"),
        ("POST", "/gateway/v1/scans", {"till_id": str(TILL), "text": "1"}, "gateway.use"),
        ("POST", "/gateway/v1/devices/scale/weighings", None, "gateway.use"),
        ("POST", "/gateway/v1/devices/scale/tares", {"grams": 0}, "gateway.use"),
        ("POST", "/gateway/v1/devices/scale/zeroings", None, "gateway.use"),
        ("PUT", f"/gateway/v1/tills/{TILL}/display", {"upper": "x"}, "gateway.use"),
    ],
)
async def test_what_changes_something_needs_its_permission_in_this_store(
    tmp_path: Path, method: str, path: str, body: dict[str, Any] | None, permission: str
) -> None:
    async with stand(tmp_path, []) as shop:

        async def ask(headers: dict[str, str]) -> httpx.Response:
            return await shop.http.request(method, path, json=body, headers=headers)

        assert (await ask({})).status_code == 401
        without = await ask(shop.keys.headers("sales.sell"))
        assert (without.status_code, without.json()["permission"]) == (403, permission)
        elsewhere = await ask(shop.keys.headers(permission, store=new_id()))
        assert (elsewhere.status_code, "does not work for store" in elsewhere.json()["detail"]) == (403, True)
        assert (await ask(shop.keys.headers(permission, store=STORE))).status_code not in (401, 403)


async def test_an_unknown_till_device_or_job_is_named_with_those_there_are(tmp_path: Path) -> None:
    async with stand(tmp_path, [Plug().configured("scanner", TILL)]) as shop:
        stranger = new_id()
        body = {"till_id": str(stranger), "text": "1"}
        scan = await shop.http.post("/gateway/v1/scans", json=body, headers=shop.keys.headers())
        assert (scan.status_code, scan.json()["errors"][0]["field"]) == (404, "till_id")
        assert f"its tills are 1 ({TILL}), 2 ({OTHER_TILL})" in scan.json()["detail"]
        device = await shop.http.get("/gateway/v1/devices/scale")
        assert device.json()["detail"] == "There is no device 'scale' at this PC; the devices are scanner."
        assert (await shop.http.get(f"/gateway/v1/jobs/{stranger}")).status_code == 404
        weighing = await shop.http.post("/gateway/v1/devices/scanner/weighings", headers=shop.keys.headers())
        assert (weighing.status_code, "not a scale" in weighing.json()["detail"]) == (422, True)


async def test_jobs_are_paged_the_newest_first_and_filtered(tmp_path: Path) -> None:
    printer = FakePrinter(script=[PrintUnknown("cut")])
    async with stand(tmp_path, [printer.configured("printer", TILL)]) as shop:
        commands = [receipt(f"number {number}") for number in range(5)]
        for command in commands:
            await shop.server.send(command)
        await shop.job_is(commands[-1].job_id, "printed")
        seen, cursor = [], None
        while True:
            query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
            page = (await shop.http.get("/gateway/v1/jobs", params=query)).json()
            seen += [job["job_id"] for job in page["items"]]
            cursor = page["next_cursor"]
            if cursor is None:
                break
        assert seen == [str(command.job_id) for command in reversed(commands)]
        unknown = (await shop.http.get("/gateway/v1/jobs", params={"state": "unknown"})).json()["items"]
        assert [(job["job_id"], job["reason"]) for job in unknown] == [(str(commands[0].job_id), "cut")]
        one = (await shop.http.get(f"/gateway/v1/jobs/{commands[1].job_id}")).json()
        assert one["copies"] == [{"number": 1, "state": "printed", "attempts": 1, "proof": "confirmed", "reason": None}]
        assert (await shop.http.get("/gateway/v1/jobs", params={"cursor": "x"})).status_code == 422


async def test_a_page_hears_how_everything_is_and_then_what_happens_at_its_till(tmp_path: Path) -> None:
    printer, scanner, others = FakePrinter(), Plug(), Plug()
    devices = [
        printer.configured("printer", TILL),
        scanner.configured("scanner", TILL),
        others.configured("others", OTHER_TILL),
    ]
    async with stand(tmp_path, devices) as shop, served(shop) as address:
        await shop.device_is("scanner", "ready")
        async with connect(f"ws://{address}/gateway/v1/live?till_id={TILL}") as page:
            first = [await next_of(page, "device") for _ in range(2)]
            assert [device["name"] for device in first] == ["printer", "scanner"]
            others.told.put(Scan("of another till"))
            scanner.told.put(Scan("4006381333931", "]E0"))
            scan = await next_of(page, "scan")
            assert {name: scan[name] for name in ("type", "device", "text", "aim", "meaning", "candidates")} == {
                "type": "scan",
                "device": "scanner",
                "text": "4006381333931",
                "aim": "]E0",
                "meaning": "product",
                "candidates": ["4006381333931"],
            }
            body = {"till_id": str(TILL), "text": "typed"}
            await shop.http.post("/gateway/v1/scans", json=body, headers=shop.keys.headers())
            assert (await next_of(page, "scan"))["text"] == "typed"
            command = receipt(open_drawer="cash_sale")
            await shop.server.send(command)
            states = [(await next_of(page, "job"))["state"] for _ in range(3)]
            assert states == ["queued", "printing", "printed"]
            assert (await next_of(page, "drawer_opened"))["reason"] == "cash_sale"
            shown = {"upper": "Milk", "lower": "1.29", "total": "1.29"}
            await shop.http.put(f"/gateway/v1/tills/{TILL}/display", json=shown, headers=shop.keys.headers())
            assert (await next_of(page, "display"))["total"] == "1.29"
            async with connect(f"ws://{address}/gateway/v1/live?till_id={TILL}") as joined:
                assert (await next_of(joined, "display"))["upper"] == "Milk"
            printer.present = False
            assert (await next_of(page, "device"))["state"] == "absent"
        await until(lambda: not shop.gateway.parts.live._listeners)


async def test_a_foreign_page_gets_no_live_feed(tmp_path: Path) -> None:
    async with stand(tmp_path, []) as shop, served(shop) as address:
        host, port = address.split(":")
        for called, origin in ((address, "http://evil.example"), ("evil.example", None)):
            url = f"ws://{called}/gateway/v1/live"
            with pytest.raises(InvalidStatus) as refused:
                async with connect(url, host=host, port=int(port), origin=Origin(origin) if origin else None):
                    pass
            assert refused.value.response.status_code == 403
        with pytest.raises((InvalidStatus, ConnectionClosed)):
            async with connect(f"ws://{address}/gateway/v1/live?till_id={new_id()}") as page:
                await page.recv()


async def test_the_diagnosis_page_says_in_plain_words_what_to_do(tmp_path: Path) -> None:
    printer = FakePrinter(script=[PrintUnknown("The cable was <cut>.")])
    scanner = Plug(present=False)
    async with stand(
        tmp_path, [printer.configured("printer", TILL), scanner.configured("scanner", TILL, OTHER_TILL)]
    ) as shop:
        command = receipt()
        await shop.server.send(command)
        await shop.server.hears(command.job_id, "unknown")
        await shop.device_is("scanner", "absent")
        await until(lambda: shop.gateway.parts.link.measurements.latency_ms is not None)
        answer = await shop.http.get("/gateway/")
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        page = answer.text
        assert "<h1>One device needs you.</h1>" in page
        assert "Plug the scanner in, or put it back into its cradle." in page
        assert "May or may not have come out" in page
        assert "The cable was &lt;cut&gt;." in page
        assert f'data-job="{command.job_id}"' in page
        assert "<strong>Connected</strong>" in page
        assert "http://" not in page
        assert "https://" not in page
        await shop.http.post(f"/gateway/v1/jobs/{command.job_id}/duplicate", headers=shop.keys.headers())
        await until(lambda: len(printer.paper) == 1)
        page = (await shop.http.get("/gateway/")).text
        assert "A duplicate was ordered" in page
        assert "data-job" not in page.split("<script>")[0]
        front = await shop.http.get("/")
        assert (front.status_code, front.headers["location"]) == (307, "/gateway/")


async def test_the_second_screen_needs_nothing_from_anywhere_else(tmp_path: Path) -> None:
    async with stand(tmp_path, []) as shop:
        screen = await shop.http.get("/gateway/screen", params={"till_id": str(TILL)})
        assert screen.status_code == 200
        assert "/gateway/v1/live" in screen.text
