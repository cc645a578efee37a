"""Stores."""

from __future__ import annotations

from typing import Annotated, ClassVar
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel, Field

from libs.contracts.permissions import Permission
from libs.contracts.values import CurrencyCode
from libs.persistence import new_id
from libs.pricing import TaxMode, TaxRounding
from libs.web.authentication import Caller, RequestBody
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.identity.api.callers import Reader, StoreManager, present_caller
from services.identity.api.schemas import (
    Amount,
    Change,
    Code,
    CountryCode,
    IfMatch,
    LanguageTag,
    Line,
    Lines,
    TimeZoneName,
    expected_version,
    tag,
)
from services.identity.domain.audit import Actor
from services.identity.domain.refusals import unknown
from services.identity.domain.stores import Store
from services.identity.storage.repositories.stores import StoreRepository
from services.identity.use_cases.add_store import add_store
from services.identity.use_cases.change_store import change_store
from services.identity.use_cases.rights import demand_places, stores_within

router = APIRouter(prefix="/stores", tags=["stores"])

AddressLines = Annotated[tuple[Line, ...], Field(max_length=8, description="As printed on receipts, at most 8 lines.")]
CashRounding = Annotated[
    Amount, Field(description="Cash amounts are rounded to a multiple of this (retail rule 1); 0 or 1 does not round.")
]


class NewStore(RequestBody):
    """A store as it begins."""

    code: Code
    name: Line
    country: CountryCode
    currency: CurrencyCode
    time_zone: TimeZoneName
    language: LanguageTag
    tax_mode: TaxMode = TaxMode.INCLUSIVE
    tax_rounding: TaxRounding = TaxRounding.PER_LINE
    cash_rounding_minor: CashRounding = 0
    price_list: Code | None = Field(default=None, description="The catalogue's price list that applies here.")
    tax_number: Line | None = None
    address_lines: AddressLines = ()
    receipt_footer: Lines | None = None

    def store(self) -> Store:
        """A new store with these values."""
        return Store(
            id=new_id(),
            active=True,
            version=1,
            **{name: getattr(self, name) for name in type(self).model_fields},
        )


class StoreChange(Change):
    """What may change of a store. Its currency may not: its books are kept in it."""

    clearable: ClassVar[frozenset[str]] = frozenset({"price_list", "tax_number", "receipt_footer"})

    name: Line = ""
    country: CountryCode = ""
    time_zone: TimeZoneName = ""
    language: LanguageTag = ""
    tax_mode: TaxMode = TaxMode.INCLUSIVE
    tax_rounding: TaxRounding = TaxRounding.PER_LINE
    cash_rounding_minor: CashRounding = 0
    price_list: Code | None = None
    tax_number: Line | None = None
    address_lines: AddressLines = ()
    receipt_footer: Lines | None = None
    active: bool = True


class StoreView(BaseModel):
    """A store as it is now."""

    id: UUID
    code: str
    name: str
    country: str
    currency: str
    time_zone: str
    language: str
    tax_mode: TaxMode
    tax_rounding: TaxRounding
    cash_rounding_minor: int
    price_list: str | None
    tax_number: str | None
    address_lines: tuple[str, ...]
    receipt_footer: str | None
    active: bool
    version: int

    @classmethod
    def of(cls, store: Store) -> StoreView:
        """A store as it is shown."""
        return cls.model_validate(store, from_attributes=True)


@router.post("", status_code=201, summary="Add a store")
async def add(
    body: NewStore,
    response: Response,
    work: Work,
    caller: StoreManager,
) -> StoreView:
    demand_places(caller, all_stores=True, store_ids=())
    store = await add_store(work, Actor.of(caller), body.store())
    tag(response, store.version)
    return StoreView.of(store)


@router.get("", summary="The stores that the caller works for, by code")
async def read_all(
    paging: Paging,
    connection: Reading,
    caller: Reader,
    active: Annotated[bool | None, Query(description="Only those that are, or are not, active.")] = None,
) -> Page[StoreView]:
    stores = await StoreRepository(connection).page(
        within=stores_within(caller), active=active, after=paging.after_keys(str, UUID), rows=paging.limit + 1
    )
    return paging.page(stores, lambda store: (store.code.lower(), store.id), StoreView.of)


@router.get("/{store_id}", summary="A store")
async def read(store_id: UUID, caller: Caller, connection: Reading, response: Response) -> StoreView:
    """Whoever is signed on at a till may read of its store; others need the permission."""
    caller = await present_caller(connection, caller)
    if caller.store_id != store_id:
        caller.demand(Permission.IDENTITY_READ.value)
    caller.demand_store(store_id)
    store = await StoreRepository(connection).find(store_id)
    if store is None:
        raise unknown("store", store_id)
    tag(response, store.version)
    return StoreView.of(store)


@router.patch("/{store_id}", summary="Change a store")
async def patch(
    store_id: UUID,
    body: StoreChange,
    response: Response,
    work: Work,
    caller: StoreManager,
    if_match: IfMatch = None,
) -> StoreView:
    store = await change_store(work, caller, store_id, expected_version(if_match, body.version), body.changes())
    tag(response, store.version)
    return StoreView.of(store)
