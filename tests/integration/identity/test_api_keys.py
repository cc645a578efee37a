from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.integration.identity.installation import NOON, Shop, problem
from tests.integration.identity.test_staff_and_roles import personnel


def at(moment: timedelta) -> str:
    return (NOON + moment).isoformat().replace("+00:00", "Z")


async def made(shop: Shop, **values: Any) -> dict[str, Any]:
    key: dict[str, Any] = await shop.done(
        "POST", "/api-keys", {"name": "Web shop", "scopes": ["catalog.read"], "all_stores": True} | values
    )
    return key


async def test_a_key_is_shown_once_and_exchanged_for_a_short_token(shop: Shop) -> None:
    key = await made(shop, scopes=["sales.read", "catalog.*"], expires_at=at(timedelta(days=30)))
    assert key["key"].startswith("ts_")
    assert key["hint"] == key["key"][:9]
    shown = {name: value for name, value in key.items() if name != "key"}
    assert shown == {
        "id": key["id"],
        "name": "Web shop",
        "hint": key["hint"],
        "scopes": ["catalog.*", "sales.read"],
        "all_stores": True,
        "store_ids": [],
        "expires_at": at(timedelta(days=30)),
        "revoked_at": None,
        "last_used_at": None,
        "created_at": at(timedelta()),
        "created_by": "Ada Root",
    }
    assert (await shop.done("GET", "/api-keys"))["items"] == [shown]
    shop.clock.advance(minutes=5)
    token = await shop.done("POST", "/tokens/api-key", {"key": key["key"]})
    assert token["expires_at"] == at(timedelta(minutes=20))
    assert token["scopes"] == ["catalog.*", "sales.read"]
    me = await shop.done("GET", "/me", token=token["access_token"])
    assert (me["id"], me["kind"], me["permissions"]) == (key["id"], "api_key", ["catalog.*", "sales.read"])
    assert (me["all_stores"], me["limits"]["refund_minor"]) == (True, 0)
    assert (await shop.done("GET", "/api-keys"))["items"][0]["last_used_at"] == at(timedelta(minutes=5))


async def test_a_token_never_outlives_its_key(shop: Shop) -> None:
    key = await made(shop, expires_at=at(timedelta(minutes=10)))
    token = await shop.done("POST", "/tokens/api-key", {"key": key["key"]})
    assert token["expires_at"] == at(timedelta(minutes=10))
    shop.clock.advance(minutes=10)
    answer = await shop.call("POST", "/tokens/api-key", {"key": key["key"]})
    assert "has expired" in problem(answer, 401, "wrong-secret")


async def test_a_wrong_scope_is_refused_by_name(shop: Shop) -> None:
    key = await made(shop, scopes=["catalog.read"])
    token = (await shop.done("POST", "/tokens/api-key", {"key": key["key"]}))["access_token"]
    answer = await shop.call("GET", "/staff", token=token)
    assert "identity.read is missing" in problem(answer, 403, "forbidden")


async def test_a_key_of_some_stores_reads_of_those(shop: Shop) -> None:
    await shop.add_store("B02")
    key = await made(shop, scopes=["identity.*"], all_stores=False, store_ids=[shop.store_id])
    token = (await shop.done("POST", "/tokens/api-key", {"key": key["key"]}))["access_token"]
    assert [store["code"] for store in (await shop.done("GET", "/stores", token=token))["items"]] == ["B01"]


async def test_a_revoked_key_is_useless(shop: Shop) -> None:
    key = await made(shop, scopes=["identity.read"])
    token = (await shop.done("POST", "/tokens/api-key", {"key": key["key"]}))["access_token"]
    await shop.done("GET", "/staff", token=token)
    assert (await shop.as_administrator("DELETE", f"/api-keys/{key['id']}")).status_code == 204
    answer = await shop.call("POST", "/tokens/api-key", {"key": key["key"]})
    assert "was revoked" in problem(answer, 401, "wrong-secret")
    problem(await shop.call("GET", "/staff", token=token), 401, "token-withdrawn")
    assert (await shop.as_administrator("DELETE", f"/api-keys/{key['id']}")).status_code == 204
    assert (await shop.done("GET", "/api-keys"))["items"][0]["revoked_at"] == at(timedelta())
    assert len(await shop.audit("?action=api_key_revoked")) == 1


async def test_unknown_keys(shop: Shop) -> None:
    await made(shop)
    for text in ("ts_x", "x" * 200, "ключ"):
        problem(await shop.call("POST", "/tokens/api-key", {"key": text}), 401, "wrong-secret")
    problem(await shop.call("POST", "/tokens/api-key", {"key": "x" * 201}), 422, "invalid-request", "key")


async def test_wrong_keys_name_the_field(shop: Shop) -> None:
    good: dict[str, Any] = {"name": "Web shop", "scopes": ["catalog.read"], "all_stores": True}
    wrong: tuple[tuple[dict[str, Any], str, str], ...] = (
        ({"scopes": []}, "invalid-request", "scopes"),
        ({"scopes": ["catalog.fly"]}, "invalid-request", "scopes.0"),
        ({"scopes": ["*"]}, "invalid-request", "scopes.0"),
        ({"all_stores": False}, "invalid-request", "store_ids"),
        ({"store_ids": [shop.store_id]}, "invalid-request", "store_ids"),
        ({"expires_at": at(timedelta())}, "invalid", "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "invalid", "expires_at"),
        ({"expires_at": "2026-12-31T23:59:59"}, "invalid-request", "expires_at"),
    )
    for change, slug, field in wrong:
        problem(await shop.as_administrator("POST", "/api-keys", good | change), 422, slug, field)


async def test_nobody_makes_a_key_that_may_more_than_they(shop: Shop) -> None:
    pat = await personnel(shop)
    good = {"name": "Key", "scopes": ["sales.read"], "store_ids": [shop.store_id]}
    assert (await shop.call("POST", "/api-keys", good, token=pat)).status_code == 201
    for scopes in (["sales.void"], ["sales.*"]):
        answer = await shop.call("POST", "/api-keys", good | {"scopes": scopes}, token=pat)
        assert "sales.void" in problem(answer, 403, "above-own-rights", "scopes")
    everywhere = {"name": "Key", "scopes": ["sales.read"], "all_stores": True}
    problem(await shop.call("POST", "/api-keys", everywhere, token=pat), 403, "forbidden")
    foreign = await made(shop)
    problem(await shop.call("DELETE", f"/api-keys/{foreign['id']}", token=pat), 403, "forbidden")
