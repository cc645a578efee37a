"""Recipes for device gateways and for what they print."""

from __future__ import annotations

from base64 import b64encode
from uuid import uuid4

from tests.contract.living_shop import Json, LivingShop
from tests.contract.recipes.recipe import Names, Recipe, changed, id_of, new_code, nobody
from tests.unit.sales.printing.test_logo import picture


def _gateway(shop: LivingShop) -> Json:
    return {"store_id": shop.store_id, "code": new_code(), "name": "Store PC", "till_ids": [shop.new_till().id]}


_gateways = id_of("/identity/v1/gateways", _gateway, "gateway_id")


def _code(shop: LivingShop) -> str:
    made = shop.office("POST", "/identity/v1/gateways", _gateway(shop))
    return str(shop.office("POST", f"/identity/v1/gateways/{made['id']}/enrolment-codes")["code"])


def _token(shop: LivingShop, names: Names) -> Json:
    enrolled = shop.anonymous("POST", "/identity/v1/gateway-enrolments", {"code": _code(shop)})
    return {"gateway_id": enrolled["gateway_id"], "secret": enrolled["secret"]}


def _sale(shop: LivingShop) -> Names:
    return {"sale_id": shop.sale()["sale_id"]}


def _print(kind: str, shop: LivingShop) -> Json:
    return {"print_id": str(uuid4()), "kind": kind, "till_id": shop.printing_till_id, "language": "zh"}


PRINTING: dict[str, Recipe] = {
    "POST /identity/v1/gateways": Recipe(body=lambda shop, names: _gateway(shop), spent=True),
    "GET /identity/v1/gateways": Recipe(),
    "GET /identity/v1/gateways/{gateway_id}": Recipe(_gateways),
    "PATCH /identity/v1/gateways/{gateway_id}": Recipe(
        _gateways, changed("/identity/v1/gateways/{gateway_id}", name="The PC below the counter")
    ),
    "POST /identity/v1/gateways/{gateway_id}/enrolment-codes": Recipe(_gateways),
    "POST /identity/v1/gateway-enrolments": Recipe(
        body=lambda shop, names: {"code": _code(shop)}, token=nobody, spent=True
    ),
    "POST /identity/v1/tokens/gateway": Recipe(body=_token, token=nobody),
    "PUT /sales/v1/baskets/{basket_id}/receipt-email": Recipe(
        lambda shop: {"basket_id": shop.basket()["basket_id"]}, lambda shop, names: {"address": "anna@example.org"}
    ),
    "POST /sales/v1/sales/{sale_id}/prints": Recipe(_sale, lambda shop, names: _print("gift_receipt", shop)),
    "GET /sales/v1/sales/{sale_id}/prints": Recipe(_sale),
    "GET /sales/v1/sales/{sale_id}/slips": Recipe(_sale),
    "POST /sales/v1/shifts/{shift_id}/prints": Recipe(
        lambda shop: {"shift_id": shop.shift_id}, lambda shop, names: _print("x_report", shop)
    ),
    "GET /sales/v1/tills/{till_id}/printing": Recipe(lambda shop: {"till_id": shop.first.id}),
    "GET /sales/v1/receipt-layouts/{kind}": Recipe(lambda shop: {"kind": "receipt"}),
    "PUT /sales/v1/receipt-layouts/{kind}": Recipe(
        lambda shop: {"kind": "gift_receipt"}, lambda shop, names: {"template": "!store\n!lines\n!code"}
    ),
    "DELETE /sales/v1/receipt-layouts/{kind}": Recipe(lambda shop: {"kind": "z_report"}),
    "GET /sales/v1/receipt-logo": Recipe(
        lambda shop: shop.office("PUT", "/sales/v1/receipt-logo", _logo()) and {},
    ),
    "PUT /sales/v1/receipt-logo": Recipe(body=lambda shop, names: _logo()),
    "DELETE /sales/v1/receipt-logo": Recipe(),
}


def _logo() -> Json:
    return {"png": b64encode(picture(64, 32)).decode()}
