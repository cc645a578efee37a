"""What one change to a basket demands beyond what the basket was allowed before (retail rule 26)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from libs.contracts.permissions import Permission
from libs.contracts.sales import LineFacts
from services.sales.domain.basket import Basket, BasketLine
from services.sales.domain.needed_authority import Need, needed_authority

_OF_A_LINE = frozenset({Permission.SALES_DISCOUNT, Permission.SALES_OVERRIDE_PRICE})


def added_authority(
    before: Basket, lines_before: Sequence[LineFacts], after: Basket, lines_after: Sequence[LineFacts]
) -> list[Need]:
    """The needs of `after` that were not needs of `before`, priced as `lines_...` in the basket's order.

    A discount counts as more when any line is discounted further than it was, an override when its price is another
    or holds for more goods, a return without receipt when more money goes back. So what a manager once allowed on one
    line stays allowed there, and is no licence for the next line or for more. What receipts bring back is
    judged when it is paid out, once for the whole document.
    """
    needs: dict[Permission, Need] = {}
    known = {line.line_id: (line, facts) for line, facts in zip(before.lines, lines_before, strict=True)}
    for line, facts in zip(after.lines, lines_after, strict=True):
        old = known.get(line.line_id)
        allowed = _of_line(before, *old) if old else {}
        for permission, need in _of_line(after, line, facts).items():
            if old and _covers(allowed.get(permission), need) and _same_price(permission, old[0], line):
                continue
            present = needs.get(permission)
            needs[permission] = need if present is None else present.together_with(need)
    permission = Permission.SALES_RETURN_WITHOUT_RECEIPT
    refund = _as_if_new(after, lines_after).get(permission)
    if refund is not None and not _covers(_as_if_new(before, lines_before).get(permission), refund):
        needs[permission] = refund
    return list(needs.values())


def _of_line(basket: Basket, line: BasketLine, facts: LineFacts) -> dict[Permission, Need]:
    alone = _as_if_new(replace(basket, lines=(line,)), [facts])
    return {permission: need for permission, need in alone.items() if permission in _OF_A_LINE}


def _as_if_new(basket: Basket, lines: Sequence[LineFacts]) -> dict[Permission, Need]:
    """Every need, those included that somebody has approved already."""
    plain = replace(
        basket,
        discount_approved_by=None,
        lines=tuple(replace(line, approved_by=None) if line.approved_by else line for line in basket.lines),
    )
    facts = [each.model_copy(update={"approved_by": None}) if each.approved_by else each for each in lines]
    return {need.permission: need for need in needed_authority(plain, facts)}


def _covers(allowed: Need | None, need: Need) -> bool:
    return (
        allowed is not None
        and need.discount_ppm <= allowed.discount_ppm
        and need.refund_minor <= allowed.refund_minor
        and need.change_minor <= allowed.change_minor
    )


def _same_price(permission: Permission, old: BasketLine, new: BasketLine) -> bool:
    return permission is not Permission.SALES_OVERRIDE_PRICE or old.price_override_minor == new.price_override_minor
