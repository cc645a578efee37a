"""Whatever happens to the line, a payment terminal and its driver tell the same story, and nobody pays twice.

`check_terminal_history` cuts the line of a simulated terminal before every byte, in both directions, during a sale, a
refund and a reversal. Each time the driver performs once and asks until the outcome is certain; then what the simulator
really charged must be what the driver said. Simulators on a line join with `on_a_line`; others (files, processes)
bring a `SimulatedTerminal` of their own, whose "bytes" are whatever steps it can be broken at.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Literal, Protocol
from uuid import uuid4

from device_gateway.domain.card_operations import (
    Approved,
    CardOperation,
    Declined,
    NotFound,
    NotSent,
    OperationResult,
    Unknown,
)
from device_gateway.drivers.interface import DeviceAbsent, Terminal
from device_gateway.simulators import CutAnswerAtByte, CutAtByte, Faults, Reply, Simulator, serving
from device_gateway.simulators.ports import PortInUse
from device_gateway.simulators.simulator import SimulatedLine
from libs.contracts.terminals import CardReferences, TerminalAction

Direction = Literal["to_terminal", "from_terminal"]
MovedKind = Literal["charge", "refund", "reversal"]
SETTLED_WITHIN_S = 10.0
_ASK_AGAIN_S = 0.005
_BACK_AFTER_S = 0.005
_AMOUNT_MINOR = 1234
# Below the ports that Linux gives away by itself (from 32768); test processes side by side begin at different ones.
_FIRST_PORT, _PORTS_COUNT = 15_000, 15_000
_PORTS = count(os.getpid() * 211)
_KINDS: dict[TerminalAction, MovedKind] = {"purchase": "charge", "refund": "refund", "reversal": "reversal"}
HISTORY_ACTIONS: tuple[TerminalAction, ...] = tuple(_KINDS)


class Movement(Protocol):
    """An entry of a simulator's ledger: money that really moved."""

    @property
    def kind(self) -> str:
        """One of `charge`, `refund`, `reversal`."""

    @property
    def amount_minor(self) -> int:
        """How much, in minor units, never negative."""


class SimulatedTerminal(Protocol):
    """A simulated terminal that is running somewhere."""

    @property
    def address(self) -> str:
        """Where a driver finds it."""

    @property
    def heard(self) -> int:
        """How many bytes have reached it so far."""

    @property
    def said(self) -> int:
        """How many bytes it has said so far."""

    def movements(self) -> Sequence[Movement]:
        """What it really charged, refunded and reversed so far, oldest first."""

    def cut(self, direction: Direction, after_bytes: int) -> None:
        """Cut the line, once, when that many more bytes have passed in that direction; it comes back by itself."""


MakeSimulator = Callable[[], AbstractContextManager[SimulatedTerminal]]
MakeDriver = Callable[[SimulatedTerminal], Terminal]
"""Opens a driver; called a second time for the same terminal it stands for the gateway started again."""


class SimulatorWithLedger(Protocol):
    """A `Simulator` that keeps a ledger."""

    faults: Faults
    line: SimulatedLine | None

    @property
    def ledger(self) -> Sequence[Movement]:
        """What it really moved, oldest first."""

    def connected(self) -> Sequence[Reply]:
        """See Simulator."""

    def received(self, data: bytes) -> Sequence[Reply]:
        """See Simulator."""

    def disconnected(self) -> None:
        """See Simulator."""


def on_a_line(make: Callable[[], SimulatorWithLedger], links: Path | None = None) -> MakeSimulator:
    """A simulator served on a line that can be cut; `make` gives a fresh one each time.

    The line is a TCP port; with a folder for `links` it is a pseudo-terminal, whose link there is its stable name.
    """
    numbers = count(1)

    @contextlib.contextmanager
    def running() -> Iterator[SimulatedTerminal]:
        metered = _Metered(make())
        with contextlib.ExitStack() as served:
            yield _OnALine(_plugged_in(metered, served, links / str(next(numbers)) if links else None), metered)

    return running


def _plugged_in(simulator: Simulator, served: contextlib.ExitStack, link: Path | None) -> str:
    """Serve the simulator at a place of its own, and say where.

    While a terminal is unplugged, the kernel would give its pseudo-terminal or its free port to the next one, and the
    driver would talk to somebody else's terminal. So there is a link, or a port that the kernel does not give away.
    """
    while True:
        listen = f"pty:{link}" if link else f"tcp://127.0.0.1:{_FIRST_PORT + next(_PORTS) % _PORTS_COUNT}"
        try:
            return served.enter_context(serving(simulator, listen, back_after_s=_BACK_AFTER_S))
        except PortInUse:
            if link:
                raise


