"""Wherever the line to a terminal breaks: what the terminal moved is what payments was told, operation by operation.

`check_card_history` runs a real gateway with several terminals of one wiring and a till at each. The tills sell,
refund and reverse; of each operation that is checked the line is cut at one byte. What stays unknown is asked about
until it is certain, or looked up by a person where the protocol knows no inquiry. Then the terminal's ledger must have
grown by what was said and by nothing else. Every command arrives twice.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from device_gateway.configuration import ConfiguredDevice
from libs.contracts.terminals import OperateTerminal, TerminalAction, TerminalAnswered
from tests.integration.device_gateway.terminals.gateway_stand import Payments, at_work, order
from tests.integration.device_gateway.terminals.wirings import CuttableTerminal, Direction, Moved, Wiring

AMOUNT_MINOR = 1_234
"""Of everything, so that one operation can be mistaken for another."""
KINDS: dict[TerminalAction, str] = {"purchase": "charge", "refund": "refund", "reversal": "reversal"}
SETTLED_WITHIN_S = 20.0
_ASK_AGAIN_S = 0.01
# A cable that is cut within an answer is gone a moment after its last byte.
_CUT_IS_OVER_S = 0.04
_TILLS = 8

Result = TypeVar("Result")


@dataclass(frozen=True)
class Cut:
    """An operation, and where its line is cut: after so many bytes in one direction."""

    action: TerminalAction
    direction: Direction
    after_bytes: int


@dataclass(frozen=True)
class HistoryReport:
    """How many cuts were made, how many bytes they were chosen from, and what payments was told at first, how often."""

    cuts: int
    bytes_in_all: int
    first_outcomes: Counter[str]


class Till:
    """A till with its terminal. `said` is what payments was told that moved, in the order in which it was asked for."""

    def __init__(self, wiring: Wiring, terminal: CuttableTerminal, device: ConfiguredDevice) -> None:
        self.wiring = wiring
        self.terminal = terminal
        self.device = device
        self.said: list[Moved] = []
        self.payments: Payments
        self._sales: list[TerminalAnswered] = []
        self._cut: Cut | None = None
        self._moved_before = 0
        self._command: OperateTerminal
        self._first: TerminalAnswered
        self._next_customers = 0

    async def begin(self, cut: Cut) -> str:
        """Ask for the operation and have its line cut; the first outcome."""
        sale = await self._earlier_sale() if cut.action != "purchase" else None
        await asyncio.sleep(_CUT_IS_OVER_S)
        self._cut = cut
        self.terminal.cut(cut.direction, cut.after_bytes)
        first = await self._ask(cut.action, sale)
        self.terminal.mend()
        return first.outcome

    async def next_customer(self) -> None:
        """While that is in doubt, the next customer pays the same amount, again and again until it works."""
        if self._first.outcome != "unknown":
            return
        doubtful = self._cut, self._command, self._first, self._moved_before
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while (paid := await self._ask("purchase")).outcome == "not_sent":
            assert time.monotonic() < deadline, f"{self._cut}: the next customer cannot pay"
            await asyncio.sleep(_ASK_AGAIN_S)
        assert paid.outcome == "approved", f"{self._cut}: the next customer: {paid}"
        self._next_customers = 1
        self._cut, self._command, self._first, self._moved_before = doubtful

    async def end(self) -> None:
        """Find out what became of it, and compare. After what did not take place the till sells, which must work."""
        answer = self._first if self._first.outcome != "unknown" else await self._until_certain()
        said = [(KINDS[self._command.action], answer.amount_minor or 0)] if answer.outcome == "approved" else []
        said += [("charge", AMOUNT_MINOR)] * self._next_customers
        moved = self.terminal.movements()[self._moved_before :]
        assert moved == said, (
            f"{self.wiring.name}, {self._cut}: payments was told {self._first.outcome} ({self._first.reason}), then"
            f" {answer.outcome} ({answer.reason}); the terminal moved {moved}"
        )
        self.said += said
        if answer.outcome == "approved" and answer.action == "purchase" and self._cut is None:
            self._sales.append(answer)
        self._next_customers = 0
        was_cut, self._cut = self._cut is not None, None
        if answer.outcome != "approved" and was_cut:
            await self.sell()

    async def sell(self) -> None:
        """Sell until it works, each attempt compared like any other."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while True:
            await self._ask("purchase")
            before = len(self.said)
            await self.end()
            if len(self.said) > before:
                return
            assert time.monotonic() < deadline, f"{self.wiring.name}: nothing can be sold: {self._first.reason}"
            await asyncio.sleep(_ASK_AGAIN_S)

    async def undisturbed(self, action: TerminalAction) -> tuple[int, int]:
        """How many bytes the terminal hears and says when nothing goes wrong."""
        sale = await self._earlier_sale() if action != "purchase" else None
        heard, said = self.terminal.heard, self.terminal.said
        answer = await self._ask(action, sale)
        assert answer.outcome == "approved", f"{action}, undisturbed: {answer}"
        await self.end()
        return self.terminal.heard - heard, self.terminal.said - said

    async def _earlier_sale(self) -> TerminalAnswered:
        while not self._sales:
            await self.sell()
        return self._sales.pop()

    async def _ask(self, action: TerminalAction, sale: TerminalAnswered | None = None) -> TerminalAnswered:
        self._moved_before = len(self.terminal.movements())
        self._command = order(
            action,
            AMOUNT_MINOR,
            currency=self.wiring.currency,
            terminal=self.device.name,
            original=sale.references if sale else None,
            inquired_operation_id=sale.operation_id if sale else None,
        )
        await self.payments.sends(self._command, times=2)
        self._first = await self.payments.hears(self._command.operation_id, SETTLED_WITHIN_S)
        return self._first

    async def _until_certain(self) -> TerminalAnswered:
        deadline = time.monotonic() + SETTLED_WITHIN_S
        told = self._first
        while time.monotonic() < deadline:
            told = await self._inquire()
            if told.outcome in ("approved", "declined"):
                return told
            if told.outcome == "unknown" and not self.wiring.answers_inquiries and await self._works():
                return self._looked_up()
            await asyncio.sleep(_ASK_AGAIN_S)
        raise AssertionError(f"{self.wiring.name}, {self._cut}: not settled within {SETTLED_WITHIN_S:g} s: {told}")

    async def _inquire(self) -> TerminalAnswered:
        asked_id = self._command.operation_id
        told = await self.payments.asks(
            "inquiry",
            AMOUNT_MINOR,
            currency=self.wiring.currency,
            terminal=self.device.name,
            inquired_operation_id=asked_id,
        )
        return told.model_copy(update={"operation_id": asked_id, "action": self._command.action})

    async def _works(self) -> bool:
        """Whether the terminal works again, so that its journal can be read."""
        told = await self.payments.asks("diagnosis", currency=self.wiring.currency, terminal=self.device.name)
        return told.outcome == "approved"

    def _looked_up(self) -> TerminalAnswered:
        """What a person reads in the terminal's own journal and confirms to payments."""
        new = self.terminal.movements()[self._moved_before :]
        mine = new[: len(new) - self._next_customers]
        assert len(mine) <= 1, f"{self.wiring.name}, {self._cut}: the terminal moved {mine}"
        if not mine:
            return self._first.model_copy(update={"outcome": "declined"})
        return self._first.model_copy(update={"outcome": "approved", "amount_minor": mine[0][1]})


