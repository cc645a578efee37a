"""Tills at work, as a program of their own: `python -m tests.bench.till_load < load.json` sells and prints how long.

The client is as small as HTTP/1.1 with keep-alive allows, so that what is measured is the service and not the tills.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import uvloop

from libs.persistence import new_id


async def sell(load: dict[str, Any]) -> dict[str, Any]:
    """Sell at every till at once for `warm_up_s` and then `measured_s`; only the latter counts."""
    chances = [random.Random(number) for number, _ in enumerate(load["tokens"])]
    # Made beforehand as far as they reach: the tills' work would take processor time from the service's.
    ready = [[_body(load, chance) for _ in range(load["prepared"])] for chance in chances]
    begin = time.perf_counter() + load["warm_up_s"]
    end = begin + load["measured_s"]
    taken = await asyncio.gather(
        *(
            _till(load["urls"][number % len(load["urls"])], token, _bodies(load, ready[number], chance), begin, end)
            for number, (token, chance) in enumerate(zip(load["tokens"], chances, strict=True))
        )
    )
    return {"seconds_each": [each for till in taken for each in till], "measured_s": load["measured_s"]}


async def _till(url: str, token: str, bodies: Iterator[bytes], begin: float, end: float) -> list[float]:
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    head = (
        f"POST /sales/v1/sales HTTP/1.1\r\nHost: {parts.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    ).encode()
    taken = []
    while (started := time.perf_counter()) < end:
        body = next(bodies)
        writer.write(b"".join((head, str(len(body)).encode(), b"\r\n\r\n", body)))
        answer_head = await reader.readuntil(b"\r\n\r\n")
        length = int(answer_head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(length)
        if not answer_head.startswith(b"HTTP/1.1 201"):
            raise RuntimeError(f"not sold: {answer_head!r} {answer!r}")
        finished = time.perf_counter()
        if started >= begin and finished <= end:
            taken.append(finished - started)
    writer.close()
    return taken


def _bodies(load: dict[str, Any], ready: Sequence[bytes], chance: random.Random) -> Iterator[bytes]:
    yield from ready
    while True:
        yield _body(load, chance)


def _body(load: dict[str, Any], chance: random.Random) -> bytes:
    lines = [{"code": code, "quantity": chance.randrange(1, 4)} for code in chance.sample(load["codes"], load["lines"])]
    return json.dumps(
        {
            "sale_id": str(new_id()),
            "currency": load["currency"],
            "lines": lines,
            "tenders": [{"tender_id": str(new_id()), "kind": "cash", "given_minor": 50_000}],
        }
    ).encode()


def main() -> None:
    """Read the load, sell, print what was measured."""
    load = json.load(sys.stdin)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(sell(load))))


if __name__ == "__main__":
    main()
