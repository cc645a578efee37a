"""Recipes for identity: what each resource begins with, and how it is changed."""

from __future__ import annotations

from uuid import uuid4

from tests.contract.living_shop import ADMINISTRATOR, CLERK_PASSWORD, MANAGER_CODE, MANAGER_PIN, STORE, Json, LivingShop
from tests.contract.recipes.recipe import Names, Recipe, changed, id_of, new_code, nobody


def _store(shop: LivingShop) -> Json:
    return STORE | {"code": new_code()}


def _staff(shop: LivingShop) -> Json:
    return {"code": new_code(), "name": "Niamh", "roles": ["cashier"], "store_ids": [shop.store_id], "pin": "48159"}


def _role(shop: LivingShop) -> Json:
    return {"code": new_code(), "name": "Stock clerk", "permissions": ["catalog.read"], "limits": {"refund_minor": 100}}


def _key(shop: LivingShop) -> Json:
    return {"name": "Webshop", "scopes": ["catalog.read"], "all_stores": True}


def _spare_till(shop: LivingShop) -> Names:
    return {"till_id": shop.spare.id}


def _enrolment(shop: LivingShop, names: Names) -> Json:
    return {"code": shop.office("POST", f"/identity/v1/tills/{shop.spare.id}/enrolment-codes")["code"]}


_stores = id_of("/identity/v1/stores", _store, "store_id")
_staff_members = id_of("/identity/v1/staff", _staff, "staff_id")
_roles = id_of("/identity/v1/roles", _role, "role_id")
_keys = id_of("/identity/v1/api-keys", _key, "key_id")


IDENTITY: dict[str, Recipe] = {
    "POST /identity/v1/set-up": Recipe(
        body=lambda shop, names: {
            "setup_code": shop.setup_code,
            "chain_name": "Corner",
            "administrator": ADMINISTRATOR,
            "store": STORE,
        },
        token=nobody,
        never="an installation is set up once, and this one is",
    ),
    "GET /identity/v1/chain": Recipe(),
    "PATCH /identity/v1/chain": Recipe(body=changed("/identity/v1/chain", name="Corner")),
    "POST /identity/v1/sign-ons": Recipe(
        body=lambda shop, names: {"staff_code": MANAGER_CODE, "pin": MANAGER_PIN},
        token=lambda shop: shop.first.device_token,
    ),
    "POST /identity/v1/office-sign-ons": Recipe(
        body=lambda shop, names: {"staff_code": "clerk", "password": CLERK_PASSWORD}, token=nobody
    ),
    "DELETE /identity/v1/sign-ons/current": Recipe(),
    "GET /identity/v1/me": Recipe(),
    "POST /identity/v1/enrolments": Recipe(body=_enrolment, token=nobody),
    "POST /identity/v1/tokens/till": Recipe(
        body=lambda shop, names: {"till_id": shop.second.id, "secret": shop.second.secret}, token=nobody
    ),
    "POST /identity/v1/tokens/api-key": Recipe(
        body=lambda shop, names: {"key": shop.office("POST", "/identity/v1/api-keys", _key(shop))["key"]},
        token=nobody,
    ),
    "GET /identity/v1/jwks.json": Recipe(token=nobody),
    "POST /identity/v1/stores": Recipe(body=lambda shop, names: _store(shop)),
    "GET /identity/v1/stores": Recipe(),
    "GET /identity/v1/stores/{store_id}": Recipe(_stores),
    "PATCH /identity/v1/stores/{store_id}": Recipe(_stores, changed("/identity/v1/stores/{store_id}", name="Ranelagh")),
    "POST /identity/v1/tills": Recipe(
        body=lambda shop, names: {"store_id": shop.store_id, "code": new_code(), "name": "Kiosk"}
    ),
    "GET /identity/v1/tills": Recipe(),
    "GET /identity/v1/tills/{till_id}": Recipe(_spare_till),
    "PATCH /identity/v1/tills/{till_id}": Recipe(
        _spare_till, changed("/identity/v1/tills/{till_id}", name="Kiosk", active=True)
    ),
    "POST /identity/v1/tills/{till_id}/enrolment-codes": Recipe(_spare_till),
    "POST /identity/v1/staff": Recipe(body=lambda shop, names: _staff(shop)),
    "GET /identity/v1/staff": Recipe(),
    "GET /identity/v1/staff/{staff_id}": Recipe(_staff_members),
    "PATCH /identity/v1/staff/{staff_id}": Recipe(
        _staff_members, changed("/identity/v1/staff/{staff_id}", name="Aoife")
    ),
    "POST /identity/v1/staff/{staff_id}/unlock": Recipe(_staff_members),
    "PUT /identity/v1/staff/{staff_id}/pin": Recipe(_staff_members, lambda shop, names: {"pin": "63928"}),
    "PUT /identity/v1/staff/{staff_id}/password": Recipe(
        _staff_members, lambda shop, names: {"password": "slate and chalk 7"}
    ),
    "POST /identity/v1/roles": Recipe(body=lambda shop, names: _role(shop)),
    "GET /identity/v1/roles": Recipe(),
    "GET /identity/v1/roles/{role_id}": Recipe(_roles),
    "PUT /identity/v1/roles/{role_id}": Recipe(
        _roles,
        changed("/identity/v1/roles/{role_id}", name="Clerk", permissions=["catalog.read"], limits={"refund_minor": 5}),
    ),
    "POST /identity/v1/approvals": Recipe(
        body=lambda shop, names: {
            "approver_code": MANAGER_CODE,
            "pin": MANAGER_PIN,
            "action": "sales.void",
            "bound_to": str(uuid4()),
            "reason": "Wrong goods",
        }
    ),
    "POST /identity/v1/api-keys": Recipe(body=lambda shop, names: _key(shop)),
    "GET /identity/v1/api-keys": Recipe(),
    "DELETE /identity/v1/api-keys/{key_id}": Recipe(_keys),
    "GET /identity/v1/audit": Recipe(),
}
