"""What catalog tells the others: products, prices, promotions, taxes and stock."""

from datetime import date
from typing import Any
from uuid import UUID

from pydantic import Field

from libs.contracts.message import Event, contract
from libs.contracts.values import CurrencyCode, Instant, MilliQuantity, MinorAmount, Part, PartsPerMillion


@contract("catalog", "product_changed", subject="product_id")
class ProductChanged(Event):
    """A sellable product or variant as it is now; its prices travel in `price_changed`.

    `kind` is goods, gift_card or service; `unit` piece, kg, l or m. `barcodes` are normalised (GTINs with their
    check digit, as 8 to 14 digits without leading padding); `item_code` is the number inside in-store weight and
    price codes. `variant_of` names the parent of a variant and `options` what tells it apart.
    """

    product_id: UUID
    code: str
    name: str
    names: dict[str, str] = Field(default_factory=dict)
    category_ids: tuple[str, ...]
    kind: str
    unit: str
    tax_category: str
    barcodes: tuple[str, ...]
    item_code: str | None
    minimum_age_years: int | None
    discountable: bool
    image_url: str | None
    variant_of: UUID | None
    options: dict[str, str] = Field(default_factory=dict)
    tracks_stock: bool = True
    active: bool = True


class PriceFacts(Part):
    """One price of a product. It applies where every restriction that is not empty is met."""

    price_list: str
    currency: CurrencyCode
    amount_minor: MinorAmount
    minimum_quantity_milli: MilliQuantity
    store_ids: tuple[UUID, ...] = ()
    customer_groups: tuple[str, ...] = ()
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    priority: int = 0


@contract("catalog", "price_changed", subject="product_id")
class PriceChanged(Event):
    """Every price of a product as they are now: the list replaces what was known before."""

    product_id: UUID
    prices: tuple[PriceFacts, ...]


@contract("catalog", "promotion_changed", subject="promotion_id")
class PromotionChanged(Event):
    """A promotion as it is now; `facts` is the form that `libs.pricing` reads."""

    promotion_id: UUID
    name: str
    facts: dict[str, Any]
    active: bool


class TaxRateFacts(Part):
    """A tax rate and the business dates it is valid on, both inclusive."""

    code: str
    name: str
    rate_ppm: PartsPerMillion
    valid_from: date | None
    valid_until: date | None


@contract("catalog", "tax_category_changed", subject="code")
class TaxCategoryChanged(Event):
    """A tax category as it is now, with all of its dated rates."""

    code: str
    name: str
    rates: tuple[TaxRateFacts, ...]


class BarcodeLayout(Part):
    """How the chain's in-store codes (prefixes 20 to 29) are read.

    `prefix` are the leading digits; then `item_digits` of item code, then (`price_check_digit` or nothing), then
    `value_digits` of `value_kind` (weight in thousandths or price in minor units), then the EAN check digit.
    """

    prefix: str
    item_digits: int
    value_digits: int
    value_kind: str
    price_check_digit: bool = False
    value_decimals: int


@contract("catalog", "barcode_layouts_changed", subject="chain")
class BarcodeLayoutsChanged(Event):
    """The chain's layouts of in-store weight and price codes, all of them."""

    chain: str
    layouts: tuple[BarcodeLayout, ...]


@contract("catalog", "stock_changed", subject="stock_id", store="store_id")
class StockChanged(Event):
    """The stock of a product at a location after a movement. `stock_id` is `<store>.<product>`."""

    stock_id: str
    store_id: UUID
    product_id: UUID
    on_hand_milli: MilliQuantity
    change_milli: MilliQuantity
    reason: str
    reference: str | None
    moved_at: Instant


@contract("catalog", "stock_low", subject="stock_id", store="store_id")
class StockLow(Event):
    """The stock of a product at a location fell to or below its reorder point."""

    stock_id: str
    store_id: UUID
    product_id: UUID
    on_hand_milli: MilliQuantity
    reorder_point_milli: MilliQuantity
