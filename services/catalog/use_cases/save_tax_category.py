"""Add and change tax categories."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.catalog import TaxRateFacts
from libs.contracts.refusal import Invalid
from libs.persistence import UnitOfWork
from libs.pricing import PricingError, TaxCategory, TaxRate
from services.catalog.domain.product import checked_code, checked_name
from services.catalog.domain.refusals import CodeTaken, NotFoundHere
from services.catalog.storage.rules import RuleRepository, StoredTaxCategory
from services.catalog.use_cases.check_product import check_version


async def create_tax_category(
    work: UnitOfWork, code: str, name: str, rates: Sequence[TaxRateFacts]
) -> StoredTaxCategory:
    """Add a tax category with its dated rates and tell of it. Raises CodeTaken or Invalid."""
    category = StoredTaxCategory(checked_code(code), checked_name(name), tuple(rates), version=1)
    _check_rates(category)
    if not await RuleRepository(work.connection).save_tax_category(category):
        raise CodeTaken(f"There is a tax category {category.code} already. Change that one.", field="code")
    work.emit(category.changed(), sequence=category.version)
    return category


async def change_tax_category(
    work: UnitOfWork, code: str, name: str, rates: Sequence[TaxRateFacts], *, version: int
) -> StoredTaxCategory:
    """Change a tax category if it is still at `version`, and tell of it. Raises NotFoundHere, StaleVersion, Invalid."""
    rules = RuleRepository(work.connection)
    present = await rules.tax_category(code, for_update=True)
    if present is None:
        raise NotFoundHere(f"There is no tax category {code!r}.", field="code")
    check_version(present.version, version, f"The tax category {code}")
    changed = StoredTaxCategory(code, checked_name(name), tuple(rates), version + 1)
    _check_rates(changed)
    if (changed.name, changed.rates) == (present.name, present.rates):
        return present
    await rules.save_tax_category(changed)
    work.emit(changed.changed(), sequence=changed.version)
    return changed


def _check_rates(category: StoredTaxCategory) -> None:
    """The rules of pricing itself decide, so that what is stored can be calculated with."""
    try:
        rates = tuple(
            TaxRate(rate.code, rate.name, rate.rate_ppm, rate.valid_from, rate.valid_until) for rate in category.rates
        )
        TaxCategory(category.code, category.name, rates)
    except PricingError as error:
        raise Invalid(f"These rates cannot hold together: {error.message}.", field="rates") from error
