"""Pricing: a basket and a price book in, priced lines that explain themselves out. Pure: no I/O, no clock.

book = PriceBook.compile(promotions, tax_categories)      # once per change of the catalogue
priced = price_basket(basket, book)                       # at every scan
refund = return_line(sold_line, sold, already, now)       # from the frozen line, never from today's price
"""

from libs.pricing.book import PriceBook
from libs.pricing.engine import price_basket
from libs.pricing.facts import InvalidPromotion
from libs.pricing.model import (
    Basket,
    BasketLine,
    PricedProduct,
    PriceEntry,
    PricingError,
    ProductKind,
    TaxCategory,
    TaxMode,
    TaxPolicy,
    TaxRate,
    TaxRounding,
)
from libs.pricing.priced import Adjustment, AdjustmentKind, LineTax, PricedBasket, PricedLine, UnusedCoupon
from libs.pricing.promotion import (
    EVERYTHING,
    BundleGroup,
    ProductSelector,
    Promotion,
    PromotionKind,
    ReturnPolicy,
    promotion_from_facts,
)

__all__ = [
    "EVERYTHING",
    "Adjustment",
    "AdjustmentKind",
    "Basket",
    "BasketLine",
    "BundleGroup",
    "InvalidPromotion",
    "LineTax",
    "PriceBook",
    "PriceEntry",
    "PricedBasket",
    "PricedLine",
    "PricedProduct",
    "PricingError",
    "ProductKind",
    "ProductSelector",
    "Promotion",
    "PromotionKind",
    "ReturnPolicy",
    "TaxCategory",
    "TaxMode",
    "TaxPolicy",
    "TaxRate",
    "TaxRounding",
    "UnusedCoupon",
    "price_basket",
    "promotion_from_facts",
]
