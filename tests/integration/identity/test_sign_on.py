from __future__ import annotations

import asyncio
from datetime import timedelta

import httpx
import pytest
from joserfc import jws
from joserfc.jwk import ECKey

from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import running
from services.identity.service import definition
from tests.integration.identity.installation import (
    CASHIER_PIN,
    MANAGER_PIN,
    NOON,
    Installation,
    Shop,
    problem,
)


def at(moment: timedelta) -> str:
    return (NOON + moment).isoformat().replace("+00:00", "Z")


async def test_a_cashier_signs_on_at_a_till(shop: Shop) -> None:
    response = await shop.sign_on(shop.till, "KIM", CASHIER_PIN)
    assert response.status_code == 201
    answer = response.json()
    assert answer["token_type"] == "Bearer"
    assert answer["expires_at"] == at(timedelta(hours=12))
    assert answer["till"] == {"id": shop.till_id, "code": "1", "name": "Till 1"}
    assert answer["store"] == {"id": shop.store_id, "code": "B01", "name": "Berlin Mitte"}
    staff = answer["staff"]
    assert (staff["id"], staff["code"], staff["name"], staff["roles"]) == (shop.cashier_id, "kim", "Kim", ["cashier"])
    assert staff["limits"] == {"discount_percent": "10", "refund_minor": 5_000, "cash_out_minor": 0}
    assert "sales.sell" in staff["permissions"]
    assert "sales.void" not in staff["permissions"]
    assert await shop.done("GET", "/me", token=answer["access_token"]) == {
        "id": shop.cashier_id,
        "kind": "staff",
        "name": "Kim",
        "permissions": staff["permissions"],
        "limits": staff["limits"],
        "all_stores": False,
        "store_ids": [shop.store_id],
        "store_id": shop.store_id,
        "till_id": shop.till_id,
    }


async def test_the_claims_are_those_that_every_service_reads(shop: Shop) -> None:
    token = await shop.cashier()
    claims = jws.extract_compact(token.encode())
    keys = (await shop.call("GET", "/jwks.json")).json()["keys"]
    assert claims.headers() == {"alg": "ES256", "kid": keys[0]["kid"], "typ": "JWT"}
    payload = httpx.Response(200, content=claims.payload).json()
    assert payload["iss"] == "tillstream"
    assert payload["sub"] == shop.cashier_id
    assert payload["kind"] == "staff"
    assert payload["iat"] == int(NOON.timestamp())
    assert payload["exp"] == int(NOON.timestamp()) + 43_200
    assert payload["limits"] == {"discount_ppm": 100_000, "refund_minor": 5_000, "cash_out_minor": 0}
    assert (payload["store_id"], payload["till_id"]) == (shop.store_id, shop.till_id)


async def test_a_token_expires(shop: Shop) -> None:
    token = await shop.cashier()
    shop.clock.advance(hours=12, seconds=30)
    await shop.done("GET", "/me", token=token)
    shop.clock.advance(seconds=1)
    assert "has expired" in problem(await shop.call("GET", "/me", token=token), 401, "unauthenticated")


async def test_tokens_that_are_none(shop: Shop) -> None:
    token = await shop.cashier()
    header, payload, signature = token.split(".")
    forged = ECKey.generate_key("P-256")
    for wrong in (
        "x",
        f"{header}.{payload}.",
        f"{header}.{payload}x.{signature}",
        jws.serialize_compact(
            {"alg": "ES256", "kid": (await shop.call("GET", "/jwks.json")).json()["keys"][0]["kid"]}, b"{}", forged
        ),
    ):
        answer = await shop.call("GET", "/me", token=wrong)
        problem(answer, 401, "unauthenticated")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Sign on first" in problem(await shop.call("GET", "/me"), 401, "unauthenticated")


async def test_wrong_pins_lead_to_growing_pauses(shop: Shop) -> None:
    for left in (4, 3, 2):
        sentence = problem(await shop.sign_on(shop.till, "kim", "0815"), 401, "wrong-secret")
        assert sentence == f"The staff code or the PIN is wrong. {left} more tries before a pause."
    sentence = problem(await shop.sign_on(shop.till, "kim", "0815"), 401, "wrong-secret")
    assert sentence == "The staff code or the PIN is wrong. 1 more try before a pause."
    fifth = await shop.sign_on(shop.till, "kim", "0815")
    assert "Wait 30 seconds" in problem(fifth, 401, "wrong-secret")
    assert fifth.headers["Retry-After"] == "30"
    locked = await shop.sign_on(shop.till, "kim", CASHIER_PIN)
    assert "Wait 30 seconds" in problem(locked, 429, "locked-out")
    shop.clock.advance(seconds=30)
    assert "Wait 60 seconds" in problem(await shop.sign_on(shop.till, "kim", "0815"), 401, "wrong-secret")
    shop.clock.advance(seconds=60)
    await shop.signed_on(shop.till, "kim", CASHIER_PIN)
    sentence = problem(await shop.sign_on(shop.till, "kim", "0815"), 401, "wrong-secret")
    assert "4 more tries" in sentence


async def test_an_unknown_code_is_answered_as_a_wrong_pin(shop: Shop) -> None:
    known = [await shop.sign_on(shop.till, "kim", "0815") for _ in range(6)]
    unknown = [await shop.sign_on(shop.till, "nobody", "0815") for _ in range(6)]
    for one, other in zip(known, unknown, strict=True):
        assert one.status_code == other.status_code
        assert one.json()["detail"] == other.json()["detail"]