class Tills:
    """The tills of a gateway, which may be started again in between."""

    def __init__(self, tills: Sequence[Till], folder: Path) -> None:
        self.tills = tills
        self._folder = folder

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[None]:
        """Run the gateway for the block."""
        async with at_work(self._folder, [till.device for till in self.tills]) as payments:
            for till in self.tills:
                till.payments = payments
            yield

    def compare(self) -> None:
        """What each terminal moved since it was made is what was said, in the same order."""
        for till in self.tills:
            assert till.terminal.movements() == till.said, f"{till.wiring.name}: {till.device.name}"


@asynccontextmanager
async def tills_at_work(wiring: Wiring, folder: Path, count: int = _TILLS, **simulated: Any) -> AsyncIterator[Tills]:
    """A gateway with that many terminals of one wiring; `simulated` are options of the simulator."""
    with ExitStack() as lines:
        tills = []
        for number in range(count):
            own = folder / f"terminal-{number}"
            terminal = lines.enter_context(wiring.serve(own, **simulated))
            tills.append(Till(wiring, terminal, wiring.device(terminal.address, own.name, own)))
        yield Tills(tills, folder)


async def check_card_history(
    wiring: Wiring,
    folder: Path,
    *,
    at_most: int | None = None,
    actions: Sequence[TerminalAction] = tuple(KINDS),
    restarted: bool = False,
    another_first: bool = False,
    **simulated: Any,
) -> HistoryReport:
    """Cut the line at every byte of each action, in both directions, and compare the two stories.

    With `at_most` it is every n-th byte, so that there are about as many cuts.
    `restarted`: the gateway is stopped and started again before it asks. `another_first`: before it asks, the next
    customer pays. Raises AssertionError naming the action, the direction and the byte.
    """
    outcomes: Counter[str] = Counter()
    async with tills_at_work(wiring, folder, **simulated) as shop:
        async with shop.gateway():
            # The first operation of a terminal may take more bytes than those after it.
            await together(till.sell() for till in shop.tills)
            cuts, bytes_in_all = await _cuts(shop.tills[0], actions, at_most)
            if not restarted:
                await _each_at_its_own_pace(shop, cuts, outcomes, another_first=another_first)
        if restarted:
            for first in range(0, len(cuts), len(shop.tills)):
                doing = list(zip(shop.tills, cuts[first : first + len(shop.tills)], strict=False))
                async with shop.gateway():
                    outcomes.update(await together(till.begin(cut) for till, cut in doing))
                async with shop.gateway():
                    if another_first:
                        await together(till.next_customer() for till, _ in doing)
                    await together(till.end() for till, _ in doing)
        shop.compare()
    return HistoryReport(len(cuts), bytes_in_all, outcomes)