class _Metered(Simulator):
    """A simulator whose bytes are counted."""

    def __init__(self, inner: SimulatorWithLedger) -> None:
        super().__init__(inner.faults)
        self.inner = inner
        self.heard = 0
        self.said = 0

    def connected(self) -> Sequence[Reply]:
        self.inner.line = self.line
        return self._count(self.inner.connected())

    def received(self, data: bytes) -> Sequence[Reply]:
        self.heard += len(data)
        return self._count(self.inner.received(data))

    def disconnected(self) -> None:
        self.inner.disconnected()

    def _count(self, replies: Sequence[Reply]) -> Sequence[Reply]:
        self.said += sum(len(reply.data) for reply in replies)
        return replies


class _OnALine:
    def __init__(self, address: str, metered: _Metered) -> None:
        self._address = address
        self._metered = metered

    @property
    def address(self) -> str:
        return self._address

    @property
    def heard(self) -> int:
        return self._metered.heard

    @property
    def said(self) -> int:
        return self._metered.said

    def movements(self) -> Sequence[Movement]:
        return tuple(self._metered.inner.ledger)

    def cut(self, direction: Direction, after_bytes: int) -> None:
        if direction == "to_terminal":
            self._metered.faults = Faults([CutAtByte(self.heard + after_bytes)])
        else:
            self._metered.faults = Faults([CutAnswerAtByte(self.said + after_bytes)])


@dataclass(frozen=True)
class _Case:
    """One history: what is done, and where the line is cut. `restarted`: the gateway dies before it asks.

    `another_first`: before it asks, the next customer pays the same amount.
    """

    action: TerminalAction
    direction: Direction | None
    after_bytes: int
    restarted: bool
    another_first: bool


@dataclass(frozen=True)
class HistoryReport:
    """How many histories were checked, and how often each first outcome came up."""

    histories: int
    first_outcomes: dict[str, int]


def check_terminal_history(
    make_simulator: MakeSimulator,
    make_driver: MakeDriver,
    *,
    currency: str = "EUR",
    actions: Sequence[TerminalAction] = HISTORY_ACTIONS,
    restarted: bool = False,
    another_first: bool = False,
    same_reference: bool = False,
    every: int = 1,
    at_once: int = 12,
) -> HistoryReport:
    """Cut the line at every (`every`-th) byte of each action, in both directions, and compare the two stories.

    `same_reference`: what was not done is sent again under its own reference (retail rule 17), not as a new operation.
    Raises AssertionError naming the action, the direction and the byte. `at_once` histories run at the same time, each
    with a simulator and a driver of its own.
    """
    teller = _Teller(make_simulator, make_driver, currency, same_reference)
    cases: list[_Case] = []
    for action in actions:
        heard, said = teller.undisturbed(action)
        lengths: dict[Direction, int] = {"to_terminal": heard, "from_terminal": said}
        cases += [
            _Case(action, direction, after_bytes, restarted, another_first)
            for direction, length in lengths.items()
            for after_bytes in range(0, length + 1, every)
        ]
    with ThreadPoolExecutor(at_once) as pool:
        outcomes = list(pool.map(teller.tell, cases))
    return HistoryReport(len(cases), {name: outcomes.count(name) for name in sorted(set(outcomes))})


