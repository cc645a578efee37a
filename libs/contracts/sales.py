"""What sales tells the others: baskets, completed documents, shifts and cash movements.

All amounts are minor units of the document's `currency`. A document is a sale, a return, an exchange or a void;
lines and totals carry their sign, so the sum over documents is the turnover.
"""

from datetime import date
from typing import Any
from uuid import UUID

from libs.contracts.message import Event, contract
from libs.contracts.terminals import MaskedNumber
from libs.contracts.values import CurrencyCode, Instant, MilliQuantity, MinorAmount, Part, PartsPerMillion


class TaxFacts(Part):
    """A tax on a line or on a whole document; `base_minor` is net of tax."""

    code: str
    name: str
    rate_ppm: PartsPerMillion
    base_minor: MinorAmount
    tax_minor: MinorAmount


class AdjustmentFacts(Part):
    """A discount (negative) on a line and why it was given.

    A promotion that joins several units says so: lines of one `application` belong to the same `sets` bundles, with
    `quantity_milli` of this line in them; `return_policy` is what it asks for on a return (retail rule 6).
    """

    kind: str
    source_id: str
    name: str
    amount_minor: MinorAmount
    text: str
    return_policy: str
    application: str
    quantity_milli: MilliQuantity
    sets: int


class LineFacts(Part):
    """A line of a document, as priced then. A returned line is negative and names the line it returns.

    net = gross + adjustments; total = net when prices include tax, net + taxes when they do not. `notes` say in
    words where the price came from; `approved_by` who allowed an override or a discount over the limit.
    """

    line_id: UUID
    product_id: UUID
    product_code: str
    name: str
    kind: str
    unit: str
    category_ids: tuple[str, ...] = ()
    quantity_milli: MilliQuantity
    unit_price_minor: MinorAmount
    list_price_minor: MinorAmount
    gross_minor: MinorAmount
    adjustments: tuple[AdjustmentFacts, ...]
    net_minor: MinorAmount
    taxes: tuple[TaxFacts, ...]
    total_minor: MinorAmount
    notes: tuple[str, ...] = ()
    approved_by: UUID | None = None
    returns_sale_id: UUID | None = None
    returns_line_id: UUID | None = None
    return_reason: str | None = None


class TenderFacts(Part):
    """Money that was given (positive) or given back (negative).

    `amount_minor` is what it counts for in the document; cash also says what was handed over and the change.
    `foreign_*` describe cash in another currency, with the rate frozen as a decimal string of local per foreign unit.
    What a card paid on top of it is no part of the document's total, not turnover and not taxed: `tip_minor`, and
    `cash_back_minor`, which was paid out of the drawer (retail rules 14 and 15); a void turns both around. `scheme`,
    `masked_number`, `approval_code` and `instalments` are there as far as whoever decided the tender told them.
    """

    tender_id: UUID
    kind: str
    amount_minor: MinorAmount
    given_minor: MinorAmount | None = None
    change_minor: MinorAmount | None = None
    foreign_currency: CurrencyCode | None = None
    foreign_minor: MinorAmount | None = None
    exchange_rate: str | None = None
    reference: str | None = None
    original_tender_id: UUID | None = None
    tip_minor: MinorAmount = 0
    cash_back_minor: MinorAmount = 0
    instalments: int | None = None
    scheme: str | None = None
    masked_number: MaskedNumber | None = None
    approval_code: str | None = None


class TenderClaim(Part):
    """So much of what a tender paid in `sale_id` was given back, or went on to pay for other goods.

    In an exchange the goods of `sale_id` may be paid with what was carried on to them: `tender_id` is then that of the
    tender which once moved the money.
    """

    sale_id: UUID
    tender_id: UUID
    kind: str
    amount_minor: MinorAmount


@contract("sales", "basket_updated", subject="basket_id", store="store_id")
class BasketUpdated(Event):
    """An open basket after a change, for the customer display and the dashboard."""

    basket_id: UUID
    store_id: UUID
    till_id: UUID
    state: str
    currency: CurrencyCode
    line_count: int
    total_minor: MinorAmount
    last_line_name: str | None


@contract("sales", "sale_completed", subject="sale_id", store="store_id")
class SaleCompleted(Event):
    """A finished document: sale, return, exchange or void. Never changed afterwards.

    `carried_tenders` is the money behind goods that came back and that paid for other goods instead of being given
    back: each with the id and kind of the tender that once moved it. It is no part of what was paid this time, and
    bounds what can be refunded in which kind when these goods come back. `tender_claims` say what the document took out
    of the tenders of those whose goods it brought back: its refunds and what it carried on.
    """

    sale_id: UUID
    kind: str
    store_id: UUID
    till_id: UUID
    till_code: str
    shift_id: UUID
    number: int
    receipt_code: str
    staff_id: UUID
    staff_name: str
    approved_by: UUID | None = None
    customer_id: UUID | None = None
    business_date: date
    completed_at: Instant
    currency: CurrencyCode
    tax_mode: str
    tax_rounding: str
    lines: tuple[LineFacts, ...]
    taxes: tuple[TaxFacts, ...]
    tenders: tuple[TenderFacts, ...]
    gross_minor: MinorAmount
    discount_minor: MinorAmount
    tax_minor: MinorAmount
    total_minor: MinorAmount
    rounding_minor: MinorAmount
    voids_sale_id: UUID | None = None
    note: str | None = None
    carried_tenders: tuple[TenderFacts, ...] = ()
    tender_claims: tuple[TenderClaim, ...] = ()


@contract("sales", "sale_voided", subject="sale_id", store="store_id")
class SaleVoided(Event):
    """A completed document was voided; `void_sale_id` is the document that reverses it."""

    sale_id: UUID
    void_sale_id: UUID
    store_id: UUID
    till_id: UUID
    reason: str
    voided_by: UUID
    voided_at: Instant


@contract("sales", "shift_opened", subject="shift_id", store="store_id")
class ShiftOpened(Event):
    """A cashier signed on at a till with a float."""

    shift_id: UUID
    store_id: UUID
    till_id: UUID
    staff_id: UUID
    staff_name: str
    business_date: date
    opened_at: Instant
    currency: CurrencyCode
    float_minor: MinorAmount


@contract("sales", "shift_closed", subject="shift_id", store="store_id")
class ShiftClosed(Event):
    """A shift was counted blind and closed; `z_report` is the whole report, as the API returns it."""

    shift_id: UUID
    store_id: UUID
    till_id: UUID
    staff_id: UUID
    z_number: int
    business_date: date
    closed_at: Instant
    currency: CurrencyCode
    first_number: int | None
    last_number: int | None
    document_count: int
    total_minor: MinorAmount
    cash_expected_minor: MinorAmount
    cash_counted_minor: MinorAmount
    cash_variance_minor: MinorAmount
    z_report: dict[str, Any]


@contract("sales", "cash_moved", subject="movement_id", store="store_id")
class CashMoved(Event):
    """The drawer was opened apart from a sale: float, cash in, cash out, or no sale (amount zero)."""

    movement_id: UUID
    shift_id: UUID
    store_id: UUID
    till_id: UUID
    staff_id: UUID
    kind: str
    currency: CurrencyCode
    amount_minor: MinorAmount
    reason: str
    approved_by: UUID | None
    moved_at: Instant
