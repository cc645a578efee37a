"""Price lists: currency, stores, customer groups, period and priority of the prices in them."""

from __future__ import annotations

from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, Field, StringConstraints

from libs.contracts.permissions import Permission
from libs.contracts.values import CurrencyCode, Instant
from libs.web.authentication import RequestBody, require
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.catalog.api.product_schemas import Code, Name, Version
from services.catalog.domain.price import PriceList
from services.catalog.domain.refusals import NotFoundHere
from services.catalog.storage.price_lists import PriceListRepository
from services.catalog.use_cases.save_price_list import change_price_list, create_price_list

router = APIRouter(tags=["price lists"])
_reads = require(Permission.CATALOG_READ)
_writes = require(Permission.CATALOG_WRITE)

CustomerGroup = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]


class PriceListFields(RequestBody):
    """What is said of a price list besides its code."""

    name: Name
    currency: CurrencyCode
    store_ids: list[UUID] = Field(default_factory=list, max_length=2_000, description="None: every store.")
    customer_groups: list[CustomerGroup] = Field(
        default_factory=list, max_length=100, description="None: every customer."
    )
    starts_at: Instant | None = None
    ends_at: Instant | None = Field(default=None, description="Exclusive.")
    priority: int = Field(default=0, ge=-1_000, le=1_000, description="Decides between equally specific prices.")
    active: bool = True

    def price_list(self, code: str) -> PriceList:
        """The body as the domain knows it."""
        return PriceList(
            code=code,
            name=self.name,
            currency=self.currency,
            store_ids=tuple(self.store_ids),
            customer_groups=tuple(self.customer_groups),
            starts_at=self.starts_at,
            ends_at=self.ends_at,
            priority=self.priority,
            active=self.active,
        )


class PriceListBody(PriceListFields):
    """A new price list."""

    code: Code


class ChangedPriceListBody(PriceListFields):
    """A price list as it shall be from now on; its code stays."""

    version: Version


class PriceListAnswer(BaseModel):
    """A price list."""

    code: str
    name: str
    currency: str
    store_ids: list[UUID]
    customer_groups: list[str]
    starts_at: Instant | None
    ends_at: Instant | None
    priority: int
    active: bool
    version: int

    @classmethod
    def of(cls, price_list: PriceList) -> Self:
        """The answer for a price list."""
        return cls(
            code=price_list.code,
            name=price_list.name,
            currency=price_list.currency,
            store_ids=list(price_list.store_ids),
            customer_groups=list(price_list.customer_groups),
            starts_at=price_list.starts_at,
            ends_at=price_list.ends_at,
            priority=price_list.priority,
            active=price_list.active,
            version=price_list.version,
        )


@router.post("/price-lists", status_code=201, dependencies=[_writes], summary="Add a price list")
async def post_price_list(body: PriceListBody, work: Work) -> PriceListAnswer:
    return PriceListAnswer.of(await create_price_list(work, body.price_list(body.code)))


@router.get("/price-lists", dependencies=[_reads], summary="List price lists by code")
async def get_price_lists(connection: Reading, paging: Paging) -> Page[PriceListAnswer]:
    after = paging.after_keys(str)
    lists = await PriceListRepository(connection).page(None if after is None else (after[0],), paging.limit + 1)
    return paging.page(lists, lambda price_list: (price_list.code,), PriceListAnswer.of)


@router.get("/price-lists/{code}", dependencies=[_reads], summary="Read a price list")
async def get_price_list(code: str, connection: Reading) -> PriceListAnswer:
    price_list = await PriceListRepository(connection).find(code)
    if price_list is None:
        raise NotFoundHere(f"There is no price list {code!r}.", field="code")
    return PriceListAnswer.of(price_list)


@router.put("/price-lists/{code}", dependencies=[_writes], summary="Change a price list")
async def put_price_list(code: str, body: ChangedPriceListBody, work: Work) -> PriceListAnswer:
    return PriceListAnswer.of(await change_price_list(work, body.price_list(code), version=body.version))
