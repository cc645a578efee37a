"""Tills that key cards, as a program of their own: `python -m tests.bench.card_load < load.json` prints how long.

As small a client as that of the sales bench, so that what is measured is the service.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any
from urllib.parse import urlsplit

import uvloop

# A scheme's published test number.
CARD = {"entry": "keyed", "number": "4111111111111111", "expiry": "2912"}
_APPROVED = b'"state":"approved"'


async def pay(load: dict[str, Any]) -> dict[str, Any]:
    """Pay every till's tenders, one after the other, until the time is up or none is left; seconds of each payment."""
    begin = time.perf_counter() + load["warm_up_s"]
    end = begin + load["measured_s"]
    taken = await asyncio.gather(
        *(
            _till(load["urls"][number % len(load["urls"])], load["token"], tenders, begin, end)
            for number, tenders in enumerate(load["tenders"])
        )
    )
    return {"seconds_each": [each for till in taken for each in till]}


async def _till(url: str, token: str, tenders: list[str], begin: float, end: float) -> list[float]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    body = json.dumps(CARD).encode()
    tail = (
        f"Host: {parts.netloc}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body
    taken = []
    for tender in tenders:
        if (started := time.perf_counter()) >= end:
            break
        head = f"POST /payments/v1/intents/{tender}/card HTTP/1.1\r\nIdempotency-Key: card-{tender}\r\n"
        writer.write(head.encode() + tail)
        answer_head = await reader.readuntil(b"\r\n\r\n")
        length = int(answer_head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        if not answer_head.startswith(b"HTTP/1.1 200") or _APPROVED not in answer:
            raise RuntimeError(f"not paid: {answer_head!r} {answer!r}")
        finished = time.perf_counter()
        if begin <= finished <= end:
            taken.append(finished - started)
    else:
        raise RuntimeError("too few tenders were prepared")
    writer.close()
    return taken


def main() -> None:
    """Read the load, pay, print what was measured."""
    load = json.load(sys.stdin)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(pay(load))))


if __name__ == "__main__":
    main()
