"""The customers' page in a real Chromium, fed over a real WebSocket."""

from __future__ import annotations

import os
import queue
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI, WebSocket
from fastapi.responses import HTMLResponse

from device_gateway.drivers.display.screen.driver import driver, page
from tests.conftest import LEFT_OUT
from tests.integration.device_gateway.devices.patience import until

CHROMIUM_TIMEOUT_S = 60
TILL = "0190f3a0-0000-7000-8000-000000000001"
ITEMS = [
    {"name": "Milk <3.2%> 1 l", "quantity": "2 x 1.50", "amount": "3.00"},
    {"text": "Bananas", "amount": "2.50"},
]


@pytest.fixture(scope="module")
def chromium() -> str:
    found = os.environ.get("TILLSTREAM_TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if found is None:
        absent = "no Chromium: install the package chromium, or name one in TILLSTREAM_TEST_CHROMIUM"
        if os.environ.get("TILLSTREAM_REQUIRE_SERVICES") == "1":
            pytest.fail(absent)
        pytest.skip(LEFT_OUT + absent)
    return found


@dataclass
class Gateway:
    """A stand-in for the gateway. `asked` are the tills that pages asked for, `measured` what they then looked like."""

    address: str = ""
    asked: list[str] = field(default_factory=list)
    measured: queue.Queue[dict[str, Any]] = field(default_factory=queue.Queue)


@contextmanager
def gateway(*messages: dict[str, Any]) -> Iterator[Gateway]:
    """Serves the page, and a live feed that tells the messages to whoever connects."""
    app = FastAPI()
    stand_in = Gateway()
    # The page measures itself once it has shown everything, as nobody else can look into it.
    count = sum(message["type"] == "display" for message in messages)
    probe = f"<script>{PROBE.replace('COUNT', str(count))}</script></body>"

    @app.get("/screen", response_class=HTMLResponse)
    def screen() -> str:
        return page().replace("</body>", probe)

    @app.websocket("/gateway/v1/live")
    async def live(websocket: WebSocket) -> None:
        stand_in.asked.append(websocket.query_params.get("till_id", ""))
        await websocket.accept()
        for message in messages:
            await websocket.send_json(message)
        await websocket.receive()

    @app.post("/measured", status_code=204)
    def measured_(found: dict[str, Any]) -> None:
        stand_in.measured.put(found)

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        stand_in.address = f"http://127.0.0.1:{listener.getsockname()[1]}/screen"
        yield stand_in
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(5)
        listener.close()


PROBE = """
let told = 0;
const original = show;
show = (message) => {
  original(message);
  if (++told < COUNT) return;
  const box = (id) => at(id).getBoundingClientRect();
  const last = at("items").lastElementChild;
  const found = JSON.stringify({
    text: document.body.innerText,
    rows: at("items").children.length,
    total_cut: at("total").scrollWidth > at("total").clientWidth,
    total_beyond: box("sum").right > innerWidth + 0.5 || box("sum").bottom > innerHeight + 0.5,
    last_hidden: last ? last.getBoundingClientRect().bottom > box("items").bottom + 0.5 : false,
    letters: parseFloat(getComputedStyle(at("items")).fontSize) / innerHeight,
    language: document.documentElement.lang,
  });
  fetch("/measured", {method: "POST", headers: {"Content-Type": "application/json"}, body: found});
};
"""


def measured(chromium: str, folder: Path, gateway: Gateway, question: str, size: str) -> dict[str, Any]:
    """What the page measured once it had shown everything."""
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder}",
        f"--window-size={size}",
        "--remote-debugging-port=0",
        f"{gateway.address}{question}",
    ]
    browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        return gateway.measured.get(timeout=CHROMIUM_TIMEOUT_S)
    finally:
        browser.terminate()
        browser.wait(CHROMIUM_TIMEOUT_S)


def display(**what: Any) -> dict[str, Any]:
    return {"type": "display", "till_id": TILL, **what}


@pytest.mark.chromium
def test_basket_lines_and_total_are_shown_as_the_till_formatted_them(chromium: str, tmp_path: Path) -> None:
    of_a_scale = {"type": "device", "name": "scale"}
    with gateway(of_a_scale, display(upper="Hello", items=ITEMS, total="5.50 EUR")) as stand_in:
        found = measured(chromium, tmp_path, stand_in, f"?till_id={TILL}&lang=pl", "1280,800")
    lines = [line for line in found["text"].splitlines() if line]
    assert lines == ["Milk <3.2%> 1 l", "2 x 1.50", "3.00", "Bananas", "2.50", "Razem", "5.50 EUR"]
    assert found["language"] == "pl"
    assert stand_in.asked == [TILL]
    # A twentieth of a 10 inch screen's height are 6 mm, readable from 2 m.
    assert found["letters"] >= 0.05


@pytest.mark.chromium
@pytest.mark.parametrize("size", ["1280,800", "800,480", "800,1280"])
def test_a_long_basket_shows_its_end_and_a_large_total_whole(chromium: str, tmp_path: Path, size: str) -> None:
    items = [
        {"name": f"Article {n} with a name as long as a catalogue has them " * 2, "amount": "1.00"} for n in range(60)
    ]
    with gateway(display(items=items, total="1 234 567 890.12 EUR")) as stand_in:
        found = measured(chromium, tmp_path, stand_in, "", size)
    assert "Article 59" in found["text"]
    hidden = re.search(r"and (\d+) more above", found["text"])
    assert hidden
    assert int(hidden.group(1)) + found["rows"] == 60
    assert found["rows"] >= 2
    assert (found["total_cut"], found["total_beyond"], found["last_hidden"]) == (False, False, False)


@pytest.mark.chromium
def test_without_a_basket_the_two_lines_are_shown_and_the_old_basket_is_gone(chromium: str, tmp_path: Path) -> None:
    thanks = display(upper="Change 4.50 EUR", lower="Thank you!")
    with gateway(display(items=ITEMS, total="5.50 EUR"), thanks) as stand_in:
        found = measured(chromium, tmp_path, stand_in, "", "1280,800")
    assert [line for line in found["text"].splitlines() if line] == ["Change 4.50 EUR", "Thank you!"]


def test_the_page_asks_for_nothing_but_the_live_feed() -> None:
    text = page()
    assert re.findall(r"(?:src|href)\s*=|url\(|@import|https?://", text) == []
    assert text.count("/gateway/v1/live") == 1


def test_a_screen_takes_note_of_what_it_shows_and_tells_nothing() -> None:
    screen = driver.open_device(driver.options())
    screen.show("Bananas", "2.50")  # type: ignore[attr-defined]
    assert screen.shown == ("Bananas", "2.50")  # type: ignore[attr-defined]
    assert list(screen.poll(0.0)) == []
    screen.close()