async def test_other_people_are_not_locked_out(shop: Shop) -> None:
    for _ in range(5):
        await shop.sign_on(shop.till, "kim", "0815")
    assert (await shop.sign_on(shop.till, "max", MANAGER_PIN)).status_code == 201
    office = {"staff_code": "max", "password": "staple battery horse"}
    for _ in range(5):
        await shop.sign_on(shop.till, "max", "0815")
    # PIN and password are counted apart: whoever guesses at one does not shut the other.
    assert (await shop.call("POST", "/office-sign-ons", office)).status_code == 201


async def test_guesses_sent_at_once_are_all_counted(shop: Shop) -> None:
    answers = await asyncio.gather(*(shop.sign_on(shop.till, "kim", "0815") for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [401] * 5 + [429] * 15


async def test_lock_out_holds_on_another_replica_and_after_a_restart(shop: Shop) -> None:
    for _ in range(5):
        await shop.sign_on(shop.till, "kim", "0815")
    services = shop.services
    async with running(
        [definition],
        DatabaseServer(services.database_url),
        database_url=services.database_url,
        clock=shop.clock,
        secrets=services.secrets,
    ) as others:
        other = Installation(others, shop.clock)
        answer = await other.sign_on(shop.till, "kim", CASHIER_PIN)
    problem(answer, 429, "locked-out")


async def test_a_manager_unlocks(shop: Shop) -> None:
    for _ in range(5):
        await shop.sign_on(shop.till, "kim", "0815")
    path = f"/staff/{shop.cashier_id}"
    assert (await shop.done("GET", path))["pin_locked_until"] == at(timedelta(seconds=30))
    problem(await shop.call("POST", f"{path}/unlock", token=await shop.manager()), 403, "forbidden")
    await shop.done("POST", f"{path}/unlock")
    assert (await shop.done("GET", path))["pin_locked_until"] is None
    await shop.cashier()


async def test_disabled_staff_cannot_sign_on_and_their_token_ends_here_at_once(shop: Shop) -> None:
    manager = await shop.manager()
    await shop.done("PATCH", f"/staff/{shop.manager_id}", {"active": False, "version": 1})
    problem(await shop.call("GET", "/staff", token=manager), 401, "token-withdrawn")
    problem(await shop.sign_on(shop.till, "max", MANAGER_PIN), 401, "wrong-secret")
    office = {"staff_code": "max", "password": "staple battery horse"}
    problem(await shop.call("POST", "/office-sign-ons", office), 401, "wrong-secret")


async def test_staff_of_another_store_cannot_sign_on_here(shop: Shop) -> None:
    other = (await shop.add_store("B02"))["id"]
    await shop.add_staff("bob", store_ids=[other], roles=["cashier"], pin="2580")
    answer = await shop.sign_on(shop.till, "bob", "2580")
    assert "Bob does not work for store B01" in problem(answer, 403, "forbidden")
    entry = (await shop.audit("?action=sign_on_refused"))[0]
    assert (entry["subject_name"], entry["reason"]) == ("bob", "does not work for this store")


async def test_signing_on_takes_the_tills_own_token(shop: Shop) -> None:
    assert "Sign on first" in problem(
        await shop.call("POST", "/sign-ons", {"staff_code": "kim", "pin": CASHIER_PIN}), 401, "unauthenticated"
    )
    for token in (shop.administrator, await shop.cashier()):
        problem(await shop.sign_on(token, "kim", CASHIER_PIN), 403, "not-at-a-till")


async def test_the_back_office_asks_for_the_password(shop: Shop) -> None:
    good = {"staff_code": "MAX", "password": "staple battery horse"}
    answer = await shop.call("POST", "/office-sign-ons", good)
    assert answer.status_code == 201
    assert answer.json()["expires_at"] == at(timedelta(hours=8))
    me = await shop.done("GET", "/me", token=answer.json()["access_token"])
    assert (me["name"], me["store_id"], me["till_id"], me["store_ids"]) == ("Max", None, None, [shop.store_id])
    wrong = await shop.call("POST", "/office-sign-ons", good | {"password": MANAGER_PIN})
    assert "The staff code or the password is wrong" in problem(wrong, 401, "wrong-secret")
    without = await shop.call("POST", "/office-sign-ons", {"staff_code": "kim", "password": CASHIER_PIN})
    problem(without, 401, "wrong-secret")


async def test_signing_off_leaves_a_trace(shop: Shop) -> None:
    await shop.done("DELETE", "/sign-ons/current", token=await shop.cashier())
    entry = (await shop.audit("?action=signed_off"))[0]
    assert (entry["actor_name"], entry["till_id"], entry["store_id"]) == ("Kim", shop.till_id, shop.store_id)


async def test_a_hash_of_weaker_parameters_is_replaced_at_sign_on(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    statement = "select pin_hash from identity.staff where code = 'kim'"
    assert "m=8,t=1,p=1" in shop.rows(statement)[0]["pin_hash"]
    monkeypatch.setenv("TILLSTREAM_IDENTITY_ARGON2_ITERATIONS", "2")
    services = shop.services
    async with running(
        [definition],
        DatabaseServer(services.database_url),
        database_url=services.database_url,
        clock=shop.clock,
        secrets=services.secrets,
    ) as stronger:
        other = Installation(stronger, shop.clock)
        await other.signed_on(shop.till, "kim", CASHIER_PIN)
        assert "m=8,t=2,p=1" in shop.rows(statement)[0]["pin_hash"]
        await other.signed_on(shop.till, "kim", CASHIER_PIN)