class _Teller:
    def __init__(
        self, make_simulator: MakeSimulator, make_driver: MakeDriver, currency: str, same_reference: bool
    ) -> None:
        self._make_simulator = make_simulator
        self._make_driver = make_driver
        self._currency = currency
        self._same_reference = same_reference
        self._references = count(1)

    def undisturbed(self, action: TerminalAction) -> tuple[int, int]:
        """How many bytes the terminal hears and says when nothing goes wrong."""
        with self._make_simulator() as terminal:
            device = self._make_driver(terminal)
            operation = self._prepare(device, action)
            heard, said = terminal.heard, terminal.said
            result = device.perform(operation, _ignore)
            assert isinstance(result, Approved), f"{action}, undisturbed: {result}"
            device.close()
            return terminal.heard - heard, terminal.said - said

    def tell(self, case: _Case) -> str:
        """Live through one history; returns the name of the first outcome."""
        with self._make_simulator() as terminal:
            device = self._make_driver(terminal)
            operation = self._prepare(device, case.action)
            before = len(terminal.movements())
            if case.direction is not None:
                terminal.cut(case.direction, case.after_bytes)
            first = device.perform(operation, _ignore)
            result: OperationResult = first
            expected: list[tuple[str, int]] = []
            if isinstance(first, Unknown):
                if case.restarted:
                    device.close()
                    device = self._open(terminal)
                if case.another_first:
                    self._another(terminal, device)
                    expected.append(("charge", _AMOUNT_MINOR))
                device, result = self._ask_until_certain(terminal, device, operation)
            moved = [(entry.kind, entry.amount_minor) for entry in terminal.movements()[before:]]
            if isinstance(result, Approved):
                expected.insert(0, (_KINDS[case.action], result.amount_minor))
            assert moved == expected, f"{case}: the driver said {result}, after {first}; the terminal moved {moved}"
            if isinstance(result, NotSent | NotFound):
                self._may_be_sent_again(terminal, device, case, operation)
            device.close()
            return type(first).__name__

    def _may_be_sent_again(
        self, terminal: SimulatedTerminal, device: Terminal, case: _Case, operation: CardOperation
    ) -> None:
        """`NotSent` and `NotFound` promise that the same operation may be sent again: then money moves once."""
        before = len(terminal.movements())
        again = self._until_done(terminal, device, operation)
        moved = [(entry.kind, entry.amount_minor) for entry in terminal.movements()[before:]]
        assert isinstance(again, Approved), f"{case}: sent again: {again}"
        assert moved == [(_KINDS[case.action], again.amount_minor)], f"{case}: sent again: the terminal moved {moved}"

    def _prepare(self, device: Terminal, action: TerminalAction) -> CardOperation:
        """The same operation is done once before, for the same amount, so that the two can be mistaken."""
        if action == "purchase":
            self._done(device, self._operation("purchase"))
            return self._operation("purchase")
        self._done(device, self._operation(action, self._sold(device)))
        return self._operation(action, self._sold(device))

    def _sold(self, device: Terminal) -> CardReferences | None:
        return self._done(device, self._operation("purchase")).references

    def _done(self, device: Terminal, operation: CardOperation) -> Approved:
        result = device.perform(operation, _ignore)
        assert isinstance(result, Approved), f"{operation.action}: {result}"
        return result

    def _another(self, terminal: SimulatedTerminal, device: Terminal) -> None:
        result = self._until_done(terminal, device, self._operation("purchase"))
        assert isinstance(result, Approved), f"the next customer: {result}"

    def _until_done(self, terminal: SimulatedTerminal, device: Terminal, operation: CardOperation) -> OperationResult:
        """As the till would: again where nothing was done, and asking where it is in doubt."""
        deadline = time.monotonic() + SETTLED_WITHIN_S
        attempt = operation
        while True:
            if not self._same_reference:
                attempt = replace(operation, operation_id=uuid4(), reference=self._reference())
            result = device.perform(attempt, _ignore)
            if isinstance(result, Unknown):
                _, result = self._ask_until_certain(terminal, device, attempt)
            if not isinstance(result, NotSent | NotFound) or time.monotonic() > deadline:
                return result
            time.sleep(_ASK_AGAIN_S)

    def _ask_until_certain(
        self, terminal: SimulatedTerminal, device: Terminal, operation: CardOperation
    ) -> tuple[Terminal, OperationResult]:
        inquiry = replace(
            operation,
            operation_id=uuid4(),
            action="inquiry",
            reference=self._reference(),
            sent_action=operation.action,
            sent_reference=operation.reference,
            sent_amount_minor=operation.amount_minor,
        )
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while time.monotonic() < deadline:
            try:
                result = device.inquire(inquiry)
            except DeviceAbsent:
                device.close()
                device = self._open(terminal)
                continue
            if isinstance(result, Approved | Declined | NotFound):
                return device, result
            time.sleep(_ASK_AGAIN_S)
        return device, Unknown(f"not settled within {SETTLED_WITHIN_S:g} s")

    def _open(self, terminal: SimulatedTerminal) -> Terminal:
        deadline = time.monotonic() + SETTLED_WITHIN_S
        while True:
            try:
                return self._make_driver(terminal)
            except DeviceAbsent:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_ASK_AGAIN_S)

    def _operation(self, action: TerminalAction, original: CardReferences | None = None) -> CardOperation:
        return CardOperation(
            operation_id=uuid4(),
            action=action,
            currency=self._currency,
            amount_minor=_AMOUNT_MINOR,
            reference=self._reference(),
            original=original,
        )

    def _reference(self) -> str:
        return f"H{next(self._references):09d}"


def _ignore(stage: str, text: str) -> None:
    """Progress is no matter of history."""
