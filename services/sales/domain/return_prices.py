"""What a return gives back: the price paid then, by the policy of each promotion (retail rules 2, 6 and 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from libs.contracts.refusal import Conflict
from libs.money import Quantity
from libs.pricing import (
    PricedBasket,
    PricedLine,
    ReturnPolicy,
    broken_bundles,
    return_line,
    return_recomputed,
    thaw_sale,
)
from services.sales.domain.frozen_line import thaw_line
from services.sales.domain.returning import Original, ReturnRequest, check_requests


class BundleBroken(Conflict):
    """A promotion gave its price for goods together, and asks that they come back together (retail rule 6)."""

    type = "bundle-broken"


def price_returns(
    requests: Sequence[ReturnRequest], originals: Mapping[UUID, Original], currency: str, tax_mode: str
) -> list[PricedLine]:
    """The negative line of each request, in their order, at the price paid then; `currency` and `tax_mode` are those
    of the store that takes the goods back.

    Where a promotion wants what is kept to be priced again, what kept goods lose by the return is taken off the
    refund of the first line of their receipt; the refund can so turn into something to pay.
    Raises what `check_requests` raises, or BundleBroken naming the lines that have to come back together.
    """
    check_requests(requests, originals, currency, tax_mode)
    _check_bundles(requests, originals)
    priced: dict[UUID, PricedLine] = {}
    for sale_id in dict.fromkeys(request.sale_id for request in requests):
        of_sale = [request for request in requests if request.sale_id == sale_id]
        priced |= _price_returns_of(originals[sale_id], of_sale)
    return [replace(priced[request.line_id], line_id=str(request.line_id)) for request in requests]


def _price_returns_of(original: Original, requests: Sequence[ReturnRequest]) -> dict[UUID, PricedLine]:
    """The line of each request by the id it will have; one line brought back twice takes two rounds."""
    returned = {str(line_id): Quantity(milli) for line_id, milli in original.returned_milli.items()}
    priced: dict[UUID, PricedLine] = {}
    pending = list(requests)
    while pending:
        first_of_line: dict[str, ReturnRequest] = {}
        for request in pending:
            first_of_line.setdefault(str(request.sold_line_id), request)
        pending = [request for request in pending if request is not first_of_line[str(request.sold_line_id)]]
        again = {
            line_id: request
            for line_id, request in first_of_line.items()
            if original.terms is not None
            and _thawed(original, request.sold_line_id).return_policy is ReturnPolicy.RECOMPUTE
        }
        if again:
            priced |= _price_again(original, again, returned)
        for line_id, request in first_of_line.items():
            already = returned.get(line_id, Quantity(0))
            if line_id not in again:
                sold = _thawed(original, request.sold_line_id)
                priced[request.line_id] = return_line(sold, sold.quantity, already, -request.quantity)
            returned[line_id] = already - request.quantity
    return priced


def _price_again(
    original: Original, requests: Mapping[str, ReturnRequest], returned: Mapping[str, Quantity]
) -> dict[UUID, PricedLine]:
    """RECOMPUTE: what was kept before, less what is kept now, each priced as on the day of the sale."""
    assert original.terms is not None
    basket, book = thaw_sale(original.terms)
    basket = replace(basket, lines=tuple(line for line in basket.lines if line.quantity.milli > 0))
    sold_ids = {line.line_id for line in basket.lines}
    document = original.document
    sold = PricedBasket.of_lines(
        document.currency,
        [_thawed(original, line.line_id) for line in document.lines if str(line.line_id) in sold_ids],
    )
    already = {line_id: quantity for line_id, quantity in returned.items() if line_id in sold_ids}
    returning = {line_id: -request.quantity for line_id, request in requests.items()}
    changes = {line.line_id: line for line in return_recomputed(basket, sold, book, already, returning).lines}
    first_id = next(iter(requests))
    for line_id, change in changes.items():
        if line_id not in requests:
            changes[first_id] = _with_clawback(changes[first_id], change)
    return {request.line_id: changes[line_id] for line_id, request in requests.items()}


def _with_clawback(line: PricedLine, kept: PricedLine) -> PricedLine:
    """The returned line, less what a kept line lost: its discounts turned around, with their taxes."""
    taxes = {(tax.code, tax.rate_ppm): tax for tax in line.taxes}
    for tax in kept.taxes:
        known = taxes.get((tax.code, tax.rate_ppm))
        base_minor = tax.base_minor + (known.base_minor if known else 0)
        tax_minor = tax.tax_minor + (known.tax_minor if known else 0)
        taxes[tax.code, tax.rate_ppm] = replace(tax, base_minor=base_minor, tax_minor=tax_minor)
    lost = tuple(replace(each, quantity_milli=0) for each in kept.adjustments if each.amount_minor)
    return replace(
        line,
        adjustments=(*line.adjustments, *lost),
        net_minor=line.net_minor + kept.net_minor,
        taxes=tuple(taxes.values()),
        total_minor=line.total_minor + kept.total_minor,
        notes=(*line.notes, "what is kept no longer earns all of its promotion"),
    )


def _check_bundles(requests: Sequence[ReturnRequest], originals: Mapping[UUID, Original]) -> None:
    for sale_id in dict.fromkeys(request.sale_id for request in requests):
        original = originals[sale_id]
        document = original.document
        after = {str(line_id): Quantity(milli) for line_id, milli in original.returned_milli.items()}
        for request in requests:
            if request.sale_id == sale_id:
                line_id = str(request.sold_line_id)
                after[line_id] = after.get(line_id, Quantity(0)) - request.quantity
        sold = [_thawed(original, line.line_id) for line in document.lines if line.quantity_milli > 0]
        broken = broken_bundles(sold, after)
        if broken:
            together = ", ".join(
                dict.fromkeys(line.name for line in document.lines if str(line.line_id) in broken[0].line_ids)
            )
            raise BundleBroken(
                f"'{broken[0].name}' was a price for goods together: {together} come back only as a whole.",
                field="lines",
                line_ids=list(broken[0].line_ids),
            )


def _thawed(original: Original, line_id: UUID) -> PricedLine:
    document = original.document
    return thaw_line(original.line(line_id), currency=document.currency, tax_mode=document.tax_mode)
