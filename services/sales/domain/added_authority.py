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

    A discount counts as more when any line is discounted further than it was, an override when its price is another,
    returns when more money goes back in all. So what a manager once allowed on one line stays allowed there, and is
    no licence for the next line; and a cashier who takes over a basket answers only for what they add.
    """
    needs: dict[Permission, Need] = {}
    known = {line.line_id: (line, facts) for line, facts in zip(before.lines, lines_before, strict=True)}
    for line, facts in zip(after.lines, lines_after, strict=True):
        old = known.get(line.line_id)
        allowed = _of_line(before, *old) if old else {}
        for permission, need in _of_line(after, line, facts).items():
            if old and _covers(allowed.get(permission), need) and _same_override(old[0], line):
                continue
            present = needs.get(permission)
            if present is None or present.discount_ppm < need.discount_ppm:
                needs[permission] = need
    whole_before = {need.permission: need for need in needed_authority(before, lines_before)}
    for need in needed_authority(after, lines_after):
        if need.permission not in _OF_A_LINE and not _covers(whole_before.get(need.permission), need):
            needs[need.permission] = need
    return list(needs.values())


def _of_line(basket: Basket, line: BasketLine, facts: LineFacts) -> dict[Permission, Need]:
    alone = needed_authority(replace(basket, lines=(line,)), [facts])
    return {need.permission: need for need in alone if need.permission in _OF_A_LINE}


def _covers(allowed: Need | None, need: Need) -> bool:
    return (
        allowed is not None
        and need.discount_ppm <= allowed.discount_ppm
        and need.refund_minor <= allowed.refund_minor
    )


def _same_override(old: BasketLine, new: BasketLine) -> bool:
    return old.price_override_minor == new.price_override_minor
