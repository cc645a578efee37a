"""Follow a difference to its end: explained, then closed, each by somebody and for a reason."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.persistence import UnitOfWork
from libs.web.principal import Principal
from services.payments.domain.card_data import demand_no_card_number
from services.payments.domain.settlement import Difference, SettlementState
from services.payments.storage.differences import DifferenceRepository
from services.payments.storage.settlements import SettlementRepository
from services.payments.use_cases.record_settlement import announce_closed


class UnknownDifference(NotFound):
    """There is no difference with this id."""

    type = "unknown-difference"


async def explain_difference(work: UnitOfWork, caller: Principal, difference_id: UUID, explanation: str) -> Difference:
    """Write down what it comes from. Raises UnknownDifference, Forbidden or DifferenceClosed."""
    demand_no_card_number(explanation, "explanation")
    difference = await _locked(work, caller, difference_id)
    explained = difference.explained(explanation, caller.id, work.now)
    await DifferenceRepository(work.connection).save(explained)
    return explained


async def close_difference(work: UnitOfWork, caller: Principal, difference_id: UUID, reason: str) -> Difference:
    """End it; the settlement is closed with its last one. Raises UnknownDifference, Forbidden or DifferenceClosed."""
    demand_no_card_number(reason, "reason")
    difference = await _locked(work, caller, difference_id)
    # Its settlement first, so that two who close the last two differences take turns.
    settlement = None
    settlements = SettlementRepository(work.connection)
    if difference.settlement_id is not None:
        settlement = await settlements.get(difference.settlement_id, lock=True)
    closed = difference.closed(reason, caller.id, work.now)
    repository = DifferenceRepository(work.connection)
    await repository.save(closed)
    # While acquirers are still told of batches, more differences may come.
    followed = settlement is not None and settlement.state is SettlementState.DIFFERING
    if settlement is not None and followed and not await repository.unclosed(settlement.settlement_id):
        finished = replace(settlement, state=SettlementState.CLOSED, closed_at=work.now)
        await settlements.save(finished)
        announce_closed(work, finished)
    return closed


async def _locked(work: UnitOfWork, caller: Principal, difference_id: UUID) -> Difference:
    caller.demand(Permission.PAYMENTS_SETTLE)
    difference = await DifferenceRepository(work.connection).get(difference_id)
    if difference is None:
        raise UnknownDifference(f"No difference {difference_id} is known.", field="difference_id")
    caller.demand_store(difference.store_id)
    return difference
