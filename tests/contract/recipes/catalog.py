"""Recipes for catalog: what each resource begins with, and how it is changed."""

from __future__ import annotations

from collections.abc import Callable
from uuid import uuid4

from tests.contract.living_shop import BREAD_EAN, CURRENCY, Json, LivingShop
from tests.contract.recipes.recipe import Names, Recipe, changed, id_of, new_code, version_of


def _product(shop: LivingShop) -> Json:
    return {"code": new_code(), "name": "Tea", "tax_category": "standard"}


def _coded(path: str, body: Callable[[LivingShop], Json]) -> Callable[[LivingShop], Names]:
    return lambda shop: {"code": shop.office("POST", path, body(shop))["code"]}


def _category(shop: LivingShop) -> Json:
    return {"code": new_code(), "name": "Drinks"}


def _tax_category(shop: LivingShop) -> Json:
    return {"code": new_code(), "name": "Reduced", "rates": [{"code": "VAT", "name": "VAT", "percent": "13.5"}]}


def _price_list(shop: LivingShop) -> Json:
    # Of another store: prices of the one that trades stay as they are.
    return {"code": new_code(), "name": "Members", "currency": CURRENCY, "store_ids": [str(uuid4())]}


def _promotion(shop: LivingShop) -> Json:
    selection = {"product_ids": [shop.wine]}
    return {
        "name": "Wine week",
        "kind": "percent_off",
        "percent": "10",
        "products": selection,
        "store_ids": [str(uuid4())],
    }


def _stocked(shop: LivingShop) -> Names:
    return {"store_id": shop.store_id, "product_id": shop.bread}


def _csv(shop: LivingShop, names: Names) -> bytes:
    return b"code,name,tax_category,price,price_list\nJAM,Jam,standard,2.49,retail\nBAD,,nowhere,x,retail\n"


def _import(shop: LivingShop) -> Names:
    response = shop.http.post(
        "/catalog/v1/imports",
        content=_csv(shop, {}),
        headers={"Content-Type": "text/csv", "Authorization": f"Bearer {shop.office.token}"},
    )
    assert response.status_code == 202, response.text
    return {"import_id": response.json()["import_id"]}


_products = id_of("/catalog/v1/products", _product, "product_id")
_categories = id_of("/catalog/v1/categories", _category, "category_id")
_promotions = id_of("/catalog/v1/promotions", _promotion, "promotion_id")
_tax_categories = _coded("/catalog/v1/tax-categories", _tax_category)
_price_lists = _coded("/catalog/v1/price-lists", _price_list)
_LAYOUT = {"prefix": "27", "item_digits": 5, "value_digits": 5, "value_kind": "weight", "value_decimals": 3}

CATALOG: dict[str, Recipe] = {
    "POST /catalog/v1/products": Recipe(body=lambda shop, names: _product(shop)),
    "GET /catalog/v1/products": Recipe(),
    "GET /catalog/v1/products/by-barcode/{text}": Recipe(lambda shop: {"text": BREAD_EAN}),
    "GET /catalog/v1/products/{product_id}": Recipe(_products),
    "PUT /catalog/v1/products/{product_id}": Recipe(
        _products,
        lambda shop, names: {
            **_product(shop),
            "code": shop.office("GET", f"/catalog/v1/products/{names['product_id']}")["code"],
            "version": version_of(shop, f"/catalog/v1/products/{names['product_id']}"),
        },
    ),
    "GET /catalog/v1/products/{product_id}/prices": Recipe(_products),
    "PUT /catalog/v1/products/{product_id}/prices": Recipe(
        _products,
        changed("/catalog/v1/products/{product_id}", prices=[{"price_list": "retail", "amount_minor": 199}]),
    ),
    "POST /catalog/v1/categories": Recipe(body=lambda shop, names: _category(shop)),
    "GET /catalog/v1/categories": Recipe(),
    "GET /catalog/v1/categories/{category_id}": Recipe(_categories),
    "PUT /catalog/v1/categories/{category_id}": Recipe(
        _categories, changed("/catalog/v1/categories/{category_id}", name="Hot drinks")
    ),
    "POST /catalog/v1/tax-categories": Recipe(body=lambda shop, names: _tax_category(shop)),
    "GET /catalog/v1/tax-categories": Recipe(),
    "GET /catalog/v1/tax-categories/{code}": Recipe(_tax_categories),
    "PUT /catalog/v1/tax-categories/{code}": Recipe(
        _tax_categories, changed("/catalog/v1/tax-categories/{code}", name="Zero", rates=[])
    ),
    "POST /catalog/v1/price-lists": Recipe(body=lambda shop, names: _price_list(shop)),
    "GET /catalog/v1/price-lists": Recipe(),
    "GET /catalog/v1/price-lists/{code}": Recipe(_price_lists),
    "PUT /catalog/v1/price-lists/{code}": Recipe(
        _price_lists,
        changed("/catalog/v1/price-lists/{code}", name="Gold", currency=CURRENCY, store_ids=[str(uuid4())]),
    ),
    "POST /catalog/v1/promotions": Recipe(body=lambda shop, names: _promotion(shop)),
    "GET /catalog/v1/promotions": Recipe(),
    "GET /catalog/v1/promotions/{promotion_id}": Recipe(_promotions),
    "PUT /catalog/v1/promotions/{promotion_id}": Recipe(
        _promotions,
        lambda shop, names: {
            **_promotion(shop),
            "version": version_of(shop, f"/catalog/v1/promotions/{names['promotion_id']}"),
        },
    ),
    "GET /catalog/v1/barcode-layouts": Recipe(),
    "PUT /catalog/v1/barcode-layouts": Recipe(body=changed("/catalog/v1/barcode-layouts", layouts=[_LAYOUT])),
    "GET /catalog/v1/stock": Recipe(query=lambda shop: {"store_id": shop.store_id}),
    "GET /catalog/v1/stock/{store_id}/{product_id}/movements": Recipe(_stocked),
    "POST /catalog/v1/stock/movements": Recipe(
        body=lambda shop, names: {
            "store_id": shop.store_id,
            "reason": "receipt",
            "lines": [{"product_id": shop.bread, "quantity": "12"}],
        }
    ),
    "PUT /catalog/v1/stock/{store_id}/{product_id}/reorder-point": Recipe(
        _stocked, lambda shop, names: {"reorder_point": "6"}
    ),
    "POST /catalog/v1/imports": Recipe(body=_csv),
    "GET /catalog/v1/imports": Recipe(),
    "GET /catalog/v1/imports/{import_id}": Recipe(_import),
    "GET /catalog/v1/imports/{import_id}/refusals": Recipe(_import),
    "GET /catalog/v1/imports/{import_id}/refusals.csv": Recipe(_import),
    "GET /catalog/v1/search": Recipe(query=lambda shop: {"q": "bread"}),
    "GET /catalog/v1/snapshot": Recipe(),
    "GET /catalog/v1/changes": Recipe(query=lambda shop: {"after": "0", "wait": "0"}),
    "GET /catalog/v1/exports/products": Recipe(),
    "GET /catalog/v1/exports/prices": Recipe(),
}
