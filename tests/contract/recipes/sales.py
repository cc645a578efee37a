"""Recipes for sales: baskets in every state, documents and shifts."""

from __future__ import annotations

from uuid import uuid4

from tests.contract.living_shop import BREAD_EAN, CURRENCY, Json, LivingShop
from tests.contract.recipes.recipe import Names, Recipe


def _named(basket: Json) -> Names:
    line_id = basket["lines"][0]["line_id"] if "lines" in basket else ""
    return {"basket_id": basket["basket_id"], "line_id": line_id}


def _basket(shop: LivingShop) -> Names:
    return _named(shop.basket())


def _suspended(shop: LivingShop) -> Names:
    basket = shop.basket()
    shop.till("POST", f"/sales/v1/baskets/{basket['basket_id']}/suspend")
    return _named(basket)


def _with_coupon(shop: LivingShop) -> Names:
    basket = shop.basket()
    shop.till("POST", f"/sales/v1/baskets/{basket['basket_id']}/coupons", {"code": "CRUST"})
    return {"basket_id": basket["basket_id"], "code": "CRUST"}


def _paid(shop: LivingShop) -> Names:
    basket = shop.paid_basket()
    return {"basket_id": basket["basket_id"], "tender_id": basket["tenders"][0]["tender_id"]}


def _sale(shop: LivingShop) -> Names:
    return {"sale_id": shop.sale()["sale_id"]}


def _shift(shop: LivingShop) -> Names:
    return {"shift_id": shop.shift_id}


def _closed_shift(shop: LivingShop) -> Names:
    return {"shift_id": shop.closed_shift_id}


def _shift_to_close(shop: LivingShop) -> Names:
    return {"shift_id": shop.open_shift_at_other_till()}


def _no_shift_open(shop: LivingShop) -> Names:
    shop.close_shift_at_other_till()
    return {}


def _other_till(shop: LivingShop) -> str | None:
    return shop.second.token


def _cash(shop: LivingShop, names: Names) -> Json:
    return {"kind": "cash", "given_minor": 10_000}


def _sale_body(shop: LivingShop, names: Names) -> Json:
    return {
        "sale_id": str(uuid4()),
        "currency": CURRENCY,
        "lines": [{"product_id": shop.bread, "quantity": "2"}],
        "tenders": [{"kind": "cash", "given_minor": 10_000}],
    }


def _rate(shop: LivingShop) -> Names:
    shop.office("PUT", f"/sales/v1/exchange-rates/{CURRENCY}/GBP", {"rate": "1.1732"})
    return {"local_currency": CURRENCY, "foreign_currency": "GBP"}


_BASKET = "/sales/v1/baskets/{basket_id}"
_LINE = _BASKET + "/lines/{line_id}"

