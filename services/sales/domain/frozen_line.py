"""Between a line as pricing gives it out and as the document freezes it: exact both ways (retail rules 3, 4 and 7)."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from libs.contracts.sales import AdjustmentFacts, LineFacts, TaxFacts
from libs.money import Quantity
from libs.pricing import Adjustment, AdjustmentKind, LineTax, PricedLine, ProductKind, ReturnPolicy, TaxMode


def freeze_line(
    priced: PricedLine,
    *,
    product_id: UUID,
    product_code: str,
    name: str,
    unit: str,
    category_ids: Sequence[str] = (),
    approved_by: UUID | None = None,
    returns_sale_id: UUID | None = None,
    returns_line_id: UUID | None = None,
    return_reason: str | None = None,
) -> LineFacts:
    """The line as its document keeps it for ever; `priced.line_id` is the text of the line's UUID.

    What pricing does not know (the product's names, who approved, which line it brings back) is added as given.
    """
    return LineFacts(
        line_id=UUID(priced.line_id),
        product_id=product_id,
        product_code=product_code,
        name=name,
        kind=priced.kind.value,
        unit=unit,
        category_ids=tuple(category_ids),
        quantity_milli=priced.quantity.milli,
        unit_price_minor=priced.unit_price_minor,
        list_price_minor=priced.list_price_minor,
        gross_minor=priced.gross_minor,
        adjustments=tuple(_adjustment_facts(adjustment) for adjustment in priced.adjustments),
        net_minor=priced.net_minor,
        taxes=tuple(_tax_facts(tax) for tax in priced.taxes),
        total_minor=priced.total_minor,
        notes=priced.notes,
        approved_by=approved_by,
        returns_sale_id=returns_sale_id,
        returns_line_id=returns_line_id,
        return_reason=return_reason,
    )


def thaw_line(facts: LineFacts, *, currency: str, tax_mode: str) -> PricedLine:
    """The line as pricing gave it out then; `currency` and `tax_mode` are its document's."""
    return PricedLine(
        line_id=str(facts.line_id),
        currency=currency,
        kind=ProductKind(facts.kind),
        tax_mode=TaxMode(tax_mode),
        quantity=Quantity(facts.quantity_milli),
        unit_price_minor=facts.unit_price_minor,
        list_price_minor=facts.list_price_minor,
        gross_minor=facts.gross_minor,
        adjustments=tuple(_adjustment(adjustment) for adjustment in facts.adjustments),
        net_minor=facts.net_minor,
        taxes=tuple(LineTax(tax.code, tax.name, tax.rate_ppm, tax.base_minor, tax.tax_minor) for tax in facts.taxes),
        total_minor=facts.total_minor,
        notes=facts.notes,
    )


def _adjustment_facts(adjustment: Adjustment) -> AdjustmentFacts:
    return AdjustmentFacts(
        kind=adjustment.kind.value,
        source_id=adjustment.source_id,
        name=adjustment.name,
        amount_minor=adjustment.amount_minor,
        text=adjustment.text,
        return_policy=adjustment.return_policy.value,
        application=adjustment.application,
        quantity_milli=adjustment.quantity_milli,
        sets=adjustment.sets,
    )


def _adjustment(facts: AdjustmentFacts) -> Adjustment:
    return Adjustment(
        kind=AdjustmentKind(facts.kind),
        source_id=facts.source_id,
        name=facts.name,
        amount_minor=facts.amount_minor,
        text=facts.text,
        return_policy=ReturnPolicy(facts.return_policy),
        application=facts.application,
        quantity_milli=facts.quantity_milli,
        sets=facts.sets,
    )


def _tax_facts(tax: LineTax) -> TaxFacts:
    return TaxFacts(
        code=tax.code, name=tax.name, rate_ppm=tax.rate_ppm, base_minor=tax.base_minor, tax_minor=tax.tax_minor
    )
