"""A terminal's end of day is there: compare it with ours, and list what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from libs.contracts.payments import SettlementClosed
from libs.contracts.terminals import SchemeTotal, TerminalAnswered
from libs.persistence import UnitOfWork, new_id
from services.payments.domain.card_data import without_card_numbers
from services.payments.domain.settlement import Difference, SchemeDifference, SettlementState, compare
from services.payments.storage.differences import DifferenceRepository
from services.payments.storage.settlements import Settlement, SettlementRepository

_WAITING = frozenset({SettlementState.REQUESTED, SettlementState.UNKNOWN})


async def record_end_of_day(work: UnitOfWork, operation_id: UUID, answer: TerminalAnswered | None) -> None:
    """Settle by the terminal's answer; None when none came. Late and repeated answers are right, too."""
    settlement = await SettlementRepository(work.connection).by_operation(operation_id)
    if settlement is None or settlement.state not in _WAITING:
        return
    if answer is None or answer.outcome == "unknown":
        reason = answer.reason if answer else "The terminal did not answer in time."
        await _put_off(work, settlement, SettlementState.UNKNOWN, reason)
    elif answer.outcome == "approved":
        await settle(work, settlement, answer.totals)
    else:
        await _put_off(
            work, settlement, SettlementState.FAILED, answer.reason or "The terminal refused its end of day."
        )


async def _put_off(work: UnitOfWork, settlement: Settlement, state: SettlementState, reason: str | None) -> None:
    clean = None if reason is None else without_card_numbers(reason)
    await SettlementRepository(work.connection).save(replace(settlement, state=state, reason=clean))


async def settle(work: UnitOfWork, settlement: Settlement, totals: Sequence[SchemeTotal]) -> Settlement:
    """Compare the terminal's totals with what it took by our intents; without differences it is closed at once."""
    ours = await SettlementRepository(work.connection).take_in(
        settlement.settlement_id, settlement.terminal_id, settlement.currency, decided_until=work.now
    )
    found = [_difference(work, settlement, each) for each in compare(ours, totals)]
    await DifferenceRepository(work.connection).add(found)
    return await conclude(
        work,
        replace(settlement, our_totals=tuple(ours), difference_count=len(found)),
        totals,
        unclosed_count=len(found),
    )


async def conclude(
    work: UnitOfWork, settlement: Settlement, totals: Sequence[SchemeTotal], *, unclosed_count: int
) -> Settlement:
    """Both sides' totals are known, and the differences stored; without any that are open it is closed at once."""
    closed = unclosed_count == 0
    settled = replace(
        settlement,
        state=SettlementState.CLOSED if closed else SettlementState.DIFFERING,
        terminal_totals=tuple(totals),
        reason=None,
        closed_at=work.now if closed else None,
    )
    await SettlementRepository(work.connection).save(settled)
    if closed:
        announce_closed(work, settled)
    return settled


def _difference(work: UnitOfWork, settlement: Settlement, found: SchemeDifference) -> Difference:
    return Difference(
        new_id(),
        settlement.store_id,
        f"{found.kind}_totals",
        settlement.currency,
        found.ours_minor,
        found.theirs_minor,
        found.our_count,
        found.their_count,
        work.now,
        settlement_id=settlement.settlement_id,
        scheme=found.scheme,
    )


def announce_closed(work: UnitOfWork, settlement: Settlement) -> None:
    """Publish a settlement that is closed: once in its life."""
    assert settlement.closed_at is not None, "a closed settlement says since when"
    work.emit(
        SettlementClosed(
            settlement_id=settlement.settlement_id,
            store_id=settlement.store_id,
            till_id=settlement.till_id,
            terminal_id=settlement.terminal_id,
            terminal=settlement.terminal_name,
            currency=settlement.currency,
            terminal_totals=settlement.terminal_totals,
            our_totals=settlement.our_totals,
            difference_count=settlement.difference_count,
            closed_at=settlement.closed_at,
        ),
        sequence=1,
    )
