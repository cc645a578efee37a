from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from libs.testkit.databases import DatabaseServer
from tests.integration.identity.installation import NOON, Installation, Shop, installed, problem

MANAGEMENT = "http://rabbit.test:15672"


async def gateway_of(shop: Installation, store_id: str, *till_ids: str, code: str = "PC1") -> dict[str, Any]:
    body = {"store_id": store_id, "code": code, "name": f"Store PC {code}", "till_ids": list(till_ids)}
    made: dict[str, Any] = await shop.done("POST", "/gateways", body)
    return made


async def code_of(shop: Installation, gateway_id: str) -> str:
    return str((await shop.done("POST", f"/gateways/{gateway_id}/enrolment-codes"))["code"])


async def enrolled(shop: Installation, gateway_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = await shop.done("POST", "/gateway-enrolments", {"code": await code_of(shop, gateway_id)})
    return answer


async def test_a_store_pc_becomes_a_gateway_by_its_code(shop: Shop) -> None:
    second = (await shop.add_till(shop.store_id, "2"))["id"]
    gateway = await gateway_of(shop, shop.store_id, shop.till_id, second)
    issued = await shop.done("POST", f"/gateways/{gateway['id']}/enrolment-codes")
    assert issued["expires_at"] == (NOON + timedelta(minutes=15)).isoformat().replace("+00:00", "Z")
    answer = await shop.call("POST", "/gateway-enrolments", {"code": issued["code"].lower().replace("-", " ")})
    assert answer.status_code == 201
    assert answer.json() == {
        "gateway_id": gateway["id"],
        "store_id": shop.store_id,
        "secret": answer.json()["secret"],
        "tills": [{"till_id": shop.till_id, "code": "1"}, {"till_id": second, "code": "2"}],
        "broker": None,
    }
    events = shop.events("gateway_changed")
    assert [(event["enrolled"], event["active"], event["headers"]["ce-sequence"]) for event in events] == [
        (False, True, "1"),
        (True, True, "2"),
    ]
    assert events[-1]["till_ids"] == sorted([shop.till_id, second])
    token = await shop.done("POST", "/tokens/gateway", {"gateway_id": gateway["id"], "secret": answer.json()["secret"]})
    me = await shop.done("GET", "/me", token=token["access_token"])
    assert (me["id"], me["kind"], me["permissions"], me["store_id"], me["till_id"]) == (
        gateway["id"],
        "gateway",
        ["gateway.*"],
        shop.store_id,
        None,
    )
    trail = [entry["action"] for entry in await shop.audit(f"?subject_id={gateway['id']}")]
    assert trail == ["gateway_enrolled", "gateway_code_issued", "gateway_added"]


async def test_enrolling_a_pc_anew_revokes_the_secret_before(shop: Shop) -> None:
    gateway = await gateway_of(shop, shop.store_id, shop.till_id)
    old = await enrolled(shop, gateway["id"])
    new = await enrolled(shop, gateway["id"])
    body = {"gateway_id": gateway["id"], "secret": old["secret"]}
    assert "Enrol this PC" in problem(await shop.call("POST", "/tokens/gateway", body), 401, "wrong-secret")
    await shop.done("POST", "/tokens/gateway", body | {"secret": new["secret"]})


async def test_a_code_is_used_once_also_by_many_at_once(shop: Shop) -> None:
    gateway = await gateway_of(shop, shop.store_id, shop.till_id)
    code = await code_of(shop, gateway["id"])
    answers = await asyncio.gather(*(shop.call("POST", "/gateway-enrolments", {"code": code}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 5
    again = await shop.call("POST", "/gateway-enrolments", {"code": code})
    assert "was used already" in problem(again, 409, "enrolment-code-spent", "code")


async def test_a_code_that_is_late_replaced_or_a_tills_enrols_no_gateway(shop: Shop) -> None:
    gateway = await gateway_of(shop, shop.store_id, shop.till_id)
    replaced, present = await code_of(shop, gateway["id"]), await code_of(shop, gateway["id"])
    answer = await shop.call("POST", "/gateway-enrolments", {"code": replaced})
    assert "was replaced" in problem(answer, 409, "enrolment-code-spent", "code")
    shop.clock.advance(minutes=15)
    answer = await shop.call("POST", "/gateway-enrolments", {"code": present})
    assert "has expired" in problem(answer, 409, "enrolment-code-spent", "code")
    tills = await shop.enrolment_code(shop.till_id)
    problem(await shop.call("POST", "/gateway-enrolments", {"code": tills}), 404, "unknown-enrolment-code", "code")


async def test_a_till_belongs_to_one_gateway(shop: Shop) -> None:
    first = await gateway_of(shop, shop.store_id, shop.till_id)
    body = {"store_id": shop.store_id, "code": "PC2", "name": "Second", "till_ids": [shop.till_id]}
    sentence = problem(await shop.as_administrator("POST", "/gateways", body), 409, "till-served-elsewhere", "till_ids")
    assert sentence == "The devices of till 1 belong to gateway PC1. Take the till away there first."
    await shop.done("PATCH", f"/gateways/{first['id']}", {"version": 1, "till_ids": []})
    second = await shop.done("POST", "/gateways", body)
    assert second["till_ids"] == [shop.till_id]
    assert shop.events("gateway_changed")[-2]["till_ids"] == []
    refused = await shop.as_administrator("POST", f"/gateways/{first['id']}/enrolment-codes")
    assert "serves no till" in problem(refused, 403, "gateway-disabled")


async def test_tills_are_of_the_gateways_store_and_named_once(shop: Shop) -> None:
    other = await shop.add_store("B02")
    body = {"store_id": other["id"], "code": "PC1", "name": "PC", "till_ids": [shop.till_id]}
    sentence = problem(await shop.as_administrator("POST", "/gateways", body), 422, "invalid", "till_ids")
    assert sentence == f"till_ids: there is no till {shop.till_id} in the gateway's store"
    twice = body | {"store_id": shop.store_id, "till_ids": [shop.till_id, shop.till_id]}
    assert (await shop.as_administrator("POST", "/gateways", twice)).status_code == 422
    await gateway_of(shop, shop.store_id)
    again = await shop.as_administrator("POST", "/gateways", body | {"store_id": shop.store_id, "code": "pc1"})
    problem(again, 409, "code-taken", "code")


async def test_a_gateway_that_is_not_active_gets_nothing(shop: Shop) -> None:
    gateway = await gateway_of(shop, shop.store_id, shop.till_id)
    enrolment = await enrolled(shop, gateway["id"])
    code = await code_of(shop, gateway["id"])
    await shop.done("PATCH", f"/gateways/{gateway['id']}", {"version": 2, "active": False})
    problem(
        await shop.call("POST", "/tokens/gateway", {"gateway_id": gateway["id"], "secret": enrolment["secret"]}),
        403,
        "gateway-disabled",
    )
    problem(await shop.call("POST", "/gateway-enrolments", {"code": code}), 403, "gateway-disabled")
    assert shop.events("gateway_changed")[-1]["active"] is False
    stale = await shop.as_administrator("PATCH", f"/gateways/{gateway['id']}", {"version": 2, "active": True})
    problem(stale, 409, "changed-meanwhile", "version")


async def test_who_may_read_and_change_gateways(shop: Shop) -> None:
    gateway = await gateway_of(shop, shop.store_id, shop.till_id)
    path = f"/gateways/{gateway['id']}"
    cashier, manager = await shop.cashier(), await shop.manager()
    problem(await shop.call("GET", path, token=cashier), 403, "forbidden")
    assert (await shop.done("GET", path, token=manager))["code"] == "PC1"
    assert [one["id"] for one in (await shop.done("GET", "/gateways", token=manager))["items"]] == [gateway["id"]]
    for method, where, body in (
        ("PATCH", path, {"version": 1, "name": "X"}),
        ("POST", f"{path}/enrolment-codes", None),
        ("POST", "/gateways", {"store_id": shop.store_id, "code": "P", "name": "P"}),
    ):
        assert "manage_stores is missing" in problem(
            await shop.call(method, where, body, token=manager), 403, "forbidden"
        )
    elsewhere = await shop.add_store("B02")
    theirs = await gateway_of(shop, elsewhere["id"])
    problem(await shop.call("GET", f"/gateways/{theirs['id']}", token=manager), 403, "forbidden")
    assert [one["id"] for one in (await shop.done("GET", "/gateways", token=manager))["items"]] == [gateway["id"]]


@pytest.fixture
def with_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLSTREAM_IDENTITY_RABBITMQ_MANAGEMENT_URL", "http://root:hidden-word@rabbit.test:15672")
    monkeypatch.setenv("TILLSTREAM_IDENTITY_GATEWAY_RABBITMQ_URL", "amqps://bus.shop.example:5671")
    monkeypatch.setenv("TILLSTREAM_IDENTITY_REMOVE_BROKER_ACCOUNTS_EVERY_S", "0.05")


async def test_a_code_survives_a_broker_that_is_away(with_broker: None, postgres_server: DatabaseServer) -> None:
    async with installed(postgres_server) as shop:
        store_id = (await shop.set_up())["store"]["id"]
        gateway = await gateway_of(shop, store_id, (await shop.add_till(store_id))["id"])
        code = await code_of(shop, gateway["id"])
        with respx.mock(base_url=MANAGEMENT, assert_all_called=False) as broker:
            route = broker.route().mock(side_effect=httpx.ConnectError("nobody there"))
            sentence = problem(await shop.call("POST", "/gateway-enrolments", {"code": code}), 503, "broker-away")
            assert "Try the same code again" in sentence
            assert "hidden-word" not in sentence
            assert (await shop.done("GET", f"/gateways/{gateway['id']}"))["enrolled"] is False
            route.mock(side_effect=None, return_value=httpx.Response(204))
            answer = await shop.done("POST", "/gateway-enrolments", {"code": code})
            user, _, rest = answer["broker"]["url"].removeprefix("amqps://").partition(":")
            password, _, place = rest.partition("@")
            assert (user, place) == (f"gateway.{gateway['id']}", "bus.shop.example:5671/")
            assert len(password) == 43
        trail = [entry["action"] for entry in await shop.audit(f"?subject_id={gateway['id']}")]
        assert trail[:2] == ["gateway_enrolled", "gateway_enrolment_failed"]
        assert password not in str(shop.rows("select * from identity.outbox"))
        assert password not in str(shop.rows("select * from identity.audit"))


async def test_the_broker_forgets_a_gateway_that_is_switched_off(
    with_broker: None, postgres_server: DatabaseServer
) -> None:
    async with installed(postgres_server) as shop:
        store_id = (await shop.set_up())["store"]["id"]
        gateway = await gateway_of(shop, store_id, (await shop.add_till(store_id))["id"])
        with respx.mock(base_url=MANAGEMENT, assert_all_called=False) as broker:
            removed = broker.delete(f"/api/users/gateway.{gateway['id']}").respond(204)
            broker.route().respond(204)
            await enrolled(shop, gateway["id"])
            await shop.done("PATCH", f"/gateways/{gateway['id']}", {"version": 2, "active": False})
            async with asyncio.timeout(10):
                while shop.rows("select 1 from identity.gateways where broker_account_at is not null"):
                    await asyncio.sleep(0.02)
            # Once by the enrolment, which makes the user anew, and once because it was switched off.
            assert removed.call_count == 2
