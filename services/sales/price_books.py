"""The price book of this process: compiled when the catalogue's revision has moved, shared by all requests."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import structlog

from libs.barcodes import Scan, parse_scan
from libs.contracts.catalog import BarcodeLayout
from libs.contracts.identity import StoreChanged
from libs.persistence import Connection
from libs.pricing import (
    InvalidPromotion,
    PriceBook,
    PricingError,
    Promotion,
    TaxCategory,
    TaxRate,
    promotion_from_facts,
)
from services.sales.domain.till import Till, UnknownStore, UnknownTill
from services.sales.storage.catalogue import (
    DEFAULT_CACHED_PRODUCT_COUNT,
    CatalogueRepository,
    PriceBookFacts,
    ProductCache,
)

LARGEST_SCAN_COUNT = 20_000

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class CurrentBook:
    """What is in force at `revision`: promotions and taxes, layouts of in-store codes, stores and tills."""

    revision: int
    book: PriceBook
    layouts: tuple[BarcodeLayout, ...]
    stores: dict[UUID, StoreChanged]
    tills: dict[UUID, Till]
    withdrawn_staff: frozenset[UUID]
    products: ProductCache
    # What `book` was compiled from: a new till or a leaving cashier is no reason to compile it again.
    compiled_from: tuple[Sequence[Mapping[str, Any]], Sequence[Mapping[str, Any]]] = ((), ())
    _scans: dict[str, Scan] = field(default_factory=dict, repr=False)

    def scan(self, code: str, *, field: str) -> Scan:
        """What a scanned or typed code says by the layouts in force. Raises UnreadableBarcode naming `field`."""
        scan = self._scans.get(code)
        if scan is None:
            scan = parse_scan(code, self.layouts, field=field)
            if len(self._scans) >= LARGEST_SCAN_COUNT:
                # A shop has some thousand codes; weight and price codes are many and gone after one use.
                self._scans.clear()
            self._scans[code] = scan
        return scan

    def catalogue(self, connection: Connection) -> CatalogueRepository:
        """The products, read through the cache of this process."""
        return CatalogueRepository(connection, self.products)

    def store(self, store_id: UUID, *, field: str = "store_id") -> StoreChanged:
        """A store that trades. Raises UnknownStore."""
        store = self.stores.get(store_id)
        if store is None or not store.active:
            raise UnknownStore(f"There is no open store {store_id}.", field=field)
        return store

    def till(self, till_id: UUID, *, field: str = "till_id") -> Till:
        """A till in use. Raises UnknownTill."""
        till = self.tills.get(till_id)
        if till is None or not till.active:
            raise UnknownTill(f"There is no till {till_id} in use. Enrol it first.", field=field)
        return till


class PriceBooks:
    """Hands out the current book; one tiny query tells whether it is still the current one."""

    def __init__(self, cached_product_count: int = DEFAULT_CACHED_PRODUCT_COUNT) -> None:
        self._products = ProductCache(cached_product_count)
        self._current: CurrentBook | None = None
        self._compiling = asyncio.Lock()

    async def current(self, connection: Connection) -> CurrentBook:
        """The book of the newest revision that `connection` sees."""
        repository = CatalogueRepository(connection, self._products)
        revision = await repository.revision()
        current = self._current
        if current is not None and current.revision == revision:
            return current
        async with self._compiling:
            current = self._current
            if current is not None and current.revision >= revision:
                return current
            # Read after the revision: facts that are newer than it only make the next request compile again.
            current = self._current = _read(revision, await repository.price_book_facts(), self._products, current)
        return current


def _read(revision: int, facts: PriceBookFacts, products: ProductCache, before: CurrentBook | None) -> CurrentBook:
    compiled_from = (facts.promotions, facts.tax_categories)
    known = before is not None and before.compiled_from == compiled_from
    return CurrentBook(
        revision=revision,
        book=before.book if before is not None and known else _compile(facts),
        compiled_from=compiled_from,
        layouts=facts.layouts,
        stores=facts.stores,
        tills=facts.tills,
        withdrawn_staff=facts.withdrawn_staff,
        products=products,
    )


def _compile(facts: PriceBookFacts) -> PriceBook:
    categories = {category.code: category for category in _readable_categories(facts.tax_categories)}
    return PriceBook.compile(_readable_promotions(facts.promotions), categories.values())


def _readable_promotions(stored: Iterable[Mapping[str, Any]]) -> Iterable[Promotion]:
    """Handlers refuse what cannot be read; should a newer rule refuse what was kept before, selling goes on."""
    for facts in stored:
        try:
            yield promotion_from_facts(facts)
        except InvalidPromotion as error:
            _log.error("promotion_left_out", promotion_id=facts["id"], field=error.field, reason=error.message)


def _readable_categories(stored: Iterable[Mapping[str, Any]]) -> Iterable[TaxCategory]:
    for facts in stored:
        try:
            yield tax_category_from_facts(facts)
        except PricingError as error:
            _log.error("tax_category_left_out", code=facts["code"], field=error.field, reason=error.message)


def tax_category_from_facts(facts: Mapping[str, Any]) -> TaxCategory:
    """A tax category as `tax_category_changed` tells it. Raises PricingError for rates that overlap in time."""
    return TaxCategory(
        code=facts["code"],
        name=facts["name"],
        rates=tuple(
            TaxRate(
                code=rate["code"],
                name=rate["name"],
                rate_ppm=rate["rate_ppm"],
                valid_from=_day(rate["valid_from"]),
                valid_until=_day(rate["valid_until"]),
            )
            for rate in facts["rates"]
        ),
    )


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
