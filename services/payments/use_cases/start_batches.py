"""A concentrated terminal's day ends: what it took goes into a batch for each of its acquirers, told by a job."""

from __future__ import annotations

from dataclasses import replace

from libs.contracts.refusal import Conflict
from libs.persistence import Connection, UnitOfWork
from services.payments.domain.concentrator.batch import BatchTotals
from services.payments.domain.concentrator.closing import Batch
from services.payments.domain.terminal import Terminal
from services.payments.storage.acquirer_terminals import AcquirerTerminalRepository
from services.payments.storage.batches import BatchRepository
from services.payments.storage.settlements import Settlement, SettlementRepository
from services.payments.storage.terminals import TerminalRepository
from services.payments.use_cases.record_settlement import conclude

_NOTHING = (BatchTotals(), 0)


class PaymentsUndecided(Conflict):
    """The terminal's day cannot end while the outcome of a payment at it is not known."""

    type = "payments-undecided"


class MessagesWaiting(Conflict):
    """The terminal's day cannot end while an acquirer has not confirmed a reversal or a completion."""

    type = "messages-waiting"


class BatchesOpen(Conflict):
    """A batch of the terminal is still being settled with its acquirer."""

    type = "batches-open"


async def demand_decided(connection: Connection, terminal: Terminal) -> None:
    """See that every payment at a terminal is decided. Raises PaymentsUndecided."""
    undone = (await TerminalRepository(connection).undone([terminal.terminal_id])).get(terminal.terminal_id)
    if undone is not None and undone.undecided_count:
        raise PaymentsUndecided(
            f"{undone.undecided_count} payments at terminal {terminal.name!r} are not decided. Resolve them first: GET"
            " /payments/v1/intents?state=unresolved lists them.",
            undecided_count=undone.undecided_count,
        )


async def demand_nothing_stored(connection: Connection, terminal: Terminal) -> None:
    """See that no reversal or completion of a terminal waits for its acquirer. Raises MessagesWaiting."""
    waiting_count = await BatchRepository(connection).waiting_at(terminal.terminal_id)
    if waiting_count:
        raise MessagesWaiting(
            f"{waiting_count} messages of terminal {terminal.name!r} are still to be confirmed by its acquirer. They"
            " are sent by themselves: GET /payments/v1/stored-messages?state=waiting lists them.",
            waiting_count=waiting_count,
        )


async def demand_batches_closed(connection: Connection, terminal: Terminal) -> None:
    """See that no batch of a terminal is still being settled. Raises BatchesOpen."""
    open_count = await BatchRepository(connection).open_at(terminal.terminal_id)
    if open_count:
        raise BatchesOpen(
            f"The end of day of terminal {terminal.name!r} is not agreed with {open_count} of its acquirers yet. They"
            " are asked by themselves: GET /payments/v1/settlements/{settlement_id}/report says how far it is.",
            open_count=open_count,
        )


async def start_batches(work: UnitOfWork, terminal: Terminal, settlement: Settlement) -> Settlement:
    """Put what the terminal took into the settlement, with a batch for every acquirer that knows the terminal.

    Raises PaymentsUndecided or MessagesWaiting; then nothing was taken in.
    """
    numbers = await AcquirerTerminalRepository(work.connection).of_terminal(terminal.terminal_id)
    acquirers = [each.acquirer for each in numbers]
    repository = BatchRepository(work.connection)
    taken = await repository.take_in(settlement.settlement_id, terminal.terminal_id, settlement.currency, acquirers)
    # Looked at now: what is taken in is locked, so whoever wants to undo it finds it settled.
    await demand_decided(work.connection, terminal)
    await demand_nothing_stored(work.connection, terminal)
    batches = [
        Batch(
            settlement.settlement_id,
            acquirer,
            terminal.terminal_id,
            settlement.currency,
            *taken.by_acquirer.get(acquirer, _NOTHING),
            next_at=work.now,
        )
        for acquirer in acquirers
    ]
    await repository.add(batches, work.now)
    started = replace(settlement, our_totals=taken.by_scheme)
    if not batches:
        # No acquirer knows it: there is nobody to ask, and nothing that it could have taken.
        return await conclude(work, started, taken.by_scheme, unclosed_count=0)
    await SettlementRepository(work.connection).save(started)
    return started
