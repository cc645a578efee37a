"""The customers' page in a real Chromium, fed over a real WebSocket."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
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


@contextmanager
def gateway(messages: list[dict[str, Any]], asked: list[str]) -> Iterator[str]:
    """A stand-in for the gateway: the page, and a live feed that tells the messages to whoever connects."""
    app = FastAPI()
    # The page measures itself once it has shown everything, as nobody else can look into it.
    count = sum(message["type"] == "display" for message in messages)
    probe = f"<script>{PROBE.replace('COUNT', str(count))}</script></body>"

    @app.get("/screen", response_class=HTMLResponse)
    def screen() -> str:
        return page().replace("</body>", probe)

    @app.websocket("/gateway/v1/live")
    async def live(websocket: WebSocket) -> None:
        asked.append(websocket.query_params.get("till_id", ""))
        await websocket.accept()
        for message in messages:
            await websocket.send_json(message)
        await websocket.receive()

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    until(lambda: server.started)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/screen"
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
  document.title = "shown";
  const measured = document.body.appendChild(document.createElement("pre"));
  measured.id = "measured";
  measured.textContent = JSON.stringify({
    text: document.body.innerText,
    rows: at("items").children.length,
    total_cut: at("total").scrollWidth > at("total").clientWidth,
    total_beyond: box("sum").right > innerWidth + 0.5 || box("sum").bottom > innerHeight + 0.5,
    last_hidden: last ? last.getBoundingClientRect().bottom > box("items").bottom + 0.5 : false,
    letters: parseFloat(getComputedStyle(at("items")).fontSize) / innerHeight,
    language: document.documentElement.lang,
  });
};
"""


class _Measured(HTMLParser):
    """Finds the text of the element `measured`."""

    def __init__(self) -> None:
        super().__init__()
        self.inside = False
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.inside = ("id", "measured") in attrs

    def handle_endtag(self, tag: str) -> None:
        self.inside = False

    def handle_data(self, data: str) -> None:
        self.text += data if self.inside else ""


def measured(chromium: str, folder: Path, address: str, size: str) -> dict[str, Any]:
    command = [
        chromium,
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={folder}",
        f"--window-size={size}",
        "--virtual-time-budget=4000",
        "--dump-dom",
        address,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=CHROMIUM_TIMEOUT_S, check=True)
    parser = _Measured()
    parser.feed(done.stdout)
    assert parser.text, f"The page showed nothing: {done.stdout[-800:]}"
    found: dict[str, Any] = json.loads(parser.text)
    return found


def display(**what: Any) -> dict[str, Any]:
    return {"type": "display", "till_id": TILL, **what}


@pytest.mark.chromium
def test_basket_lines_and_total_are_shown_as_the_till_formatted_them(chromium: str, tmp_path: Path) -> None:
    asked: list[str] = []
    messages = [{"type": "device", "name": "scale"}, display(upper="Hello", items=ITEMS, total="5.50 EUR")]
    with gateway(messages, asked) as address:
        found = measured(chromium, tmp_path, f"{address}?till_id={TILL}&lang=pl", "1280,800")
    lines = [line for line in found["text"].splitlines() if line]
    assert lines == ["Milk <3.2%> 1 l", "2 x 1.50", "3.00", "Bananas", "2.50", "Razem", "5.50 EUR"]
    assert found["language"] == "pl"
    assert asked == [TILL]
    # A twentieth of a 10 inch screen's height are 6 mm, readable from 2 m.
    assert found["letters"] >= 0.05


@pytest.mark.chromium
@pytest.mark.parametrize("size", ["1280,800", "800,480", "800,1280"])
def test_a_long_basket_shows_its_end_and_a_large_total_whole(chromium: str, tmp_path: Path, size: str) -> None:
    items = [
        {"name": f"Article {n} with a name as long as a catalogue has them " * 2, "amount": "1.00"} for n in range(60)
    ]
    with gateway([display(items=items, total="1 234 567 890.12 EUR")], []) as address:
        found = measured(chromium, tmp_path, address, size)
    assert "Article 59" in found["text"]
    hidden = re.search(r"and (\d+) more above", found["text"])
    assert hidden
    assert int(hidden.group(1)) + found["rows"] == 60
    assert found["rows"] >= 2
    assert (found["total_cut"], found["total_beyond"], found["last_hidden"]) == (False, False, False)


@pytest.mark.chromium
def test_without_a_basket_the_two_lines_are_shown_and_the_old_basket_is_gone(chromium: str, tmp_path: Path) -> None:
    messages = [display(items=ITEMS, total="5.50 EUR"), display(upper="Change 4.50 EUR", lower="Thank you!")]
    with gateway(messages, []) as address:
        found = measured(chromium, tmp_path, address, "1280,800")
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
