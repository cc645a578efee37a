"""The slips of a payment, of its voids and its refunds: the terminal's own, else composed of what we know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid5

from libs.persistence import Connection
from libs.web.principal import Principal
from services.payments.domain.intent import Action, IntentKind, IntentState
from services.payments.domain.slip import SlipCopy, SlipFacts, SlipKind, compose_slip
from services.payments.domain.terminal import TerminalKind
from services.payments.storage.intents import IntentRepository
from services.payments.storage.slip_sources import SlipRepository, SlipSource
from services.payments.use_cases.change_payment import UnknownIntent

_KINDS = {
    Action.PURCHASE: SlipKind.PAYMENT,
    Action.PRE_AUTHORISATION: SlipKind.PAYMENT,
    Action.INCREMENT: SlipKind.PAYMENT,
    Action.COMPLETION: SlipKind.PAYMENT,
    Action.REFUND: SlipKind.REFUND,
    Action.REVERSAL: SlipKind.VOID,
    Action.CANCELLATION: SlipKind.VOID,
}
_UNDONE = frozenset({IntentState.REVERSED, IntentState.VOIDED, IntentState.CANCELLED})
_NOT_YET = frozenset({IntentState.CREATED, IntentState.AWAITING_CONFIRMATION, IntentState.AWAITING_CARD})


@dataclass(frozen=True, slots=True)
class Slip:
    """A slip with both its copies; `intent_id` and `till_id` are those of the payment or refund that it is of."""

    slip_id: UUID
    intent_id: UUID
    till_id: UUID
    kind: SlipKind
    customer: tuple[str, ...]
    merchant: tuple[str, ...]
    at: datetime


async def read_slips(connection: Connection, caller: Principal, intent_id: UUID) -> list[Slip]:
    """The slips, the oldest first. Raises UnknownIntent or Forbidden."""
    payment = await IntentRepository(connection).get(intent_id)
    if payment is None:
        raise UnknownIntent(f"No card payment {intent_id} is known.", field="intent_id")
    caller.demand_store(payment.store_id)
    found: list[Slip] = []
    for source in await SlipRepository(connection).sources(intent_id):
        found += _by_hand(source) if source.terminal_kind is TerminalKind.STANDALONE else _of_operation(source)
    return sorted(found, key=lambda slip: (slip.at, slip.slip_id))


def _of_operation(source: SlipSource) -> list[Slip]:
    if source.operation_id is None or source.action is None:
        return []
    kind = _KINDS[Action(source.action)]
    at = source.answered_at or source.created_at
    if source.customer or source.merchant:
        return [_slip(source, source.operation_id, kind, source.customer, source.merchant, at)]
    if source.terminal_kind is not TerminalKind.CONCENTRATED:
        # A wired terminal that wants nothing printed printed its slip itself, or has none.
        return []
    return [_composed(source, source.operation_id, kind, source.amount_minor, at)]


def _by_hand(source: SlipSource) -> list[Slip]:
    """A standalone terminal's are of what a person said: the payment, and its void where it was undone."""
    state = IntentState(source.state)
    if state in _NOT_YET or source.decided_at is None:
        return []
    kind = SlipKind.REFUND if source.kind == IntentKind.REFUND.value else SlipKind.PAYMENT
    slips = [_composed(source, source.intent_id, kind, source.approved_minor, source.created_at)]
    if state in _UNDONE:
        void_id = uuid5(source.intent_id, SlipKind.VOID.value)
        slips.append(_composed(source, void_id, SlipKind.VOID, source.approved_minor, source.decided_at))
    return slips if source.approved_minor else []


def _composed(source: SlipSource, slip_id: UUID, kind: SlipKind, amount_minor: int, at: datetime) -> Slip:
    card, references = source.card, source.references
    whole = kind is not SlipKind.REFUND and amount_minor >= source.cash_back_minor + source.tip_minor
    facts = SlipFacts(
        kind,
        at,
        source.currency,
        amount_minor,
        terminal=(references.terminal_id if references else None) or source.terminal_name or "",
        merchant=source.merchant_number,
        cash_back_minor=source.cash_back_minor if whole else 0,
        tip_minor=source.tip_minor if whole else 0,
        scheme=card.scheme if card else None,
        masked_number=card.masked_number if card else None,
        entry_mode=card.entry_mode if card else None,
        approval_code=references.approval_code if references else None,
        retrieval_reference=references.retrieval_reference if references else None,
        trace=references.trace if references else None,
        acquirer=source.acquirer,
    )
    customer, merchant = (compose_slip(facts, copy) for copy in (SlipCopy.CUSTOMER, SlipCopy.MERCHANT))
    return _slip(source, slip_id, kind, customer, merchant, at)


def _slip(
    source: SlipSource,
    slip_id: UUID,
    kind: SlipKind,
    customer: tuple[str, ...],
    merchant: tuple[str, ...],
    at: datetime,
) -> Slip:
    return Slip(slip_id, source.intent_id, source.till_id, kind, customer, merchant, at)
