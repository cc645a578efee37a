"""The sale is complete: what was approved counts as captured. For terminals the approval was final (retail rule 18)."""

from __future__ import annotations

from libs.contracts.tenders import CaptureTender
from libs.persistence import UnitOfWork
from services.payments.domain.intent import IntentState
from services.payments.domain.payment import SALES
from services.payments.use_cases.change_payment import PaymentChange

_CAPTURED = frozenset({IntentState.CAPTURED, IntentState.PART_REFUNDED, IntentState.REFUNDED})


async def capture_tender(work: UnitOfWork, command: CaptureTender) -> None:
    """Capture a tender's payment; repeated, it changes nothing. A payment that cannot be captured is an anomaly.

    Raises UnknownIntent.
    """
    change = await PaymentChange.locked(work, command.tender_id, "tender_id")
    if change.intent.state in _CAPTURED:
        return
    if change.intent.state is not IntentState.APPROVED:
        change.anomaly(SALES, f"The sale was completed, and this payment is {change.intent.state.replace('_', ' ')}.")
    else:
        change.move(change.intent.captured(), SALES)
        change.captured()
    await change.keep()