SALES: dict[str, Recipe] = {
    "POST /sales/v1/baskets": Recipe(body=lambda shop, names: {"basket_id": str(uuid4()), "currency": CURRENCY}),
    f"GET {_BASKET}": Recipe(_basket),
    f"POST {_BASKET}/lines": Recipe(_basket, lambda shop, names: {"code": BREAD_EAN}),
    f"PATCH {_LINE}": Recipe(_basket, lambda shop, names: {"quantity": "3"}),
    f"DELETE {_LINE}": Recipe(_basket, spent=True),
    f"PUT {_LINE}/discount": Recipe(_basket, lambda shop, names: {"percent": "5", "reason": "Dented"}),
    f"PUT {_LINE}/price": Recipe(_basket, lambda shop, names: {"price_minor": 199, "reason": "Short date"}),
    f"PUT {_BASKET}/discount": Recipe(_basket, lambda shop, names: {"amount_minor": 20, "reason": "Regular"}),
    f"POST {_BASKET}/coupons": Recipe(_basket, lambda shop, names: {"code": "CRUST"}),
    f"DELETE {_BASKET}/coupons/{{code}}": Recipe(_with_coupon, spent=True),
    f"PUT {_BASKET}/customer": Recipe(
        _basket, lambda shop, names: {"customer_id": str(uuid4()), "customer_groups": ["gold"]}
    ),
    f"PUT {_BASKET}/note": Recipe(_basket, lambda shop, names: {"note": "Collects at five"}),
    f"PUT {_BASKET}/age-confirmation": Recipe(_basket, lambda shop, names: {"years": 18}),
    f"POST {_BASKET}/suspend": Recipe(_basket, lambda shop, names: {}, spent=True),
    f"POST {_BASKET}/recall": Recipe(_suspended, lambda shop, names: {}, spent=True),
    f"POST {_BASKET}/cancel": Recipe(_basket, lambda shop, names: {}, spent=True),
    "GET /sales/v1/suspended-baskets": Recipe(query=lambda shop: {"store_id": shop.store_id}),
    f"POST {_BASKET}/tenders": Recipe(_basket, _cash, spent=True),
    f"GET {_BASKET}/tenders": Recipe(_paid),
    f"DELETE {_BASKET}/tenders/{{tender_id}}": Recipe(_paid, spent=True),
    f"POST {_BASKET}/complete": Recipe(_paid, lambda shop, names: {}, spent=True),
    "POST /sales/v1/sales": Recipe(body=_sale_body),
    "GET /sales/v1/sales": Recipe(query=lambda shop: {"store_id": shop.store_id}),
    "GET /sales/v1/sales/by-receipt/{code}": Recipe(lambda shop: {"code": shop.sale()["receipt_code"]}),
    "GET /sales/v1/sales/{sale_id}": Recipe(_sale),
    "GET /sales/v1/sales/{sale_id}/receipt": Recipe(_sale),
    "GET /sales/v1/sales/{sale_id}/receipt.txt": Recipe(_sale),
    "GET /sales/v1/sales/{sale_id}/receipt.html": Recipe(_sale),
    "POST /sales/v1/sales/{sale_id}/reprints": Recipe(_sale, lambda shop, names: {"language": "de"}),
    "POST /sales/v1/sales/{sale_id}/receipt-emails": Recipe(_sale, lambda shop, names: {"address": "anna@example.org"}),
    "GET /sales/v1/sales/{sale_id}/receipt-emails": Recipe(_sale),
    "POST /sales/v1/sales/{sale_id}/void": Recipe(_sale, lambda shop, names: {"reason": "Rung up twice"}, spent=True),
    "POST /sales/v1/shifts": Recipe(
        _no_shift_open,
        lambda shop, names: {"currency": CURRENCY, "float_minor": 10_000},
        token=_other_till,
        spent=True,
    ),
    "GET /sales/v1/shifts": Recipe(query=lambda shop: {"store_id": shop.store_id}),
    "GET /sales/v1/shifts/current": Recipe(),
    "GET /sales/v1/shifts/{shift_id}": Recipe(_shift),
    "POST /sales/v1/shifts/{shift_id}/cash-movements": Recipe(
        _shift, lambda shop, names: {"kind": "cash_in", "currency": CURRENCY, "amount_minor": 500, "reason": "Change"}
    ),
    "GET /sales/v1/shifts/{shift_id}/cash-movements": Recipe(_shift),
    "POST /sales/v1/shifts/{shift_id}/drawer-openings": Recipe(_shift, lambda shop, names: {"reason": "Coins stuck"}),
    "GET /sales/v1/shifts/{shift_id}/x-report": Recipe(_shift),
    "GET /sales/v1/shifts/{shift_id}/x-report.txt": Recipe(_shift),
    "POST /sales/v1/shifts/{shift_id}/close": Recipe(
        _shift_to_close,
        lambda shop, names: {"counts": [{"currency": CURRENCY, "denominations": [{"value_minor": 5_000, "count": 2}]}]},
        token=_other_till,
        spent=True,
    ),
    "GET /sales/v1/shifts/{shift_id}/z-report": Recipe(_closed_shift),
    "GET /sales/v1/shifts/{shift_id}/z-report.txt": Recipe(_closed_shift),
    "GET /sales/v1/denominations": Recipe(query=lambda shop: {"currency": CURRENCY}),
    "GET /sales/v1/exchange-rates": Recipe(query=lambda shop: {"local_currency": CURRENCY}),
    "PUT /sales/v1/exchange-rates/{local_currency}/{foreign_currency}": Recipe(
        _rate, lambda shop, names: {"rate": "1.1801"}
    ),
    "DELETE /sales/v1/exchange-rates/{local_currency}/{foreign_currency}": Recipe(_rate, spent=True),
    "GET /sales/v1/price-checks": Recipe(query=lambda shop: {"code": BREAD_EAN}),
    "GET /sales/v1/tills/{till_id}/continuity": Recipe(lambda shop: {"till_id": shop.first.id}),
}
