"""Ask a terminal for its end of day; for one that stands alone, a person types the totals of its slip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, Invalid, NotFound
from libs.contracts.terminals import SchemeTotal
from libs.persistence import Connection, UnitOfWork, new_id
from libs.web.principal import Principal
from services.payments.domain.card_data import demand_no_card_number
from services.payments.domain.payment import Operation
from services.payments.domain.settlement import SettlementState
from services.payments.domain.terminal import Terminal, TerminalKind
from services.payments.storage.settlements import Settlement, SettlementRepository
from services.payments.storage.terminals import TerminalRepository
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.pre_authorise import till_of
from services.payments.use_cases.record_settlement import settle
from services.payments.use_cases.send_operation import send_operations
from services.payments.use_cases.start_batches import demand_decided, start_batches


class UnknownTerminal(NotFound):
    """There is no terminal with this id."""

    type = "unknown-terminal"


class SettlementRunning(Conflict):
    """The terminal's end of day is being asked for already."""

    type = "settlement-running"


@dataclass(frozen=True, slots=True)
class EndOfDay:
    """Which terminal's day ends, at which till the request comes out, and what a standalone one's slip says."""

    terminal_id: UUID
    currency: str
    till_id: UUID | None = None
    totals: Sequence[SchemeTotal] | None = None


async def known_terminal(connection: Connection, caller: Principal, terminal_id: UUID, *, lock: bool) -> Terminal:
    """A terminal of a store that the caller works for. Raises UnknownTerminal or Forbidden."""
    terminal = await TerminalRepository(connection).get(terminal_id, lock=lock)
    if terminal is None:
        raise UnknownTerminal(f"No terminal {terminal_id} is known.", field="terminal_id")
    caller.demand_store(terminal.store_id)
    return terminal


async def start_settlement(
    work: UnitOfWork, caller: Principal, wanted: EndOfDay, limits: OperationLimits
) -> Settlement:
    """Start a terminal's end of day, or finish it at once by typed totals.

    A concentrated one's acquirers are told by a job, each of its own batch.

    After it a terminal answers no inquiry about the day any more; therefore nothing may be undecided.
    Raises UnknownTerminal, Forbidden, PaymentsUndecided, MessagesWaiting, SettlementRunning or Invalid.
    """
    caller.demand(Permission.PAYMENTS_SETTLE)
    terminal = await known_terminal(work.connection, caller, wanted.terminal_id, lock=True)
    _check_totals(terminal, wanted)
    await demand_decided(work.connection, terminal)
    till_id = await _till(work, caller, terminal, wanted)
    operation_id = new_id() if terminal.kind is TerminalKind.WIRED else None
    settlement = Settlement(
        new_id(),
        terminal.store_id,
        till_id,
        terminal.terminal_id,
        terminal.name,
        wanted.currency,
        SettlementState.REQUESTED,
        caller.id,
        work.now,
        operation_id=operation_id,
        requested_by_name=caller.name,
    )
    if not await SettlementRepository(work.connection).add(settlement):
        raise SettlementRunning(f"The end of day of terminal {terminal.name!r} is being asked for already.")
    if terminal.concentrated:
        return await start_batches(work, terminal, settlement)
    if operation_id is None:
        return await settle(work, settlement, tuple(wanted.totals or ()))
    operation = Operation(operation_id, None, terminal.store_id, till_id, terminal, "end_of_day", wanted.currency, 0)
    await send_operations(work, [operation], limits, by=caller.id)
    return settlement


async def _till(work: UnitOfWork, caller: Principal, terminal: Terminal, wanted: EndOfDay) -> UUID:
    if wanted.till_id is None and caller.till_id is None and terminal.till_ids:
        return terminal.till_ids[0]
    if wanted.till_id is None and caller.till_id is None and terminal.kind is not TerminalKind.WIRED:
        # Nothing comes out at a till: whoever is in the office need not name one.
        known = await SettlementRepository(work.connection).till_of(terminal.terminal_id, terminal.store_id)
        if known is not None:
            return known
    till_id, store_id = await till_of(work, caller, wanted.till_id)
    if store_id != terminal.store_id:
        raise Invalid("The till is in another store than the terminal.", field="till_id")
    return till_id


def _check_totals(terminal: Terminal, wanted: EndOfDay) -> None:
    if terminal.standalone and wanted.totals is None:
        raise Invalid("Type the totals of the terminal's slip, a line for each card scheme.", field="totals")
    if not terminal.standalone and wanted.totals is not None:
        raise Invalid("This terminal tells its totals itself; leave totals away.", field="totals")
    for index, total in enumerate(wanted.totals or ()):
        demand_no_card_number(total.scheme, f"totals.{index}.scheme")
