"""Returns: what comes back is the price paid then, never today's (retail rules 2, 6 and 7).

`return_line` gives a part of one line back at its prorated price: right for PRORATED promotions, and for WHOLE_BUNDLE
ones once `broken_bundles` finds nothing. `return_recomputed` serves RECOMPUTE: it prices what the customer keeps and
claws back what the kept goods no longer earn. `refund` turns a whole document around.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from libs.money import Quantity, divide_rounded, round_to_sum
from libs.pricing.book import PriceBook
from libs.pricing.engine import price_basket
from libs.pricing.model import Basket, PriceEntry, PricingError, TaxMode
from libs.pricing.priced import Adjustment, AdjustmentKind, LineTax, PricedBasket, PricedLine
from libs.pricing.promotion import ReturnPolicy

_NOTHING = Quantity(0)


class ReturnExceedsSale(PricingError):
    """More would come back than was sold and not yet returned, or nothing, or a part of a return."""


def refund(sale: PricedBasket) -> PricedBasket:
    """The whole document turned around: every amount and quantity with the other sign."""
    return -sale


def return_line(
    original: PricedLine, sold_quantity: Quantity, already_returned_quantity: Quantity, returning_quantity: Quantity
) -> PricedLine:
    """The return of `returning_quantity` of a sold line, after `already_returned_quantity`, at the price paid then.

    All quantities are given positive; the line returned is negative throughout. Amounts are what is due back for
    all units returned so far less what was due before: so returns in any portions sum to the sale to the minor
    unit, in net, every adjustment, every tax and total, and the last unit takes the remainder. No tax is computed
    anew: the sale's policy is in its frozen amounts.
    Raises ReturnExceedsSale naming the quantity that does not fit.
    """
    if original.quantity != sold_quantity or sold_quantity.milli <= 0:
        raise ReturnExceedsSale("sold_quantity", f"is {original.quantity} on the sold line, not {sold_quantity}")
    if already_returned_quantity.milli < 0:
        raise ReturnExceedsSale("already_returned_quantity", "is not negative")
    if returning_quantity.milli <= 0:
        raise ReturnExceedsSale("returning_quantity", "is positive")
    after = already_returned_quantity + returning_quantity
    if after > sold_quantity:
        left = sold_quantity - already_returned_quantity
        raise ReturnExceedsSale("returning_quantity", f"is {returning_quantity}, but only {left} can come back")
    return _difference(_part(original, already_returned_quantity), _part(original, after), original)


def _part(original: PricedLine, quantity: Quantity) -> PricedLine:
    """What `quantity` units of the line cost together, each amount rounded once."""
    part, whole = quantity.milli, original.quantity.milli
    net_minor = divide_rounded(original.net_minor * part, whole)
    gross_minor = divide_rounded(original.gross_minor * part, whole)
    tax_amounts = [divide_rounded(tax.tax_minor * part, whole) for tax in original.taxes]
    # Adjustments are fitted between gross and net, or many small roundings would add up to a price nobody paid.
    adjusted = round_to_sum(
        net_minor - gross_minor, [adjustment.amount_minor * part for adjustment in original.adjustments], whole
    )
    inclusive = original.tax_mode is TaxMode.INCLUSIVE
    base_minor = net_minor - sum(tax_amounts) if inclusive else net_minor
    return replace(
        original,
        quantity=quantity,
        gross_minor=gross_minor,
        adjustments=tuple(
            replace(each, amount_minor=amount, quantity_milli=divide_rounded(each.quantity_milli * part, whole))
            for each, amount in zip(original.adjustments, adjusted, strict=True)
        ),
        net_minor=net_minor,
        taxes=tuple(
            replace(tax, base_minor=base_minor, tax_minor=amount)
            for tax, amount in zip(original.taxes, tax_amounts, strict=True)
        ),
        total_minor=net_minor if inclusive else net_minor + sum(tax_amounts),
    )


@dataclass(frozen=True, slots=True)
class BrokenBundle:
    """A promotion whose goods come back only together, and the lines that have to be returned with it."""

    promotion_id: str
    name: str
    line_ids: tuple[str, ...]


def broken_bundles(sold: Sequence[PricedLine], returned: Mapping[str, Quantity]) -> tuple[BrokenBundle, ...]:
    """The WHOLE_BUNDLE promotions that would be left in pieces; empty when the return may go on (retail rule 6).

    `returned` is the positive quantity by line id that has come back in all, this return included. Units of a line
    that were outside the bundle may always come back.
    """
    applications: defaultdict[str, defaultdict[str, list[tuple[str, Adjustment]]]]
    applications = defaultdict(lambda: defaultdict(list))
    names = {}
    for line in sold:
        for adjustment in line.adjustments:
            if adjustment.return_policy is ReturnPolicy.WHOLE_BUNDLE and adjustment.application:
                applications[adjustment.source_id][adjustment.application].append((line.line_id, adjustment))
                names[adjustment.source_id] = adjustment.name
    sold_milli = {line.line_id: line.quantity.milli for line in sold}
    broken = []
    for promotion_id, by_application in applications.items():
        line_ids = _lines_in_pieces(by_application.values(), sold_milli, returned)
        if line_ids:
            broken.append(BrokenBundle(promotion_id, names[promotion_id], line_ids))
    return tuple(broken)


def _lines_in_pieces(
    applications: Iterable[Sequence[tuple[str, Adjustment]]],
    sold_milli: Mapping[str, int],
    returned: Mapping[str, Quantity],
) -> tuple[str, ...]:
    bundled: defaultdict[str, int] = defaultdict(int)
    unexplained: dict[str, int] = {}
    parts_of = sorted(applications, key=len, reverse=True)
    for parts in parts_of:
        for line_id, adjustment in parts:
            bundled[line_id] += adjustment.quantity_milli
            unexplained[line_id] = returned.get(line_id, _NOTHING).milli
    # Complete sets are taken out of what came back, those over most lines first; the rest must be loose units.
    for parts in parts_of:
        sets = min(
            min(adjustment.sets, unexplained[line_id] * adjustment.sets // adjustment.quantity_milli)
            for line_id, adjustment in parts
        )
        for line_id, adjustment in parts:
            unexplained[line_id] -= adjustment.quantity_milli * sets // adjustment.sets
    in_pieces = {line_id for line_id, rest in unexplained.items() if rest > sold_milli[line_id] - bundled[line_id]}
    together = {line_id for parts in parts_of for line_id, _ in parts if in_pieces & {each for each, _ in parts}}
    return tuple(sorted(together))


def return_recomputed(
    sold: Basket,
    original: PricedBasket,
    book: PriceBook,
    already_returned: Mapping[str, Quantity],
    returning: Mapping[str, Quantity],
) -> PricedBasket:
    """Return goods under RECOMPUTE: the refund is what the kept goods cost before, less what they cost after.

    `sold` is the basket as it was sold, with its time and policy; `book` holds the promotions and taxes of that
    time (freeze the facts of those that were applied). Unit prices are those of `original`, and amounts taken off
    by hand stay with the goods they were allocated to. Quantities are positive by line id. The result has a line for
    each that changes: negative for what comes back, and of quantity zero with positive amounts where a kept line
    loses its promotion. Its total can be positive: then the customer owes more than comes back. Returns one after
    the other sum to exactly the whole sale. Raises ReturnExceedsSale or PricingError for unknown lines.
    """
    originals = {line.line_id: line for line in original.lines}
    for line_id in (*already_returned, *returning):
        if line_id not in originals:
            raise PricingError("line_id", f"the sale has no line {line_id}")
    after_returned = dict(already_returned)
    for line_id, quantity in returning.items():
        before_quantity = already_returned.get(line_id, _NOTHING)
        if quantity.milli <= 0 or before_quantity + quantity > originals[line_id].quantity:
            raise ReturnExceedsSale("returning", f"of line {line_id} is more than is left, or nothing")
        after_returned[line_id] = before_quantity + quantity
    before = original if not any(already_returned.values()) else _kept(sold, originals, book, already_returned)
    after = _kept(sold, originals, book, after_returned)
    lines_before = {line.line_id: line for line in before.lines}
    lines_after = {line.line_id: line for line in after.lines}
    changes = []
    for line_id, line in originals.items():
        start = lines_before.get(line_id) or _part(line, _NOTHING)
        end = lines_after.get(line_id) or _part(line, _NOTHING)
        change = _difference(end, start, line)
        adjustments = tuple(each for each in change.adjustments if each.amount_minor)
        # Tax rounded per rate can move between lines whose prices stay: that is a change as well.
        if change.quantity or change.net_minor or adjustments or any(tax.tax_minor for tax in change.taxes):
            changes.append(replace(change, adjustments=adjustments))
    return PricedBasket.of_lines(original.currency, changes)


def _kept(
    sold: Basket, originals: Mapping[str, PricedLine], book: PriceBook, returned: Mapping[str, Quantity]
) -> PricedBasket:
    """Price what is left of the basket, at the unit prices and with the hand-given amounts of the sale."""
    lines, basket_amount_minor = [], 0
    for line in sold.lines:
        priced = originals[line.line_id]
        quantity = priced.quantity - returned.get(line.line_id, _NOTHING)
        if not quantity:
            continue
        kept = _part(priced, quantity)
        basket_amount_minor -= _sum_of(kept, AdjustmentKind.BASKET_AMOUNT)
        prices = (PriceEntry("as sold", priced.list_price_minor),)
        lines.append(
            replace(
                line,
                product=replace(line.product, prices=prices),
                quantity=quantity,
                amount_discount_minor=-_sum_of(kept, AdjustmentKind.LINE_AMOUNT),
                label_amount_minor=None if line.label_amount_minor is None else kept.gross_minor,
            )
        )
    return price_basket(replace(sold, lines=tuple(lines), amount_discount_minor=basket_amount_minor), book)


def _sum_of(line: PricedLine, kind: AdjustmentKind) -> int:
    return sum(adjustment.amount_minor for adjustment in line.adjustments if adjustment.kind is kind)


def _difference(end: PricedLine, start: PricedLine, original: PricedLine) -> PricedLine:
    """`end` less `start`, amount by amount; adjustments and taxes of one source are taken together."""
    adjustments: dict[tuple[str, str, str], Adjustment] = {}
    for each in (*end.adjustments, *(-adjustment for adjustment in start.adjustments)):
        source = (each.kind.value, each.source_id, each.application)
        known = adjustments.get(source)
        if known is not None:
            amount, quantity_milli = known.amount_minor + each.amount_minor, known.quantity_milli + each.quantity_milli
            each = replace(known, amount_minor=amount, quantity_milli=quantity_milli)
        adjustments[source] = each
    taxes: dict[tuple[str, int], LineTax] = {}
    for tax in (*end.taxes, *(-tax for tax in start.taxes)):
        key = (tax.code, tax.rate_ppm)
        total = taxes.get(key)
        if total is not None:
            base_minor, tax_minor = total.base_minor + tax.base_minor, total.tax_minor + tax.tax_minor
            tax = replace(total, base_minor=base_minor, tax_minor=tax_minor)
        taxes[key] = tax
    return replace(
        original,
        quantity=end.quantity - start.quantity,
        gross_minor=end.gross_minor - start.gross_minor,
        adjustments=tuple(adjustments.values()),
        net_minor=end.net_minor - start.net_minor,
        taxes=tuple(taxes.values()),
        total_minor=end.total_minor - start.total_minor,
    )
