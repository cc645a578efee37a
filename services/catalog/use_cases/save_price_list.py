"""Add and change price lists."""

from __future__ import annotations

from dataclasses import replace

from libs.contracts.refusal import Invalid
from libs.persistence import UnitOfWork
from services.catalog.domain.price import PriceList, checked_period
from services.catalog.domain.product import checked_code, checked_name
from services.catalog.domain.refusals import CodeTaken, NotFoundHere
from services.catalog.storage.announcements import AnnouncementRepository
from services.catalog.storage.price_lists import PriceListRepository
from services.catalog.use_cases.check_product import check_version


async def create_price_list(work: UnitOfWork, price_list: PriceList) -> PriceList:
    """Add a price list; prices are put into it product by product. Raises CodeTaken or Invalid."""
    created = _checked(replace(price_list, code=checked_code(price_list.code), version=1))
    if not await PriceListRepository(work.connection).insert(created):
        raise CodeTaken(f"There is a price list {created.code} already. Change that one.", field="code")
    return created


async def change_price_list(work: UnitOfWork, price_list: PriceList, *, version: int) -> PriceList:
    """Change a price list if it is still at `version`; the prices of all its products are told of anew.

    Raises NotFoundHere, StaleVersion or Invalid.
    """
    lists = PriceListRepository(work.connection)
    present = await lists.find(price_list.code, for_update=True)
    if present is None:
        raise NotFoundHere(f"There is no price list {price_list.code!r}.", field="code")
    check_version(present.version, version, f"The price list {present.code}")
    changed = _checked(replace(price_list, version=version + 1))
    if replace(changed, version=version) == present:
        return present
    if changed.currency != present.currency and await lists.has_prices(present.code):
        raise Invalid(
            f"The prices in this list are in {present.currency}: make a new list for {changed.currency}.",
            field="currency",
        )
    await lists.update(changed)
    announcements = AnnouncementRepository(work.connection)
    await announcements.mark_all_due(lists.product_ids(present.code), product=False, prices=True)
    return changed


def _checked(price_list: PriceList) -> PriceList:
    checked_period(price_list.starts_at, price_list.ends_at, "ends_at")
    return replace(
        price_list,
        name=checked_name(price_list.name),
        store_ids=tuple(sorted(set(price_list.store_ids))),
        customer_groups=tuple(sorted(set(price_list.customer_groups))),
    )
