"""Products and prices as CSV, in the very form that an import reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from libs.money import Quantity, currency
from libs.persistence import Connection
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.domain.import_columns import NAME_PREFIX, OPTION_PREFIX, SEPARATOR
from services.catalog.domain.price import Price, PriceList
from services.catalog.storage.categories import CategoryRepository
from services.catalog.storage.price_lists import PriceListRepository
from services.catalog.storage.products import ProductRepository

PRICE_HEADER = ("code", "price_list", "price", "currency", "minimum_quantity", "starts_at", "ends_at")


@dataclass(frozen=True, slots=True)
class ProductColumns:
    """What the rows of a product file need to know beforehand."""

    languages: Sequence[str]
    options: Sequence[str]
    category_codes: Mapping[UUID, str]

    @property
    def header(self) -> list[str]:
        """The header line."""
        return [
            "code",
            "name",
            *(NAME_PREFIX + language for language in self.languages),
            "kind",
            "unit",
            "tax_category",
            "categories",
            "barcodes",
            "item_code",
            "minimum_age_years",
            "discountable",
            "image_url",
            "variant_of",
            *(OPTION_PREFIX + option for option in self.options),
            "tracks_stock",
            "active",
        ]


async def product_columns(connection: Connection) -> ProductColumns:
    """The columns that the present products need."""
    languages, options = await ProductRepository(connection).keys_of_texts()
    codes = await CategoryRepository(connection).ids_by_code()
    return ProductColumns(languages, options, {category_id: code for code, category_id in codes.items()})


async def product_rows(
    connection: Connection, columns: ProductColumns, after: UUID | None, limit: int
) -> tuple[list[list[str]], UUID | None]:
    """Up to `limit` rows behind the product `after`, and the product to go on behind; None at the end."""
    repository = ProductRepository(connection)
    products = await repository.after(after, limit)
    parents = await repository.codes({each.details.variant_of for each in products if each.details.variant_of})
    return [_product_row(each, columns, parents) for each in products], _last(products, limit)


async def price_rows(
    connection: Connection, lists: Mapping[str, PriceList], after: UUID | None, limit: int
) -> tuple[list[list[str]], UUID | None]:
    """The prices of up to `limit` products behind `after`, and the product to go on behind; None at the end."""
    products = await ProductRepository(connection).after(after, limit)
    rows = [
        _price_row(product.details.code, price, lists[price.price_list])
        for product in products
        for price in product.prices
    ]
    return rows, _last(products, limit)


async def all_price_lists(connection: Connection) -> dict[str, PriceList]:
    """The price lists, for `price_rows`."""
    return await PriceListRepository(connection).all()


def _last(products: Sequence[CatalogueProduct], limit: int) -> UUID | None:
    return products[-1].id if len(products) == limit else None


def _product_row(product: CatalogueProduct, columns: ProductColumns, parents: Mapping[UUID, str]) -> list[str]:
    details = product.details
    names, options = details.names or {}, details.options or {}
    return [
        details.code,
        details.name,
        *(names.get(language, "") for language in columns.languages),
        details.kind.value,
        details.unit.value,
        details.tax_category or "",
        SEPARATOR.join(columns.category_codes[category_id] for category_id in details.category_ids),
        SEPARATOR.join(details.barcodes),
        details.item_code or "",
        "" if details.minimum_age_years is None else str(details.minimum_age_years),
        _flag(details.discountable),
        details.image_url or "",
        parents[details.variant_of] if details.variant_of else "",
        *(options.get(option, "") for option in columns.options),
        _flag(details.tracks_stock),
        _flag(details.active),
    ]


def _price_row(code: str, price: Price, price_list: PriceList) -> list[str]:
    digits = currency(price_list.currency).digits
    return [
        code,
        price.price_list,
        f"{Decimal(price.amount_minor).scaleb(-digits):f}",
        price_list.currency,
        str(Quantity(price.minimum_quantity_milli)),
        price.starts_at.isoformat() if price.starts_at else "",
        price.ends_at.isoformat() if price.ends_at else "",
    ]


def _flag(value: bool) -> str:
    return "true" if value else "false"
