from __future__ import annotations

import asyncio

from tests.integration.identity.installation import ADMINISTRATOR, STORE, Installation, Shop


async def test_set_up_makes_chain_roles_administrator_and_store(installation: Installation) -> None:
    made = await installation.set_up()
    assert made["chain"]["name"] == "Corner"
    assert made["administrator"]["code"] == "root"
    assert made["administrator"]["roles"] == ["administrator"]
    assert made["administrator"]["all_stores"] is True
    assert made["administrator"]["limits"]["discount_percent"] == "100"
    assert made["store"]["code"] == "B01"
    assert made["store"]["version"] == 1
    roles = (await installation.done("GET", "/roles"))["items"]
    assert [role["code"] for role in roles] == ["administrator", "cashier", "manager"]


async def test_open_shop(shop: Shop) -> None:
    assert shop.till
    assert await shop.cashier()
