from __future__ import annotations

import asyncio
from datetime import timedelta

from tests.integration.identity.installation import NOON, Installation, Shop, problem


async def till_of(installation: Installation) -> tuple[str, str]:
    store_id = (await installation.set_up())["store"]["id"]
    return store_id, (await installation.add_till(store_id))["id"]


async def test_a_device_becomes_a_till_by_its_code(installation: Installation) -> None:
    store_id, till_id = await till_of(installation)
    issued = await installation.done("POST", f"/tills/{till_id}/enrolment-codes")
    assert issued["expires_at"] == (NOON + timedelta(minutes=15)).isoformat().replace("+00:00", "Z")
    typed = issued["code"].lower().replace("-", " ")
    enrolment = await installation.call("POST", "/enrolments", {"code": typed})
    assert enrolment.status_code == 201
    assert enrolment.json() == {
        "till_id": till_id,
        "store_id": store_id,
        "code": "1",
        "name": "Till 1",
        "secret": enrolment.json()["secret"],
    }
    assert [(event["enrolled"], event["headers"]["ce-sequence"]) for event in installation.events("till_changed")] == [
        (False, "1"),
        (True, "2"),
    ]
    answer = await installation.done("POST", "/tokens/till", {"till_id": till_id, "secret": enrolment.json()["secret"]})
    assert answer["token_type"] == "Bearer"
    assert answer["expires_at"] == (NOON + timedelta(minutes=15)).isoformat().replace("+00:00", "Z")
    assert await installation.done("GET", "/me", token=answer["access_token"]) == {
        "id": till_id,
        "kind": "till",
        "name": "Till 1",
        "permissions": ["catalog.read", "sales.read"],
        "limits": {"discount_percent": "0", "refund_minor": 0, "cash_out_minor": 0},
        "all_stores": False,
        "store_ids": [store_id],
        "store_id": store_id,
        "till_id": till_id,
    }


async def test_a_code_is_used_once(installation: Installation) -> None:
    _, till_id = await till_of(installation)
    code = await installation.enrolment_code(till_id)
    assert (await installation.call("POST", "/enrolments", {"code": code})).status_code == 201
    again = await installation.call("POST", "/enrolments", {"code": code})
    assert "was used already" in problem(again, 409, "enrolment-code-spent", "code")


async def test_of_many_who_use_one_code_at_once_one_wins(installation: Installation) -> None:
    _, till_id = await till_of(installation)
    code = await installation.enrolment_code(till_id)
    answers = await asyncio.gather(*(installation.call("POST", "/enrolments", {"code": code}) for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    won = next(answer for answer in answers if answer.status_code == 201)
    await installation.till_token(till_id, won.json()["secret"])
    assert (await installation.done("GET", f"/tills/{till_id}"))["version"] == 2


async def test_a_code_expires(installation: Installation) -> None:
    _, till_id = await till_of(installation)
    code = await installation.enrolment_code(till_id)
    installation.clock.advance(minutes=15)
    late = await installation.call("POST", "/enrolments", {"code": code})
    assert "has expired" in problem(late, 409, "enrolment-code-spent", "code")


async def test_a_newer_code_replaces_the_one_before(installation: Installation) -> None:
    _, till_id = await till_of(installation)
    old, new = await installation.enrolment_code(till_id), await installation.enrolment_code(till_id)
    replaced = await installation.call("POST", "/enrolments", {"code": old})
    assert "was replaced" in problem(replaced, 409, "enrolment-code-spent", "code")
    assert (await installation.call("POST", "/enrolments", {"code": new})).status_code == 201


async def test_issuing_and_using_codes_at_once_never_deadlocks(installation: Installation) -> None:
    _, till_id = await till_of(installation)
    for _ in range(5):
        code = await installation.enrolment_code(till_id)
        answers = await asyncio.gather(
            installation.call("POST", "/enrolments", {"code": code}),
            installation.as_administrator("POST", f"/tills/{till_id}/enrolment-codes"),
        )
        assert answers[0].status_code in (201, 409)
        assert answers[1].status_code == 201


async def test_an_unknown_code(installation: Installation) -> None:
    await installation.set_up()
    unknown = await installation.call("POST", "/enrolments", {"code": "2345-6789-ABCD"})
    problem(unknown, 404, "unknown-enrolment-code", "code")


async def test_enrolling_again_revokes_the_old_secret(shop: Shop) -> None:
    code = await shop.enrolment_code(shop.till_id)
    # The code alone revokes nothing: the shop keeps selling until the new device is there.
    await shop.till_token(shop.till_id, shop.till_secret)
    new = await shop.done("POST", "/enrolments", {"code": code})
    body = {"till_id": shop.till_id, "secret": shop.till_secret}
    assert "Enrol this device" in problem(await shop.call("POST", "/tokens/till", body), 401, "wrong-secret")
    await shop.till_token(shop.till_id, new["secret"])


async def test_a_till_that_is_not_active_gets_nothing(shop: Shop) -> None:
    code = await shop.enrolment_code(shop.till_id)
    await shop.done("PATCH", f"/tills/{shop.till_id}", {"active": False, "version": 2})
    body = {"till_id": shop.till_id, "secret": shop.till_secret}
    problem(await shop.call("POST", "/tokens/till", body), 403, "till-disabled")
    problem(await shop.call("POST", "/enrolments", {"code": code}), 403, "till-disabled")
    problem(await shop.as_administrator("POST", f"/tills/{shop.till_id}/enrolment-codes"), 403, "till-disabled")
    assert "Till 1 is not active" in problem(await shop.sign_on(shop.till, "kim", "4711"), 403, "till-disabled")
    assert shop.events("till_changed")[-1]["active"] is False


async def test_a_closed_stores_tills_get_nothing(shop: Shop) -> None:
    await shop.done("PATCH", f"/stores/{shop.store_id}", {"active": False, "version": 1})
    body = {"till_id": shop.till_id, "secret": shop.till_secret}
    problem(await shop.call("POST", "/tokens/till", body), 403, "till-disabled")
    assert "Store B01 is not active" in problem(await shop.sign_on(shop.till, "kim", "4711"), 403, "till-disabled")


async def test_a_foreign_secret_is_none(shop: Shop) -> None:
    other = (await shop.add_till(shop.store_id, "2"))["id"]
    body = {"till_id": other, "secret": shop.till_secret}
    problem(await shop.call("POST", "/tokens/till", body), 401, "wrong-secret")


async def test_a_cashier_enrols_no_till(shop: Shop) -> None:
    cashier = await shop.cashier()
    answer = await shop.call("POST", f"/tills/{shop.till_id}/enrolment-codes", token=cashier)
    assert "identity.manage_stores is missing" in problem(answer, 403, "forbidden")
