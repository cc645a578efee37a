"""Products and prices as HTTP tells them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, StringConstraints

from libs.barcodes import Scan, ScanKind
from libs.contracts.values import LARGEST_MINOR, CurrencyCode, Instant, QuantityText
from libs.money import Quantity, Unit
from libs.web.authentication import RequestBody
from services.catalog.domain.catalogue import CatalogueProduct
from services.catalog.domain.price import Price
from services.catalog.domain.product import (
    LARGEST_AGE_YEARS,
    LARGEST_BARCODES,
    LONGEST_CODE,
    LONGEST_IMAGE_URL,
    LONGEST_NAME,
    ProductDetails,
    ProductKind,
)

Code = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_CODE), Field(examples=["MILK-1L"])]
Name = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_NAME), Field(examples=["Milk 1 l"])]
Version = Annotated[
    int, Field(ge=0, le=LARGEST_MINOR, description="The version you read; 409 if somebody changed it in the meantime.")
]
PositiveMinor = Annotated[int, Field(strict=True, ge=0, le=LARGEST_MINOR, examples=[1299])]


class ProductBody(RequestBody):
    """A product or variant as you want it to be."""

    code: Code
    name: Name
    names: dict[str, str] = Field(
        default_factory=dict, description="Names in other languages, by language code.", examples=[{"pl": "Mleko"}]
    )
    kind: ProductKind = ProductKind.GOODS
    unit: Unit = Field(default=Unit.PIECE, description="What is counted; kg, l and m are sold in fractions.")
    tax_category: Code | None = Field(default=None, description="Needed, except for a gift card.")
    category_ids: list[UUID] = Field(default_factory=list, max_length=20)
    barcodes: list[Annotated[str, StringConstraints(max_length=400)]] = Field(
        default_factory=list,
        max_length=LARGEST_BARCODES,
        description="EAN, UPC, GS1 or own codes, as scanned; kept in one form and unique in the chain.",
        examples=[["5901234123457"]],
    )
    item_code: Annotated[str, StringConstraints(max_length=20)] | None = Field(
        default=None, description="The number inside in-store weight and price codes (prefixes 20 to 29)."
    )
    minimum_age_years: Annotated[int, Field(ge=1, le=LARGEST_AGE_YEARS)] | None = None
    discountable: bool = True
    image_url: Annotated[str, StringConstraints(max_length=LONGEST_IMAGE_URL)] | None = None
    variant_of: UUID | None = Field(default=None, description="The product that this is a variant of.")
    options: dict[str, str] = Field(
        default_factory=dict, description="What tells a variant apart.", examples=[{"size": "M"}]
    )
    tracks_stock: bool = True
    active: bool = Field(default=True, description="Products are deactivated, never deleted.")

    def details(self) -> ProductDetails:
        """The body as the domain knows it."""
        return ProductDetails(
            code=self.code,
            name=self.name,
            kind=self.kind,
            unit=self.unit,
            tax_category=self.tax_category,
            names=self.names,
            category_ids=tuple(self.category_ids),
            barcodes=tuple(self.barcodes),
            item_code=self.item_code,
            minimum_age_years=self.minimum_age_years,
            discountable=self.discountable,
            image_url=self.image_url,
            variant_of=self.variant_of,
            options=self.options,
            tracks_stock=self.tracks_stock,
            active=self.active,
        )


class ChangedProductBody(ProductBody):
    """A product as it shall be from now on, whole."""

    version: Version


class PriceBody(RequestBody):
    """One price, in the currency of its list."""

    price_list: Code
    amount_minor: PositiveMinor
    minimum_quantity: QuantityText = Field(
        default=Quantity(0), validate_default=True, description="From this quantity in the basket on."
    )
    starts_at: Instant | None = None
    ends_at: Instant | None = None

    def price(self) -> Price:
        """The body as the domain knows it."""
        return Price(self.price_list, self.amount_minor, self.minimum_quantity.milli, self.starts_at, self.ends_at)


class PricesBody(RequestBody):
    """All prices of a product from now on."""

    version: Version
    prices: list[PriceBody] = Field(max_length=200)


class PriceAnswer(BaseModel):
    """One price of a product."""

    price_list: str
    amount_minor: int
    minimum_quantity: QuantityText
    starts_at: Instant | None
    ends_at: Instant | None

    @classmethod
    def of(cls, price: Price) -> Self:
        """The answer for a price."""
        return cls(
            price_list=price.price_list,
            amount_minor=price.amount_minor,
            minimum_quantity=Quantity(price.minimum_quantity_milli),
            starts_at=price.starts_at,
            ends_at=price.ends_at,
        )


class ProductAnswer(BaseModel):
    """A product with its prices."""

    id: UUID
    version: int
    code: str
    name: str
    names: dict[str, str]
    kind: ProductKind
    unit: Unit
    tax_category: str | None
    category_ids: list[UUID]
    barcodes: list[str]
    item_code: str | None
    minimum_age_years: int | None
    discountable: bool
    image_url: str | None
    variant_of: UUID | None
    options: dict[str, str]
    tracks_stock: bool
    active: bool
    prices: list[PriceAnswer]

    @classmethod
    def of(cls, product: CatalogueProduct) -> Self:
        """The answer for a product."""
        details = product.details
        return cls(
            id=product.id,
            version=product.version,
            code=details.code,
            name=details.name,
            names=dict(details.names or {}),
            kind=details.kind,
            unit=details.unit,
            tax_category=details.tax_category,
            category_ids=list(details.category_ids),
            barcodes=list(details.barcodes),
            item_code=details.item_code,
            minimum_age_years=details.minimum_age_years,
            discountable=details.discountable,
            image_url=details.image_url,
            variant_of=details.variant_of,
            options=dict(details.options or {}),
            tracks_stock=details.tracks_stock,
            active=details.active,
            prices=[PriceAnswer.of(price) for price in product.prices],
        )


class PricesAnswer(BaseModel):
    """All prices of a product."""

    product_id: UUID
    version: int
    prices: list[PriceAnswer]

    @classmethod
    def of(cls, product: CatalogueProduct) -> Self:
        """The answer for a product's prices."""
        return cls(
            product_id=product.id,
            version=product.version,
            prices=[PriceAnswer.of(price) for price in product.prices],
        )


class ScanAnswer(BaseModel):
    """What was read from the barcode besides the product. `price_minor` needs `?currency=`."""

    kind: ScanKind
    gtin: str | None
    item_code: str | None
    quantity: QuantityText | None
    unit: Unit | None
    price_minor: int | None
    lot: str | None
    serial: str | None
    expires_on: date | None
    best_before: date | None

    @classmethod
    def of(cls, scan: Scan, currency: CurrencyCode | None) -> Self:
        """The answer for a scan."""
        return cls(
            kind=scan.kind,
            gtin=scan.gtin,
            item_code=scan.item_code,
            quantity=scan.quantity,
            unit=scan.unit,
            price_minor=scan.price_minor(currency) if currency else None,
            lot=scan.lot,
            serial=scan.serial,
            expires_on=scan.expires_on,
            best_before=scan.best_before,
        )


class FoundAnswer(BaseModel):
    """A product found by a barcode."""

    product: ProductAnswer
    scan: ScanAnswer
