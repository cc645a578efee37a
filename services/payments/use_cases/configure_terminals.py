"""Terminals that stand alone, tills' defaults, and terminals that are to be taken away."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.payments.domain.card_data import demand_no_card_number
from services.payments.domain.terminal import NoTerminal, Terminal, TerminalKind
from services.payments.storage.terminals import TerminalRepository
from services.payments.use_cases.pre_authorise import till_of
from services.payments.use_cases.start_batches import demand_batches_closed, demand_nothing_stored
from services.payments.use_cases.start_settlement import known_terminal


class TerminalNameTaken(Conflict):
    """The store has a terminal of this name."""

    type = "terminal-name-taken"


class TerminalNotSettled(Conflict):
    """The terminal still has payments that are not settled or not decided (retail rule 21)."""

    type = "terminal-not-settled"


async def add_standalone_terminal(work: UnitOfWork, caller: Principal, store_id: UUID, name: str) -> Terminal:
    """Add a terminal that no wire leads to. Raises Forbidden or TerminalNameTaken."""
    caller.demand(Permission.PAYMENTS_CONFIGURE)
    caller.demand_store(store_id)
    demand_no_card_number(name, "name")
    repository = TerminalRepository(work.connection)
    terminal = Terminal(new_id(), store_id, name, None, (), active=True, kind=TerminalKind.STANDALONE)
    taken = name in {each.name for each in await repository.of_store(store_id)}
    if taken or not await repository.add_unwired(terminal, work.now):
        raise TerminalNameTaken(f"The store has a terminal {name!r} already. Give this one another name.", field="name")
    return terminal


async def set_default_terminal(work: UnitOfWork, caller: Principal, till_id: UUID, terminal_id: UUID) -> Terminal:
    """Make a terminal the one that a till uses. Raises Forbidden, UnknownTill, UnknownTerminal or NoTerminal."""
    caller.demand(Permission.PAYMENTS_CONFIGURE)
    _, store_id = await till_of(work, caller, till_id)
    terminal = await known_terminal(work.connection, caller, terminal_id, lock=False)
    if terminal.store_id != store_id or not terminal.serves(till_id):
        raise NoTerminal(f"The terminal {terminal.name!r} is not one that this till can use.", field="terminal_id")
    await TerminalRepository(work.connection).set_default(till_id, terminal_id, work.now, caller.id)
    return terminal


async def release_terminal(work: UnitOfWork, caller: Principal, terminal_id: UUID, note: str | None) -> Terminal:
    """Let a terminal be taken away or replaced, once its day is settled (retail rule 21).

    Raises UnknownTerminal, Forbidden, TerminalNotSettled, MessagesWaiting or BatchesOpen.
    """
    caller.demand(Permission.PAYMENTS_SETTLE)
    demand_no_card_number(note, "note")
    terminal = await known_terminal(work.connection, caller, terminal_id, lock=True)
    repository = TerminalRepository(work.connection)
    undone = (await repository.undone([terminal_id])).get(terminal_id)
    if undone is not None:
        raise TerminalNotSettled(
            f"Terminal {terminal.name!r} has {undone.unsettled_count} payments that are not settled and"
            f" {undone.undecided_count} that are not decided. Resolve them and run its end of day first.",
            unsettled_count=undone.unsettled_count,
            undecided_count=undone.undecided_count,
        )
    if terminal.concentrated:
        await demand_nothing_stored(work.connection, terminal)
        await demand_batches_closed(work.connection, terminal)
    await repository.release(terminal_id, work.now, caller.id, note)
    released = await repository.get(terminal_id)
    assert released is not None, "it was locked a moment ago"
    return released
