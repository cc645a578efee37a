"""What payments asks of a payment terminal behind a device gateway, and what the terminal answered.

No PAN, track, PIN or CVV is in any of these (retail rule 22; PCI DSS requirement 3): a masked number and a scheme.
An operation is carried out once, however often its command arrives, and never after it has expired.
"""

from __future__ import annotations

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from libs.contracts.gateway import DeviceName, GatewayCommand
from libs.contracts.message import Event, contract
from libs.contracts.values import CurrencyCode, Instant, MinorAmount, Part

TerminalAction = Literal[
    "purchase",
    "refund",
    "reversal",
    "pre_authorisation",
    "increment",
    "completion",
    "pre_authorisation_cancel",
    "balance",
    "last_slip",
    "inquiry",
    "end_of_day",
    "diagnosis",
]
OperationOutcome = Literal["approved", "declined", "unknown", "not_sent", "expired"]
MaskedNumber = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9]{0,6}[*X]{2,15}[0-9]{0,4}$"),
    Field(examples=["476173******0119"]),
]
"""At most the first six and the last four digits of a card number."""


class CardReferences(Part):
    """By what a terminal and its host find a transaction again; each terminal fills in what it has."""

    terminal_id: str | None = None
    trace: str | None = None
    receipt_number: str | None = None
    approval_code: str | None = None
    retrieval_reference: str | None = None
    transaction_id: str | None = None
    transaction_time: Instant | None = None


class CardFacts(Part):
    """What may be kept of the card that was presented."""

    masked_number: MaskedNumber | None = None
    scheme: str | None = None
    entry_mode: str | None = None
    instalments: Annotated[int, Field(ge=1, le=99)] | None = None


class SchemeTotal(Part):
    """A line of a terminal's end of day: how often and how much, refunds apart."""

    scheme: str
    sale_count: int
    sale_minor: MinorAmount
    refund_count: int
    refund_minor: MinorAmount


@contract("gateway", "operate_terminal", subject="operation_id", store="store_id")
class OperateTerminal(GatewayCommand):
    """Carry out one operation at a till's payment terminal (the named one, else the till's own).

    `amount_minor` is the whole amount including `cash_back_minor` and `tip_minor`; zero where the action has none.
    `original` are the references of the transaction that is refunded, reversed, completed or asked for; an `inquiry`
    asks for the outcome of `inquired_operation_id` and never moves money. Other actions on an earlier transaction name
    its operation there, too, so that a gateway may use the references of its own journal.
    """

    operation_id: UUID
    intent_id: UUID
    action: TerminalAction
    currency: CurrencyCode
    amount_minor: Annotated[MinorAmount, Field(ge=0)] = 0
    cash_back_minor: Annotated[MinorAmount, Field(ge=0)] = 0
    tip_minor: Annotated[MinorAmount, Field(ge=0)] = 0
    terminal: DeviceName | None = None
    original: CardReferences | None = None
    inquired_operation_id: UUID | None = None
    instalments: Annotated[int, Field(ge=2, le=99)] | None = None


@contract("gateway", "terminal_answered", subject="operation_id", store="store_id")
class TerminalAnswered(Event):
    """What became of an operation, as far as is known: exactly one for every operation.

    `not_sent`: certainly nothing reached the terminal. `unknown`: money may have moved; payments asks by an inquiry.
    An answered inquiry tells the outcome of `inquired_operation_id`; its own outcome `unknown` means ask again later,
    and `found` is false where the terminal certainly knows no such transaction.
    """

    operation_id: UUID
    intent_id: UUID
    gateway_id: UUID
    store_id: UUID
    till_id: UUID
    action: TerminalAction
    outcome: OperationOutcome
    answered_at: Instant
    terminal: DeviceName | None = None
    currency: CurrencyCode | None = None
    amount_minor: MinorAmount | None = None
    cash_back_minor: MinorAmount = 0
    tip_minor: MinorAmount = 0
    card: CardFacts | None = None
    references: CardReferences | None = None
    reason_code: str | None = None
    reason: str | None = None
    customer_slip: tuple[str, ...] = ()
    merchant_slip: tuple[str, ...] = ()
    signature_required: bool = False
    totals: tuple[SchemeTotal, ...] = ()
    inquired_operation_id: UUID | None = None
    found: bool | None = None


@contract("gateway", "terminal_progress", subject="operation_id", store="store_id")
class TerminalProgress(Event):
    """What the terminal shows at this moment, for the till's screen: `insert_card`, `enter_pin`, `wait_for_host`..."""

    operation_id: UUID
    intent_id: UUID
    store_id: UUID
    till_id: UUID
    stage: str
    text: str
    at: Instant
