"""Sales' copies of catalogue, stores and tills, kept by events; a fact older than the one held is ignored."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Text, Uuid, any_, bindparam, delete, func, literal, select, tuple_, union_all
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.catalog import (
    BarcodeLayout,
    BarcodeLayoutsChanged,
    PriceChanged,
    ProductChanged,
    PromotionChanged,
    TaxCategoryChanged,
)
from libs.contracts.identity import StaffChanged, StoreChanged, TillChanged
from libs.persistence import Connection
from services.sales.domain.product import Product
from services.sales.domain.till import Till
from services.sales.storage.tables import (
    barcode_layouts,
    catalogue_revision,
    product_barcodes,
    products,
    promotions,
    staff,
    stores,
    tax_categories,
    tills,
)

DEFAULT_CACHED_PRODUCT_COUNT = 50_000

# A chain has a few hundred of each; the limits keep a mistake upstream from filling our memory.
LARGEST_PROMOTION_COUNT = 20_000
LARGEST_STORE_COUNT = 20_000
LARGEST_TILL_COUNT = 100_000
LARGEST_TAX_CATEGORY_COUNT = 5_000
LARGEST_WITHDRAWN_STAFF_COUNT = 100_000


class ProductCache:
    """Products already read, by id and the versions of product and prices; the least recently used are dropped."""

    def __init__(self, cached_product_count: int = DEFAULT_CACHED_PRODUCT_COUNT) -> None:
        self._cached_product_count = cached_product_count
        self._products: OrderedDict[UUID, Product] = OrderedDict()

    def get(self, product_id: UUID, product_version: int, price_version: int) -> Product | None:
        """The product, if it is held in exactly these versions."""
        product = self._products.get(product_id)
        if product is None or product.product_version != product_version or product.price_version != price_version:
            return None
        self._products.move_to_end(product_id)
        return product

    def put(self, product: Product) -> None:
        """Hold a product in place of its other versions."""
        self._products[product.product_id] = product
        self._products.move_to_end(product.product_id)
        while len(self._products) > self._cached_product_count:
            self._products.popitem(last=False)


@dataclass(frozen=True, slots=True)
class PriceBookFacts:
    """Everything a price book is compiled from, and the places it is used in."""

    promotions: Sequence[Mapping[str, Any]]
    tax_categories: Sequence[Mapping[str, Any]]
    layouts: tuple[BarcodeLayout, ...]
    stores: dict[UUID, StoreChanged]
    tills: dict[UUID, Till]
    withdrawn_staff: frozenset[UUID]


_versions = (products.c.product_id, products.c.product_version, products.c.price_version)
_ids = bindparam("ids", type_=ARRAY(Uuid()))
_codes = bindparam("codes", type_=ARRAY(Text()))
_item_codes = bindparam("item_codes", type_=ARRAY(Text()))
_known = products.c.facts.is_not(None)

# Built once: asked at every request, they cost more to build than to run.
_REVISION = select(catalogue_revision.c.revision)
_VERSIONS_BY_ID = select(*_versions).where(products.c.product_id == any_(_ids), _known)
_FACTS_BY_ID = select(*_versions, products.c.facts, products.c.prices).where(products.c.product_id == any_(_ids))
# Ranks say which finding wins when a text is a barcode of one product and the code of another: the barcode.
_VERSIONS_BY_CODE = union_all(
    select(product_barcodes.c.barcode.label("code"), literal(0).label("rank"), products.c.active, *_versions)
    .select_from(product_barcodes.join(products, products.c.product_id == product_barcodes.c.product_id))
    .where(product_barcodes.c.barcode == any_(_codes), _known),
    select(products.c.code, literal(1), products.c.active, *_versions).where(products.c.code == any_(_codes), _known),
)
_VERSIONS_BY_ITEM_CODE = select(products.c.item_code.label("code"), products.c.active, *_versions).where(
    products.c.item_code == any_(_item_codes), _known
)


class CatalogueRepository:
    """Reads and writes the copies on one connection. `cache` spares reading a product that has not changed."""

    def __init__(self, connection: Connection, cache: ProductCache | None = None) -> None:
        self._connection = connection
        self._cache = cache or ProductCache()

    async def products_by_id(self, ids: Iterable[UUID]) -> dict[UUID, Product]:
        """The products with these ids; unknown ids are left out. One query, a second for what is not in the cache."""
        wanted = list(ids)
        if not wanted:
            return {}
        rows = (await self._connection.execute(_VERSIONS_BY_ID, {"ids": wanted})).all()
        return await self._of_versions([(row.product_id, row.product_version, row.price_version) for row in rows])

    async def find_scanned(self, codes: Iterable[str]) -> dict[str, Product]:
        """The products with these normalised barcodes or product codes; a text that is none is left out.

        A barcode goes before a code, and a product that is sold before one that is not any more.
        """
        wanted = list(codes)
        if not wanted:
            return {}
        rows = (await self._connection.execute(_VERSIONS_BY_CODE, {"codes": wanted})).all()
        # Worst first, so that the best is the one that stays.
        rows = sorted(rows, key=lambda row: (row.active, -row.rank, row.product_id))
        found = await self._of_versions([(row.product_id, row.product_version, row.price_version) for row in rows])
        return {row.code: found[row.product_id] for row in rows}

    async def find_item_codes(self, item_codes: Iterable[str]) -> dict[str, Product]:
        """The products with these numbers inside in-store weight and price codes; unknown ones are left out."""
        wanted = list(item_codes)
        if not wanted:
            return {}
        rows = (await self._connection.execute(_VERSIONS_BY_ITEM_CODE, {"item_codes": wanted})).all()
        rows = sorted(rows, key=lambda row: (row.active, row.product_id))
        found = await self._of_versions([(row.product_id, row.product_version, row.price_version) for row in rows])
        return {row.code: found[row.product_id] for row in rows}

    async def _of_versions(self, versions: Sequence[tuple[UUID, int, int]]) -> dict[UUID, Product]:
        found: dict[UUID, Product] = {}
        missing = []
        for product_id, product_version, price_version in versions:
            product = self._cache.get(product_id, product_version, price_version)
            if product is None:
                missing.append(product_id)
            else:
                found[product_id] = product
        if missing:
            for row in await self._connection.execute(_FACTS_BY_ID, {"ids": missing}):
                product = Product.from_facts(
                    row.product_id, (row.product_version, row.price_version), row.facts, row.prices
                )
                self._cache.put(product)
                found[row.product_id] = product
        return found

    async def revision(self) -> int:
        """How often promotions, taxes, layouts, stores or tills have changed; 0 before the first time."""
        return (await self._connection.execute(_REVISION)).scalar_one_or_none() or 0

    async def price_book_facts(self) -> PriceBookFacts:
        """All that a price book is made of."""
        execute = self._connection.execute
        promotion_rows = await execute(
            select(promotions.c.promotion_id, promotions.c.facts)
            .where(promotions.c.active)
            .order_by(promotions.c.promotion_id)
            .limit(LARGEST_PROMOTION_COUNT)
        )
        tax_rows = await execute(
            select(tax_categories.c.facts).order_by(tax_categories.c.code).limit(LARGEST_TAX_CATEGORY_COUNT)
        )
        layout_rows = await execute(select(barcode_layouts.c.layouts).order_by(barcode_layouts.c.chain))
        store_rows = await execute(select(stores.c.facts).limit(LARGEST_STORE_COUNT))
        till_rows = await execute(
            select(tills.c.till_id, tills.c.store_id, tills.c.code, tills.c.name, tills.c.active).limit(
                LARGEST_TILL_COUNT
            )
        )
        staff_rows = await execute(select(staff.c.staff_id).where(~staff.c.active).limit(LARGEST_WITHDRAWN_STAFF_COUNT))
        stored = [StoreChanged.model_validate(row.facts, extra="ignore") for row in store_rows]
        return PriceBookFacts(
            # The row's id, whatever the facts say: a promotion is one promotion however it was sent.
            promotions=[{**row.facts, "id": str(row.promotion_id)} for row in promotion_rows],
            tax_categories=[row.facts for row in tax_rows],
            layouts=tuple(
                BarcodeLayout.model_validate(layout, extra="ignore") for row in layout_rows for layout in row.layouts
            ),
            stores={store.store_id: store for store in stored},
            tills={row.till_id: Till(row.till_id, row.store_id, row.code, row.name, row.active) for row in till_rows},
            withdrawn_staff=frozenset(staff_rows.scalars()),
        )

    async def bump_revision(self) -> None:
        """Tell every process that its price book is out of date, from this transaction's commit on."""
        statement = insert(catalogue_revision).values(id=1, revision=1)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[catalogue_revision.c.id], set_={"revision": catalogue_revision.c.revision + 1}
            )
        )

    async def put_products(self, changes: Mapping[UUID, tuple[int, ProductChanged]]) -> None:
        """Keep these products, given with the sequences of their events, and exactly their barcodes."""
        if not changes:
            return
        statement = insert(products).values(
            [
                {
                    "product_id": product_id,
                    "product_version": version,
                    "price_version": 0,
                    "code": changed.code,
                    "item_code": changed.item_code,
                    "active": changed.active,
                    "facts": changed.model_dump(mode="json", exclude={"product_id"}),
                    "prices": [],
                }
                for product_id, (version, changed) in sorted(changes.items())
            ]
        )
        new = statement.excluded
        upsert = statement.on_conflict_do_update(
            index_elements=[products.c.product_id],
            set_={
                "product_version": new.product_version,
                "code": new.code,
                "item_code": new.item_code,
                "active": new.active,
                "facts": new.facts,
            },
            where=products.c.product_version < new.product_version,
        ).returning(products.c.product_id)
        kept = (await self._connection.execute(upsert)).scalars().all()
        await self._put_barcodes({product_id: changes[product_id][1].barcodes for product_id in kept})

    async def _put_barcodes(self, barcodes: Mapping[UUID, Sequence[str]]) -> None:
        if not barcodes:
            return
        pairs = sorted({(barcode, product_id) for product_id, codes in barcodes.items() for barcode in codes})
        stale = delete(product_barcodes).where(product_barcodes.c.product_id == any_(_ids))
        if pairs:
            held = (
                func.unnest(
                    bindparam("held_barcodes", [pair[0] for pair in pairs], type_=ARRAY(Text())),
                    bindparam("held_products", [pair[1] for pair in pairs], type_=ARRAY(Uuid())),
                )
                .table_valued("barcode", "product_id")
                .render_derived()
            )
            stale = stale.where(
                tuple_(product_barcodes.c.barcode, product_barcodes.c.product_id).not_in(
                    select(held.c.barcode, held.c.product_id)
                )
            )
        await self._connection.execute(stale, {"ids": list(barcodes)})
        if pairs:
            rows = [{"barcode": barcode, "product_id": product_id} for barcode, product_id in pairs]
            await self._connection.execute(insert(product_barcodes).values(rows).on_conflict_do_nothing())

    async def put_prices(self, changes: Mapping[UUID, tuple[int, PriceChanged]]) -> None:
        """Keep these products' prices, given with the sequences of their events; the product may follow later."""
        if not changes:
            return
        statement = insert(products).values(
            [
                {
                    "product_id": product_id,
                    "product_version": 0,
                    "price_version": version,
                    "active": False,
                    "prices": changed.model_dump(mode="json")["prices"],
                }
                for product_id, (version, changed) in sorted(changes.items())
            ]
        )
        new = statement.excluded
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[products.c.product_id],
                set_={"price_version": new.price_version, "prices": new.prices},
                where=products.c.price_version < new.price_version,
            )
        )

    async def put_promotion(self, version: int, changed: PromotionChanged) -> None:
        """Keep a promotion."""
        await self._put(
            promotions,
            "promotion_id",
            {
                "promotion_id": changed.promotion_id,
                "version": version,
                "active": changed.active,
                "facts": changed.facts,
            },
        )

    async def put_tax_category(self, version: int, changed: TaxCategoryChanged) -> None:
        """Keep a tax category with all its dated rates."""
        facts = changed.model_dump(mode="json")
        await self._put(tax_categories, "code", {"code": changed.code, "version": version, "facts": facts})

    async def put_layouts(self, version: int, changed: BarcodeLayoutsChanged) -> None:
        """Keep a chain's layouts of in-store codes."""
        layouts = changed.model_dump(mode="json")["layouts"]
        await self._put(barcode_layouts, "chain", {"chain": changed.chain, "version": version, "layouts": layouts})

    async def put_store(self, version: int, changed: StoreChanged) -> None:
        """Keep a store."""
        facts = changed.model_dump(mode="json")
        await self._put(stores, "store_id", {"store_id": changed.store_id, "version": version, "facts": facts})

    async def put_till(self, version: int, changed: TillChanged) -> None:
        """Keep a till."""
        await self._put(
            tills,
            "till_id",
            {
                "till_id": changed.till_id,
                "version": version,
                "store_id": changed.store_id,
                "code": changed.code,
                "name": changed.name,
                "active": changed.active,
            },
        )

    async def put_staff(self, version: int, changed: StaffChanged) -> bool:
        """Keep whether a member of staff still works for the chain; tells whether that has changed."""
        query = select(staff.c.active).where(staff.c.staff_id == changed.staff_id)
        before = await self._connection.scalar(query)
        await self._put(staff, "staff_id", {"staff_id": changed.staff_id, "version": version, "active": changed.active})
        # Nobody asks for those who are not known: they count as staff.
        return (await self._connection.scalar(query)) != (True if before is None else before)

    async def _put(self, table: Any, key: str, row: dict[str, Any]) -> None:
        statement = insert(table).values(row)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[key],
                set_={name: statement.excluded[name] for name in row if name != key},
                where=table.c.version < statement.excluded.version,
            )
        )
