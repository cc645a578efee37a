"""What a return gives back: the price paid then, by the policy of each promotion (retail rules 2, 6 and 7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from uuid import UUID

from libs.contracts.refusal import Conflict
from libs.money import Quantity
from libs.pricing import PricedLine
from libs.pricing.returns import broken_bundles, return_line
from services.sales.domain.frozen_line import thaw_line
from services.sales.domain.returning import Original, ReturnRequest, check_requests


class BundleBroken(Conflict):
    """A promotion gave its price for goods together, and asks that they come back together (retail rule 6)."""

    type = "bundle-broken"


def price_returns(
    requests: Sequence[ReturnRequest], originals: Mapping[UUID, Original], currency: str
) -> list[PricedLine]:
    """The negative line of each request, in their order, at the price paid then.

    Raises what `check_requests` raises, or BundleBroken naming the lines that have to come back together.
    """
    check_requests(requests, originals, currency)
    _check_bundles(requests, originals)
    returned: dict[tuple[UUID, UUID], Quantity] = {}
    lines = []
    for request in requests:
        original = originals[request.sale_id]
        sold = _thawed(original, request.sold_line_id)
        key = (request.sale_id, request.sold_line_id)
        already = returned.get(key, Quantity(original.returned_milli.get(request.sold_line_id, 0)))
        priced = return_line(sold, sold.quantity, already, -request.quantity)
        returned[key] = already - request.quantity
        lines.append(replace(priced, line_id=str(request.line_id)))
    return lines


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
