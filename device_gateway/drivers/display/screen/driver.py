"""A second screen: a web page that follows the till's display messages on the gateway's live feed."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import Driver, DriverOptions

_PAGE = Path(__file__).parent / "page.html"


@lru_cache(maxsize=1)
def page() -> str:
    """The page, whole: no request but the WebSocket `/gateway/v1/live?till_id=...`, with the ids of its own address.

    Its address takes `till_id` and `lang` (en, pl, ru, mn, de, zh). It shows messages of the shape

        {"type": "display", "upper": "...", "lower": "...", "total": "12.30 EUR" or null,
         "items": [{"name" (or "text"): "...", "quantity": "2 x 1.50", "amount": "3.00"}, ...]}

    in which every text comes formatted from the till and all but `type` may be missing. Lines are shown while there
    are items, else the two lines large.
    """
    return _PAGE.read_text(encoding="utf-8")


class Screen:
    """The entry of a second screen among the devices. What is shown reaches its page over the live feed."""

    def __init__(self) -> None:
        self._closed = threading.Event()
        self.shown: tuple[str, str] = ("", "")

    def show(self, upper: str, lower: str) -> None:
        """Take note of the lines; whoever asks for them publishes them to the till's pages."""
        self.shown = (upper, lower)

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        """Nothing ever."""
        self._closed.wait(timeout_s)
        return ()

    def close(self) -> None:
        self._closed.set()


def _open(options: DriverOptions) -> Screen:
    return Screen()


driver = Driver(options=DriverOptions, open_device=_open)
