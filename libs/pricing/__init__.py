"""Pricing: a basket and a price book in, priced lines that explain themselves out. Pure: no I/O, no clock.

book = PriceBook.compile(promotions, tax_categories)      # once per change of the catalogue
priced = price_basket(basket, book)                       # at every scan
refund = return_line(sold_line, sold, already, now)       # from the frozen line, never from today's price
"""

from libs.pricing.book import PriceBook
from libs.pricing.cash import (
    CashDue,
    CashPayment,
    ExchangeRate,
    ForeignCashPayment,
    cash_due,
    pay_cash,
    pay_foreign_cash,
)
from libs.pricing.engine import price_basket
from libs.pricing.facts import InvalidPromotion
from libs.pricing.frozen import freeze_sale, thaw_sale
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
from libs.pricing.returns import (
    BrokenBundle,
    ReturnExceedsSale,
    broken_bundles,
    refund,
    return_line,
    return_recomputed,
)

__all__ = [
    "EVERYTHING",
    "Adjustment",
    "AdjustmentKind",
    "Basket",
    "BasketLine",
    "BrokenBundle",
    "BundleGroup",
    "CashDue",
    "CashPayment",
    "ExchangeRate",
    "ForeignCashPayment",
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
    "ReturnExceedsSale",
    "ReturnPolicy",
    "TaxCategory",
    "TaxMode",
    "TaxPolicy",
    "TaxRate",
    "TaxRounding",
    "UnusedCoupon",
    "broken_bundles",
    "cash_due",
    "freeze_sale",
    "pay_cash",
    "pay_foreign_cash",
    "price_basket",
    "promotion_from_facts",
    "refund",
    "return_line",
    "return_recomputed",
    "thaw_sale",
]
