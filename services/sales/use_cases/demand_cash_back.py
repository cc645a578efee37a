"""Cash-back is promised only when the drawer holds it (retail rule 15)."""

from __future__ import annotations

from uuid import UUID

from libs.persistence import UnitOfWork
from services.sales.domain.basket import Basket
from services.sales.domain.reports import ShiftTotals
from services.sales.domain.shift import NotEnoughCash
from services.sales.storage.baskets import BasketRepository
from services.sales.storage.totals import TotalsRepository


async def demand_cash_back(work: UnitOfWork, shift_id: UUID, basket: Basket, cash_back_minor: int) -> None:
    """Raise NotEnoughCash unless the drawer of the shift, whose row the caller has locked, can pay the cash-back out.

    What this and other baskets at the till have promised is not there any more; cash that this basket took in is.
    """
    if not cash_back_minor:
        return
    totals = ShiftTotals(await TotalsRepository(work.connection).of_shift(shift_id))
    promised_minor = await BasketRepository(work.connection).promised_cash_back(basket.store_id, basket.till_id)
    taken_minor = sum(tender.drawer_minor for tender in basket.tenders if tender.counts and tender.kind.decided_here)
    if cash_back_minor > totals.expected_cash_minor + taken_minor - promised_minor:
        # How much there is stays unsaid: the count at the end is blind.
        raise NotEnoughCash("There is not so much cash in the drawer. Offer less cash-back.", field="cash_back_minor")
