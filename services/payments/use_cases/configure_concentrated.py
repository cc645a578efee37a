"""Concentrated terminals: added with the numbers under which acquirers know them, which change only between days."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, Invalid
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.payments.domain.card_data import demand_no_card_number
from services.payments.domain.terminal import Terminal, TerminalKind
from services.payments.storage.acquirer_terminals import AcquirerTerminal, AcquirerTerminalRepository
from services.payments.storage.concentrated_terminals import ConcentratedTerminalRepository
from services.payments.storage.terminals import TerminalRepository
from services.payments.use_cases.configure_terminals import TerminalNameTaken
from services.payments.use_cases.start_batches import demand_batches_closed, demand_decided, demand_nothing_stored
from services.payments.use_cases.start_settlement import known_terminal


class TerminalNumberTaken(Conflict):
    """Another terminal is known to the acquirer under this number."""

    type = "terminal-number-taken"


class NumbersInUse(Conflict):
    """Payments under the terminal's number at an acquirer are not settled; it cannot change before."""

    type = "terminal-numbers-in-use"


class NotConcentrated(Conflict):
    """The terminal is no concentrated one, or it is out of use: it has no numbers at acquirers."""

    type = "terminal-not-concentrated"


@dataclass(frozen=True, slots=True)
class Numbers:
    """Fields 41, 42 and 18 of a terminal at one acquirer."""

    acquirer: str
    terminal_number: str
    merchant_number: str
    category: str


async def add_concentrated_terminal(
    work: UnitOfWork,
    caller: Principal,
    store_id: UUID,
    name: str,
    numbers: Sequence[Numbers],
    acquirers: Collection[str],
) -> Terminal:
    """Add a terminal whose payments go to `acquirers` directly.

    Raises Forbidden, Invalid, TerminalNameTaken or TerminalNumberTaken.
    """
    caller.demand(Permission.PAYMENTS_CONFIGURE)
    caller.demand_store(store_id)
    demand_no_card_number(name, "name")
    _check(numbers, acquirers)
    repository = TerminalRepository(work.connection)
    terminal = Terminal(new_id(), store_id, name, None, (), active=True, kind=TerminalKind.CONCENTRATED)
    taken = name in {each.name for each in await repository.of_store(store_id)}
    if taken or not await repository.add_unwired(terminal, work.now):
        raise TerminalNameTaken(f"The store has a terminal {name!r} already. Give this one another name.", field="name")
    await _put(work, caller, terminal, numbers)
    return terminal


async def change_numbers(
    work: UnitOfWork, caller: Principal, terminal_id: UUID, numbers: Sequence[Numbers], acquirers: Collection[str]
) -> Terminal:
    """Change a terminal's numbers; a further acquirer may be added at any time.

    Raises UnknownTerminal, Forbidden, Invalid, NotConcentrated, PaymentsUndecided, MessagesWaiting, BatchesOpen,
    NumbersInUse or TerminalNumberTaken.
    """
    caller.demand(Permission.PAYMENTS_CONFIGURE)
    terminal = await known_terminal(work.connection, caller, terminal_id, lock=True)
    if not terminal.concentrated or not terminal.active:
        raise NotConcentrated(f"The terminal {terminal.name!r} has no numbers at acquirers.", field="terminal_id")
    _check(numbers, acquirers)
    known = await AcquirerTerminalRepository(work.connection).of_terminal(terminal_id)
    await _put(work, caller, terminal, numbers)
    # Looked at with the numbers locked: what is sent from now on is sent under the new ones.
    await demand_decided(work.connection, terminal)
    await demand_nothing_stored(work.connection, terminal)
    await demand_batches_closed(work.connection, terminal)
    unsettled = await ConcentratedTerminalRepository(work.connection).acquirers_unsettled(terminal_id)
    wanted = {each.acquirer: (each.terminal_number, each.merchant_number) for each in numbers}
    for each in known:
        if each.acquirer in unsettled and wanted.get(each.acquirer) != (each.terminal_number, each.merchant_number):
            raise NumbersInUse(
                f"{each.acquirer} has payments of terminal {each.terminal_number} that are not settled. Run the end of"
                " day first.",
                field="numbers",
            )
    return terminal


async def _put(work: UnitOfWork, caller: Principal, terminal: Terminal, numbers: Sequence[Numbers]) -> None:
    stored = [
        AcquirerTerminal(terminal.terminal_id, each.acquirer, each.terminal_number, each.merchant_number, each.category)
        for each in numbers
    ]
    repository = ConcentratedTerminalRepository(work.connection)
    if not await repository.put_numbers(terminal.terminal_id, stored, work.now, caller.id):
        raise TerminalNumberTaken(
            "Another terminal has one of these terminal numbers. Each terminal needs its own at each acquirer.",
            field="numbers",
        )


def _check(numbers: Sequence[Numbers], acquirers: Collection[str]) -> None:
    for index, each in enumerate(numbers):
        if each.acquirer not in acquirers:
            names = ", ".join(sorted(acquirers)) or "none"
            raise Invalid(
                f"No acquirer {each.acquirer!r} is configured here; there are: {names}.",
                field=f"numbers.{index}.acquirer",
            )
        if each.acquirer in {other.acquirer for other in numbers[:index]}:
            raise Invalid("A terminal has one number at each acquirer.", field=f"numbers.{index}.acquirer")
