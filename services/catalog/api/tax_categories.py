"""Tax categories with their dated rates."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter
from pydantic import BaseModel, Field

from libs.contracts.catalog import TaxRateFacts
from libs.contracts.permissions import Permission
from libs.contracts.values import Day, PercentText
from libs.money import Quantity
from libs.web.authentication import RequestBody, require
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.catalog.api.product_schemas import Code, Name, Version
from services.catalog.domain.refusals import NotFoundHere
from services.catalog.storage.rules import RuleRepository, StoredTaxCategory
from services.catalog.use_cases.save_tax_category import change_tax_category, create_tax_category

router = APIRouter(tags=["tax categories"])
_reads = require(Permission.CATALOG_READ)
_writes = require(Permission.CATALOG_WRITE)
LARGEST_RATES = 100


class TaxRateBody(RequestBody):
    """A tax, and the business dates its rate is valid on, both inclusive; open-ended if absent."""

    code: Code
    name: Name
    percent: PercentText
    valid_from: Day | None = None
    valid_until: Day | None = None

    def facts(self) -> TaxRateFacts:
        """The rate as it is told of."""
        return TaxRateFacts(
            code=self.code,
            name=self.name,
            rate_ppm=self.percent,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
        )


class TaxCategoryBody(RequestBody):
    """A new tax category. Several codes are several taxes at once; no rates means not taxed."""

    code: Code
    name: Name
    rates: list[TaxRateBody] = Field(max_length=LARGEST_RATES)


class ChangedTaxCategoryBody(RequestBody):
    """A tax category as it shall be from now on; its code stays."""

    version: Version
    name: Name
    rates: list[TaxRateBody] = Field(max_length=LARGEST_RATES)


class TaxRateAnswer(BaseModel):
    """A tax and when its rate is valid."""

    code: str
    name: str
    percent: PercentText
    valid_from: Day | None
    valid_until: Day | None


class TaxCategoryAnswer(BaseModel):
    """A tax category."""

    code: str
    name: str
    rates: list[TaxRateAnswer]
    version: int

    @classmethod
    def of(cls, category: StoredTaxCategory) -> Self:
        """The answer for a tax category."""
        rates = [
            TaxRateAnswer(
                code=rate.code,
                name=rate.name,
                percent=str(Quantity(rate.rate_ppm // 10)),
                valid_from=rate.valid_from,
                valid_until=rate.valid_until,
            )
            for rate in category.rates
        ]
        return cls(code=category.code, name=category.name, rates=rates, version=category.version)


@router.post("/tax-categories", status_code=201, dependencies=[_writes], summary="Add a tax category")
async def post_tax_category(body: TaxCategoryBody, work: Work) -> TaxCategoryAnswer:
    rates = [rate.facts() for rate in body.rates]
    return TaxCategoryAnswer.of(await create_tax_category(work, body.code, body.name, rates))


@router.get("/tax-categories", dependencies=[_reads], summary="List tax categories by code")
async def get_tax_categories(connection: Reading, paging: Paging) -> Page[TaxCategoryAnswer]:
    after = paging.after_keys(str)
    categories = await RuleRepository(connection).tax_category_page(
        None if after is None else (after[0],), paging.limit + 1
    )
    return paging.page(categories, lambda category: (category.code,), TaxCategoryAnswer.of)


@router.get("/tax-categories/{code}", dependencies=[_reads], summary="Read a tax category")
async def get_tax_category(code: str, connection: Reading) -> TaxCategoryAnswer:
    category = await RuleRepository(connection).tax_category(code)
    if category is None:
        raise NotFoundHere(f"There is no tax category {code!r}.", field="code")
    return TaxCategoryAnswer.of(category)


@router.put("/tax-categories/{code}", dependencies=[_writes], summary="Change a tax category or its rates")
async def put_tax_category(code: str, body: ChangedTaxCategoryBody, work: Work) -> TaxCategoryAnswer:
    rates = [rate.facts() for rate in body.rates]
    return TaxCategoryAnswer.of(await change_tax_category(work, code, body.name, rates, version=body.version))
