"""Where a shift is, as its reports say it."""

from __future__ import annotations

from services.sales.domain.reports import Premises
from services.sales.domain.shift import Shift
from services.sales.price_books import CurrentBook


def premises_of(current: CurrentBook, shift: Shift) -> Premises:
    """The store and till of the shift, even if taken out of use since: what was opened there is closed there."""
    return Premises(store=current.stores[shift.store_id], till_code=current.tills[shift.till_id].code)
