"""What the guarantees of the acquirer link cost: our client against a bare one with pyiso8583, in the same run.

Both have 64 purchases outstanding at once over one connection and use the same specification of the same dialect. Ours
also builds its messages out of checked values, matches a reply by four facts, times out, counts, watches the link by
echoes and can switch to another one; the bare client encodes, decodes and looks up the trace number.

Twice: against the host of iso8583sim, which somebody else wrote and which is itself the limit, and against a host of
ours that is none. What is added to a host's own time is measured at a host that thinks for 50 ms: the middle and the
slowest hundredth of 64 at once, and of the bare client likewise.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop

from services.payments.domain.concentrator.links import LinkName
from services.payments.domain.concentrator.numbers import LARGEST_TRACE_NUMBER, Trace
from services.payments.domain.concentrator.replies import HostApproved, decision_in
from services.payments.domain.concentrator.requests import GOODS, NORMAL, Card, Merchant, purchase
from services.payments.domain.concentrator.sensitive import CardNumber
from services.payments.gateways.acquirer import Acquirer, Address, Answered, read_dialect
from tests.bench.bare_acquirer_link import BareLink
from tests.bench.swift_acquirer import DIALECT, THINKS_S
from tests.integration.payments.acquirer.independent_host import independent_host, installed

OUTSTANDING = 64
# Many short ones, in turns: what else this machine does slows both down alike.
ROUNDS = 15
ROUND_S = 0.4
WARM_UP_S = 0.1
BUDGET_RATIO = 0.5
AMOUNT_MINOR = 10_000
MERCHANT = Merchant("TERM0001", "SHOP00000000001", "5411", "985", acquirer_id="12345")
# A scheme's published test number.
CARD = Card("012", number=CardNumber("4111111111111111"), expiry="2912")

Pay = Callable[[], Awaitable[None]]
"""One purchase from its amount to its approval."""


def run() -> dict[str, Any]:
    """Authorisations per second and their ratio by host, and milliseconds added to a host's own time."""
    with (
        tempfile.TemporaryDirectory(prefix="tillstream-bench-") as folder,
        independent_host(installed(), Path(folder), [{"respond": "00"}]) as independent,
        swift_host() as (swift, thinking),
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        ours, bare = runner.run(_in_turns(swift, OUTSTANDING))
        ours_there, bare_there = runner.run(_in_turns(independent, OUTSTANDING))
        ours_added, bare_added = runner.run(_in_turns(thinking, OUTSTANDING))
    return {
        "outstanding": OUTSTANDING,
        "bare_pyiso8583_per_s": round(bare.rate),
        "client_per_s": round(ours.rate),
        "bare_processor_us": bare.processor_us,
        "client_processor_us": ours.processor_us,
        "ratio": ours.ratio_to(bare),
        "budget_ratio": BUDGET_RATIO,
        "iso8583sim_bare_per_s": round(bare_there.rate),
        "iso8583sim_client_per_s": round(ours_there.rate),
        "iso8583sim_ratio": ours_there.ratio_to(bare_there),
        "budget_iso8583sim_ratio": BUDGET_RATIO,
        "bare_added_p50_ms": bare_added.added_ms(50),
        "client_added_p50_ms": ours_added.added_ms(50),
        "bare_added_p99_ms": bare_added.added_ms(99),
        "client_added_p99_ms": ours_added.added_ms(99),
    }


class Rounds:
    """What one client did in several rounds. The middle round counts, whatever else this machine did in the others."""

    def __init__(self) -> None:
        self._rates: list[float] = []
        self._processor_s: list[float] = []
        self._seconds: list[list[float]] = []

    def add(self, seconds: list[float], processor_s: float) -> None:
        """A round: how long each purchase took, and how long this process was at work for all of them."""
        self._rates.append(len(seconds) / ROUND_S)
        self._processor_s.append(processor_s / len(seconds))
        self._seconds.append(seconds)

    @property
    def rate(self) -> float:
        """Purchases per second."""
        return statistics.median(self._rates)

    @property
    def processor_us(self) -> int:
        """Microseconds of processor time for each purchase, which other work on this machine hardly changes."""
        return round(statistics.median(self._processor_s) * 1_000_000)

    def ratio_to(self, other: Rounds) -> float:
        """The middle one of the ratios of rounds that were beside each other."""
        pairs = zip(self._rates, other._rates, strict=True)
        return round(statistics.median(rate / theirs for rate, theirs in pairs), 3)

    def added_ms(self, percentile: int) -> float:
        """Milliseconds that a purchase took beyond the host's own time."""
        middle = statistics.median(statistics.quantiles(each, n=100)[percentile - 1] for each in self._seconds)
        return round((middle - THINKS_S) * 1_000, 2)


async def _in_turns(port: int, outstanding: int) -> tuple[Rounds, Rounds]:
    """Ours and the bare client, one after the other and the other way round."""
    ours, bare = Rounds(), Rounds()
    async with _our_client(port) as pay, _bare_client(port) as pay_bare:
        for number in range(ROUNDS):
            turns = [(ours, pay), (bare, pay_bare)]
            for rounds, way in turns if number % 2 else reversed(turns):
                rounds.add(*await _pays(way, outstanding))
    return ours, bare


async def _pays(pay: Pay, outstanding: int) -> tuple[list[float], float]:
    """Pay with so many outstanding; the seconds of each purchase after the warm-up, and the processor's for all."""
    begin = time.perf_counter() + WARM_UP_S
    end = begin + ROUND_S
    taken: list[float] = []
    processor_s = 0.0

    async def till() -> None:
        while (started := time.perf_counter()) < end:
            await pay()
            if begin <= started and (finished := time.perf_counter()) <= end:
                taken.append(finished - started)

    async with asyncio.TaskGroup() as group:
        for _ in range(outstanding):
            group.create_task(till())
        await asyncio.sleep(WARM_UP_S)
        processor_s -= time.process_time()
    return taken, processor_s + time.process_time()


@contextlib.asynccontextmanager
async def _our_client(port: int) -> AsyncIterator[Pay]:
    numbers = itertools.cycle(range(1, LARGEST_TRACE_NUMBER + 1))
    network_numbers = itertools.count(1)
    acquirer = Acquirer(
        "bench",
        {LinkName.PRIMARY: Address("127.0.0.1", port)},
        read_dialect(DIALECT),
        next_trace_number=lambda: next(network_numbers),
    )

    async def pay() -> None:
        trace = Trace(next(numbers), datetime.now(UTC))
        answer = await acquirer.exchange(purchase(MERCHANT, CARD, trace, AMOUNT_MINOR))
        if not isinstance(answer, Answered) or not isinstance(decision_in(answer.reply), HostApproved):
            raise RuntimeError(f"not approved: {answer}")

    acquirer.start()
    try:
        yield pay
    finally:
        await acquirer.stop()


@contextlib.asynccontextmanager
async def _bare_client(port: int) -> AsyncIterator[Pay]:
    texts = {**MERCHANT.fields, **CARD.fields, 3: GOODS, 25: NORMAL}
    constant = {str(number): text for number, text in texts.items() if text is not None}
    link = await BareLink.connect(port, read_dialect(DIALECT).specification(), constant)
    try:
        yield link.pay
    finally:
        await link.close()


@contextlib.contextmanager
def swift_host() -> Iterator[tuple[int, int]]:
    """Our host in a process of its own: the port that answers at once, and the one that thinks."""
    process = subprocess.Popen([sys.executable, "-m", "tests.bench.swift_acquirer"], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        at_once, later = process.stdout.readline().split()
        yield int(at_once), int(later)
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