async def _cuts(till: Till, actions: Sequence[TerminalAction], at_most: int | None) -> tuple[list[Cut], int]:
    """Every n-th byte of what the terminal hears, from before the first; of what it says, back from after the last."""
    lengths: dict[tuple[TerminalAction, Direction], int] = {}
    for action in actions:
        lengths[action, "to_terminal"], lengths[action, "from_terminal"] = await till.undisturbed(action)
    bytes_in_all = sum(lengths.values()) + len(lengths)
    every = -(-bytes_in_all // at_most) if at_most else 1
    cuts = [
        Cut(action, direction, after_bytes)
        for (action, direction), length in lengths.items()
        for after_bytes in (range(0, length + 1, every) if direction == "to_terminal" else range(length, -1, -every))
    ]
    return cuts, bytes_in_all


async def _each_at_its_own_pace(
    shop: Tills, cuts: Sequence[Cut], outcomes: Counter[str], *, another_first: bool
) -> None:
    left = list(reversed(cuts))

    async def work(till: Till) -> None:
        while left:
            outcomes[await till.begin(left.pop())] += 1
            if another_first:
                await till.next_customer()
            await till.end()

    await together(work(till) for till in shop.tills)


async def together(doing: Iterable[Coroutine[Any, Any, Result]]) -> list[Result]:
    """Do all of it at the same time; the first that fails ends the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(each) for each in doing]
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from failed
    return [task.result() for task in tasks]
