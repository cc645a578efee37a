"""Products with their categories, barcodes and prices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Row, Select, Text, Uuid, bindparam, delete, func, insert, select, true, tuple_, update
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError

from libs.money import Unit
from libs.persistence import Connection
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.domain.price import Price, price_values
from services.catalog.domain.product import ProductDetails, ProductKind
from services.catalog.domain.refusals import CodeTaken
from services.catalog.storage.tables import (
    category_ancestors,
    prices,
    product_barcodes,
    product_categories,
    products,
)


def _array(query: Select[Any], kind: Any) -> Any:
    return func.array(query.scalar_subquery(), type_=ARRAY(kind))


_CATEGORIES = _array(
    select(product_categories.c.category_id)
    .where(product_categories.c.product_id == products.c.id)
    .order_by(product_categories.c.category_id)
    .correlate(products),
    Uuid(),
)
_ALL_CATEGORIES = _array(
    select(category_ancestors.c.ancestor_id)
    .distinct()
    .join(product_categories, product_categories.c.category_id == category_ancestors.c.category_id)
    .where(product_categories.c.product_id == products.c.id)
    .order_by(category_ancestors.c.ancestor_id)
    .correlate(products),
    Uuid(),
)
_BARCODES = _array(
    select(product_barcodes.c.barcode)
    .where(product_barcodes.c.product_id == products.c.id)
    .order_by(product_barcodes.c.position)
    .correlate(products),
    Text(),
)
_PRICES = (
    select(
        func.jsonb_agg(
            aggregate_order_by(
                func.jsonb_build_array(
                    prices.c.price_list,
                    prices.c.amount_minor,
                    prices.c.minimum_quantity_milli,
                    prices.c.starts_at,
                    prices.c.ends_at,
                ),
                prices.c.id,
            )
        )
    )
    .where(prices.c.product_id == products.c.id)
    .correlate(products)
    .scalar_subquery()
)
_COLUMNS = [column for column in products.c if column.name not in ("search", "search_name", "search_codes")]
CATALOGUE_PRODUCT: Select[Any] = select(
    *_COLUMNS,
    _CATEGORIES.label("category_ids"),
    _ALL_CATEGORIES.label("all_category_ids"),
    _BARCODES.label("barcodes"),
    _PRICES.label("prices"),
)


# Made once, because every scan runs it. The barcodes are parameters each, not one array: PostgreSQL plans an array of
# unknown length anew every time, and planning takes longer than finding.
_BY_BARCODES = (
    CATALOGUE_PRODUCT.add_columns(product_barcodes.c.barcode.label("found_by"))
    .join(product_barcodes, product_barcodes.c.product_id == products.c.id)
    .where(product_barcodes.c.barcode.in_(bindparam("barcodes", expanding=True, type_=Text())))
)


def product_of(row: Row[Any]) -> CatalogueProduct:
    """A row of `CATALOGUE_PRODUCT`, with or without further columns."""
    details = ProductDetails(
        code=row.code,
        name=row.name,
        kind=ProductKind(row.kind),
        unit=Unit(row.unit),
        tax_category=row.tax_category,
        names=row.names,
        category_ids=tuple(row.category_ids),
        barcodes=tuple(row.barcodes),
        item_code=row.item_code,
        minimum_age_years=row.minimum_age_years,
        discountable=row.discountable,
        image_url=row.image_url,
        variant_of=row.variant_of,
        options=row.options,
        tracks_stock=row.tracks_stock,
        active=row.active,
    )
    return CatalogueProduct(
        row.id, row.version, details, tuple(_price(entry) for entry in row.prices or ()), tuple(row.all_category_ids)
    )


def _price(entry: Sequence[Any]) -> Price:
    price_list, amount_minor, minimum_quantity_milli, starts_at, ends_at = entry
    return Price(price_list, amount_minor, minimum_quantity_milli, _moment(starts_at), _moment(ends_at))


def _moment(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)


class ProductRepository:
    """Reads and writes products on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def find(self, product_id: UUID) -> CatalogueProduct | None:
        """The product, or None."""
        row = (await self._connection.execute(CATALOGUE_PRODUCT.where(products.c.id == product_id))).first()
        return None if row is None else product_of(row)

    async def lock(self, product_id: UUID) -> CatalogueProduct | None:
        """The product, kept from other changes until the transaction ends; None if there is none."""
        # Not against those who only refer to the product, such as sales that move its stock.
        locked = select(products.c.id).where(products.c.id == product_id).with_for_update(key_share=True)
        if (await self._connection.execute(locked)).first() is None:
            return None
        # A statement of its own, so that it sees what the last holder of the lock has committed.
        return await self.find(product_id)

    async def find_many(self, product_ids: Collection[UUID]) -> list[CatalogueProduct]:
        """The products with these ids, in the order of their ids."""
        statement = CATALOGUE_PRODUCT.where(products.c.id == func.any(list(product_ids))).order_by(products.c.id)
        return [product_of(row) for row in await self._connection.execute(statement)]

    async def after(self, product_id: UUID | None, limit: int) -> list[CatalogueProduct]:
        """Up to `limit` products behind `product_id`, in the order of their ids."""
        beyond = true() if product_id is None else products.c.id > product_id
        statement = CATALOGUE_PRODUCT.where(beyond).order_by(products.c.id).limit(limit)
        return [product_of(row) for row in await self._connection.execute(statement)]

    async def page(
        self,
        after: tuple[str, UUID] | None,
        limit: int,
        *,
        category_id: UUID | None,
        variant_of: UUID | None,
        active: bool | None,
    ) -> list[CatalogueProduct]:
        """Up to `limit` products in the order of their codes; a category counts with all below it."""
        statement = CATALOGUE_PRODUCT.order_by(products.c.code, products.c.id).limit(limit)
        if after is not None:
            statement = statement.where(tuple_(products.c.code, products.c.id) > after)
        if active is not None:
            statement = statement.where(products.c.active == active)
        if variant_of is not None:
            statement = statement.where(products.c.variant_of == variant_of)
        if category_id is not None:
            within = select(product_categories.c.product_id).join(
                category_ancestors, category_ancestors.c.category_id == product_categories.c.category_id
            )
            statement = statement.where(
                products.c.id.in_(within.where(category_ancestors.c.ancestor_id == category_id))
            )
        return [product_of(row) for row in await self._connection.execute(statement)]

    async def by_barcodes(self, barcodes: Sequence[str]) -> list[tuple[str, CatalogueProduct]]:
        """The products with any of these barcodes (in their stored form), each with the barcode that found it."""
        rows = await self._connection.execute(_BY_BARCODES, {"barcodes": list(barcodes)})
        return [(row.found_by, product_of(row)) for row in rows]

    async def by_item_code(self, item_code: str) -> CatalogueProduct | None:
        """The product whose in-store codes hold this number."""
        row = (await self._connection.execute(CATALOGUE_PRODUCT.where(products.c.item_code == item_code))).first()
        return None if row is None else product_of(row)

    async def by_code(self, code: str) -> CatalogueProduct | None:
        """The product with this code."""
        row = (await self._connection.execute(CATALOGUE_PRODUCT.where(products.c.code == code))).first()
        return None if row is None else product_of(row)

    async def codes(self, product_ids: Collection[UUID]) -> dict[UUID, str]:
        """The codes of the products with these ids."""
        statement = select(products.c.id, products.c.code).where(products.c.id == func.any(list(product_ids)))
        return {row.id: row.code for row in await self._connection.execute(statement)}

    async def keys_of_texts(self) -> tuple[list[str], list[str]]:
        """(languages, options) that any product has."""
        languages = select(func.jsonb_object_keys(products.c.names).label("key")).distinct()
        options = select(func.jsonb_object_keys(products.c.options).label("key")).distinct()
        return (
            sorted(row.key for row in await self._connection.execute(languages)),
            sorted(row.key for row in await self._connection.execute(options)),
        )

    async def insert(self, product_id: UUID, details: ProductDetails, now: datetime) -> UUID | None:
        """Store a new product as version 1, without its barcodes; None if code or item code are taken."""
        statement = (
            upsert(products)
            .values(id=product_id, version=1, created_at=now, changed_at=now, **_values(details))
            .on_conflict_do_nothing()
            .returning(products.c.id)
        )
        if (await self._connection.execute(statement)).first() is None:
            return None
        await self._insert_categories(product_id, details.category_ids)
        return product_id

    async def update(self, product_id: UUID, details: ProductDetails, version: int, now: datetime) -> None:
        """Store other details under `version`; the caller holds the lock. Raises CodeTaken if another was faster."""
        statement = update(products).where(products.c.id == product_id)
        try:
            await self._connection.execute(statement.values(version=version, changed_at=now, **_values(details)))
        except IntegrityError as error:
            raise CodeTaken(
                f"The code {details.code} or its item code was taken at this moment.", field="code"
            ) from error
        await self._connection.execute(delete(product_categories).where(product_categories.c.product_id == product_id))
        await self._insert_categories(product_id, details.category_ids)

    async def set_version(self, product_id: UUID, version: int, now: datetime) -> None:
        """Count a change that is not of the product's own row."""
        await self._connection.execute(
            update(products).where(products.c.id == product_id).values(version=version, changed_at=now)
        )

    async def replace_barcodes(self, product_id: UUID, barcodes: Sequence[str]) -> tuple[str, UUID, str] | None:
        """Make these the product's barcodes; if one belongs to another, that one, and the other's id and code."""
        table = product_barcodes
        await self._connection.execute(
            delete(table).where(table.c.product_id == product_id, table.c.barcode != func.all(list(barcodes)))
        )
        if not barcodes:
            return None
        # In one order, so that two products that claim the same barcodes wait for each other instead of deadlocking.
        rows = [
            {"barcode": barcode, "product_id": product_id, "position": position}
            for position, barcode in sorted(enumerate(barcodes), key=lambda numbered: numbered[1])
        ]
        statement = upsert(table).values(rows)
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.barcode],
            set_={"position": statement.excluded.position},
            where=table.c.product_id == product_id,
        )
        stored = {row.barcode for row in await self._connection.execute(statement.returning(table.c.barcode))}
        taken = [barcode for barcode in barcodes if barcode not in stored]
        return await self._owner(taken[0]) if taken else None

    async def _owner(self, barcode: str) -> tuple[str, UUID, str]:
        table = product_barcodes
        row = (
            await self._connection.execute(
                select(products.c.id, products.c.code)
                .join(table, table.c.product_id == products.c.id)
                .where(table.c.barcode == barcode)
            )
        ).one()
        return barcode, row.id, row.code

    async def replace_prices(self, product_id: UUID, wanted: Sequence[Price]) -> None:
        """Make these the product's prices; the caller holds the product's lock."""
        await self._connection.execute(delete(prices).where(prices.c.product_id == product_id))
        if wanted:
            rows = [{"product_id": product_id, **price_values(price)} for price in wanted]
            await self._connection.execute(insert(prices), rows)

    async def lock_parent(self, product_id: UUID) -> tuple[UUID | None] | None:
        """The parent of a product that a variant is about to name, kept as it is until then; None without product."""
        row = (
            await self._connection.execute(
                select(products.c.variant_of).where(products.c.id == product_id).with_for_update(read=True)
            )
        ).first()
        return None if row is None else (row.variant_of,)

    async def has_variants(self, product_id: UUID) -> bool:
        """Whether other products name it as their parent."""
        statement = select(func.count()).select_from(
            select(products.c.id).where(products.c.variant_of == product_id).limit(1).subquery()
        )
        return bool((await self._connection.execute(statement)).scalar_one())

    async def missing(self, product_ids: Collection[UUID]) -> set[UUID]:
        """Those of the ids that no product has."""
        statement = select(products.c.id).where(products.c.id == func.any(list(product_ids)))
        return set(product_ids) - {row.id for row in await self._connection.execute(statement)}

    async def _insert_categories(self, product_id: UUID, category_ids: Sequence[UUID]) -> None:
        if category_ids:
            rows = [{"product_id": product_id, "category_id": category_id} for category_id in category_ids]
            await self._connection.execute(insert(product_categories), rows)


def _values(details: ProductDetails) -> dict[str, Any]:
    return {
        "code": details.code,
        "name": details.name,
        "names": dict(details.names or {}),
        "kind": details.kind.value,
        "unit": details.unit.value,
        "tax_category": details.tax_category,
        "item_code": details.item_code,
        "minimum_age_years": details.minimum_age_years,
        "discountable": details.discountable,
        "image_url": details.image_url,
        "variant_of": details.variant_of,
        "options": dict(details.options or {}),
        "tracks_stock": details.tracks_stock,
        "active": details.active,
        "search_name": details.search_name,
        "search_codes": details.search_codes,
    }
