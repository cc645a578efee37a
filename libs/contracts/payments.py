"""What payments tells the others: card payments from intent to capture, and settled terminals."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from libs.contracts.message import Event, contract
from libs.contracts.terminals import MaskedNumber, SchemeTotal
from libs.contracts.values import CurrencyCode, Instant, MinorAmount

IntentKindName = Literal["purchase", "refund", "pre_authorisation"]


@contract("payments", "payment_intent_changed", subject="intent_id", store="store_id")
class PaymentIntentChanged(Event):
    """A card payment as it is now; `state` is one of the states of the intent's machine, e.g. `captured`, `unknown`.

    Amounts are never negative: `kind` says which way money goes. `approved_minor` includes cash-back and tip. The
    intent of a tender has the tender's id.
    """

    intent_id: UUID
    store_id: UUID
    till_id: UUID
    kind: IntentKindName
    state: str
    currency: CurrencyCode
    amount_minor: MinorAmount
    cash_back_minor: MinorAmount
    tip_minor: MinorAmount
    approved_minor: MinorAmount
    captured_minor: MinorAmount
    refunded_minor: MinorAmount
    changed_at: Instant
    sale_id: UUID | None = None
    original_intent_id: UUID | None = None
    terminal: str | None = None
    scheme: str | None = None
    masked_number: MaskedNumber | None = None
    approval_code: str | None = None
    retrieval_reference: str | None = None
    reason: str | None = None


@contract("payments", "settlement_closed", subject="settlement_id", store="store_id")
class SettlementClosed(Event):
    """A terminal's end of day agrees with ours, or every difference was followed to its end.

    `terminal_totals` is what the terminal said by card scheme, `our_totals` what the intents add up to.
    """

    settlement_id: UUID
    store_id: UUID
    till_id: UUID
    terminal_id: UUID
    terminal: str
    currency: CurrencyCode
    terminal_totals: tuple[SchemeTotal, ...]
    our_totals: tuple[SchemeTotal, ...]
    difference_count: int
    closed_at: Instant
