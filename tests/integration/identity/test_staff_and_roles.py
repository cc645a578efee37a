from __future__ import annotations

import asyncio
from typing import Any

from tests.integration.identity.installation import CASHIER_PIN, MANAGER_PIN, Shop, problem


async def test_a_member_of_staff_is_added_with_facts_for_everybody(shop: Shop) -> None:
    given: dict[str, Any] = {
        "language": "pl",
        "store_ids": [shop.store_id],
        "roles": ["cashier", "manager"],
        "pin": "2580",
    }
    member = await shop.add_staff("Ola-1", **given)
    assert (member["code"], member["roles"], member["version"]) == ("Ola-1", ["cashier", "manager"], 1)
    assert (member["has_pin"], member["has_password"]) == (True, False)
    assert member["limits"] == {"discount_percent": "50", "refund_minor": 100_000, "cash_out_minor": 100_000}
    event = shop.events("staff_changed")[-1]
    assert event["headers"]["ce-sequence"] == "1"
    assert event["headers"]["ce-subject"] == member["id"]
    del event["headers"]
    assert event == {
        "staff_id": member["id"],
        "code": "Ola-1",
        "name": "Ola-1",
        "language": "pl",
        "store_ids": [shop.store_id],
        "roles": ["cashier", "manager"],
        "permissions": member["permissions"],
        "limits": {"discount_ppm": 500_000, "refund_minor": 100_000, "cash_out_minor": 100_000},
        "active": True,
        "all_stores": False,
    }


async def test_wrong_values_of_staff_name_the_field(shop: Shop) -> None:
    nowhere = "019a0000-0000-7000-8000-000000000000"
    good: dict[str, Any] = {"code": "ola", "name": "Ola", "store_ids": [shop.store_id]}
    wrong: tuple[tuple[dict[str, Any], str, str, str], ...] = (
        ({"pin": "4321"}, "invalid-request", "pin", "a PIN is not a run"),
        ({"pin": "4711", "code": "4711"}, "invalid", "pin", "must differ from the staff code"),
        ({"password": "short"}, "invalid-request", "password", "12 to 200"),
        ({"store_ids": []}, "invalid-request", "store_ids", "name at least one store"),
        ({"all_stores": True}, "invalid-request", "store_ids", "leave them away"),
        ({"store_ids": ["B01"]}, "invalid-request", "store_ids.0", "valid UUID"),
        ({"store_ids": [nowhere]}, "invalid", "store_ids", f"there is no store {nowhere}"),
        ({"roles": ["pilot"]}, "invalid", "roles", "there is no role pilot"),
        ({"roles": ["Cashier"]}, "invalid-request", "roles.0", "should match pattern"),
        ({"language": "xx"}, "invalid-request", "language", "not a language tag"),
        ({"permissions": ["sales.sell"]}, "invalid-request", "permissions", "not permitted"),
    )
    for change, slug, field, message in wrong:
        answer = await shop.as_administrator("POST", "/staff", good | change)
        assert message in problem(answer, 422, slug, field)
    taken = await shop.as_administrator("POST", "/staff", good | {"code": "KIM"})
    problem(taken, 409, "code-taken", "code")


async def test_staff_are_changed_by_the_version_that_was_read(shop: Shop) -> None:
    other = (await shop.add_store("B02"))["id"]
    path = f"/staff/{shop.cashier_id}"
    changed = await shop.done(
        "PATCH", path, {"name": "Kim N.", "store_ids": [shop.store_id, other], "roles": ["manager"], "version": 1}
    )
    assert (changed["name"], changed["roles"], changed["version"]) == ("Kim N.", ["manager"], 2)
    assert changed["store_ids"] == sorted([shop.store_id, other])
    late = await shop.as_administrator("PATCH", path, {"name": "Other"}, If_Match='"1"')
    problem(late, 409, "changed-meanwhile", "version")
    everywhere = await shop.done("PATCH", path, {"all_stores": True, "version": 2})
    assert (everywhere["all_stores"], everywhere["store_ids"], everywhere["version"]) == (True, [], 3)
    nowhere = await shop.as_administrator("PATCH", path, {"all_stores": False, "version": 3})
    assert "name at least one store" in problem(nowhere, 422, "invalid", "store_ids")
    same = await shop.done("PATCH", path, {"all_stores": True, "version": 3})
    assert same["version"] == 3
    assert [
        (event["name"], event["headers"]["ce-sequence"])
        for event in shop.events("staff_changed")
        if event["staff_id"] == shop.cashier_id
    ] == [("Kim", "1"), ("Kim N.", "2"), ("Kim N.", "3")]
    entry = (await shop.audit(f"?action=staff_changed&subject_id={shop.cashier_id}"))[-1]
    assert entry["before"] == {"name": "Kim", "roles": ["cashier"], "store_ids": [shop.store_id]}
    assert entry["after"] == {
        "name": "Kim N.",
        "roles": ["manager"],
        "store_ids": sorted([shop.store_id, other]),
    }


async def test_of_changes_at_once_to_one_version_one_wins(shop: Shop) -> None:
    path = f"/staff/{shop.cashier_id}"
    answers = await asyncio.gather(
        *(shop.as_administrator("PATCH", path, {"name": f"Kim {n}", "version": 1}) for n in range(5))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409]
    assert (await shop.done("GET", path))["version"] == 2


async def test_the_last_administrator_stays(shop: Shop) -> None:
    me = (await shop.done("GET", "/me", token=shop.administrator))["id"]
    path = f"/staff/{me}"
    for change in ({"active": False}, {"roles": ["manager"]}, {"all_stores": False, "store_ids": [shop.store_id]}):
        answer = await shop.as_administrator("PATCH", path, change | {"version": 1})
        assert "Ada Root is the last active administrator" in problem(answer, 409, "last-administrator")
    # One with a PIN only, or of one store only, could not administer the chain.
    await shop.add_staff("eva", all_stores=True, roles=["administrator"], pin="2580")
    problem(await shop.as_administrator("PATCH", path, {"active": False, "version": 1}), 409, "last-administrator")
    await shop.add_staff("eve", all_stores=True, roles=["administrator"], password="purple monkey dishwasher")
    await shop.done("PATCH", path, {"active": False, "version": 1})


async def test_of_two_administrators_who_disable_each_other_one_stays(shop: Shop) -> None:
    eve = await shop.add_staff("eve", all_stores=True, roles=["administrator"], password="purple monkey dishwasher")
    signed_on = await shop.done(
        "POST", "/office-sign-ons", {"staff_code": "eve", "password": "purple monkey dishwasher"}
    )
    me = (await shop.done("GET", "/me", token=shop.administrator))["id"]
    answers = await asyncio.gather(
        shop.as_administrator("PATCH", f"/staff/{eve['id']}", {"active": False, "version": 1}),
        shop.call("PATCH", f"/staff/{me}", {"active": False, "version": 1}, token=signed_on["access_token"]),
    )
    assert sum(answer.status_code == 200 for answer in answers) == 1
    assert {answer.status_code for answer in answers} <= {200, 401, 409}
    assert len(shop.rows("select 1 from identity.staff where all_stores and active")) == 1


async def test_one_sets_ones_own_pin_by_the_present_one(shop: Shop) -> None:
    cashier, path = await shop.cashier(), f"/staff/{shop.cashier_id}/pin"
    missing = await shop.call("PUT", path, {"pin": "2580"}, token=cashier)
    problem(missing, 422, "invalid", "current_pin")
    wrong = await shop.call("PUT", path, {"pin": "2580", "current_pin": "0815"}, token=cashier)
    assert "4 more tries" in problem(wrong, 401, "wrong-secret")
    right = await shop.call("PUT", path, {"pin": "2580", "current_pin": CASHIER_PIN}, token=cashier)
    assert right.status_code == 204
    problem(await shop.sign_on(shop.till, "kim", CASHIER_PIN), 401, "wrong-secret")
    await shop.signed_on(shop.till, "kim", "2580")
    others = await shop.call("PUT", f"/staff/{shop.manager_id}/pin", {"pin": "2580"}, token=cashier)
    assert "identity.manage_staff is missing" in problem(others, 403, "forbidden")


async def test_an_administrator_sets_a_pin_which_also_unlocks(shop: Shop) -> None:
    for _ in range(5):
        await shop.sign_on(shop.till, "kim", "0815")
    await shop.done("PUT", f"/staff/{shop.cashier_id}/pin", {"pin": "2580"})
    await shop.signed_on(shop.till, "kim", "2580")
    await shop.done("PUT", f"/staff/{shop.cashier_id}/password", {"password": "purple monkey dishwasher"})
    office = {"staff_code": "kim", "password": "purple monkey dishwasher"}
    assert (await shop.call("POST", "/office-sign-ons", office)).status_code == 201
    entry = (await shop.audit(f"?action=password_set&subject_id={shop.cashier_id}"))[0]
    assert (entry["actor_name"], entry["subject_name"]) == ("Ada Root", "kim")
    assert (entry["before"], entry["after"]) == (None, None)


async def personnel(shop: Shop) -> str:
    """The token of somebody who manages the staff of store B01, and has no other rights than a cashier's."""
    await shop.done(
        "POST",
        "/roles",
        {
            "code": "personnel",
            "name": "Personnel",
            "permissions": ["identity.manage_staff", "identity.read", "identity.manage_keys"],
        },
    )
    await shop.add_staff("pat", store_ids=[shop.store_id], roles=["cashier", "personnel"], pin="2580")
    return await shop.signed_on(shop.till, "pat", "2580")


async def test_nobody_gives_more_than_they_have(shop: Shop) -> None:
    pat, other = await personnel(shop), (await shop.add_store("B02"))["id"]
    here = {"store_ids": [shop.store_id]}
    assert (await shop.add_staff("new", token=pat, roles=["cashier"], **here))["roles"] == ["cashier"]
    boss = {"code": "boss", "name": "Boss"}
    above = await shop.call("POST", "/staff", boss | here | {"roles": ["manager"]}, token=pat)
    assert "you do not have" in problem(above, 403, "above-own-rights", "roles")
    elsewhere = await shop.call("POST", "/staff", boss | {"store_ids": [other]}, token=pat)
    problem(elsewhere, 403, "forbidden")
    everywhere = await shop.call("POST", "/staff", boss | {"all_stores": True}, token=pat)
    problem(everywhere, 403, "forbidden")
    promote = await shop.call("PATCH", f"/staff/{shop.cashier_id}", {"roles": ["manager"], "version": 1}, token=pat)
    problem(promote, 403, "above-own-rights", "roles")
    own_role = {"code": "all", "name": "All", "permissions": ["sales.void"]}
    problem(await shop.call("POST", "/roles", own_role, token=pat), 403, "above-own-rights", "permissions")
    limits = {"code": "all", "name": "All", "permissions": [], "limits": {"discount_percent": "10.001"}}
    problem(await shop.call("POST", "/roles", limits, token=pat), 403, "above-own-rights", "permissions")


async def test_nobody_takes_over_who_may_do_more(shop: Shop) -> None:
    pat = await personnel(shop)
    path = f"/staff/{shop.manager_id}"
    problem(await shop.call("PUT", f"{path}/pin", {"pin": "8642"}, token=pat), 403, "above-own-rights", "staff_id")
    problem(await shop.call("POST", f"{path}/unlock", token=pat), 403, "above-own-rights", "staff_id")
    demote = await shop.call("PATCH", path, {"active": False, "version": 1}, token=pat)
    problem(demote, 403, "above-own-rights", "staff_id")
    await shop.signed_on(shop.till, "max", MANAGER_PIN)


async def test_rights_are_those_of_now_not_of_the_token(shop: Shop) -> None:
    pat = await personnel(shop)
    member = next(one for one in (await shop.done("GET", "/staff"))["items"] if one["code"] == "pat")
    await shop.done("PATCH", f"/staff/{member['id']}", {"roles": ["cashier"], "version": 1})
    answer = await shop.call("POST", "/staff", {"code": "x", "name": "X", "store_ids": [shop.store_id]}, token=pat)
    assert "identity.manage_staff is missing" in problem(answer, 403, "forbidden")


async def test_rule_26_a_changed_role_changes_everybody_who_holds_it(shop: Shop) -> None:
    await shop.add_staff("ola", store_ids=[shop.store_id], roles=["cashier"])
    role = next(one for one in (await shop.done("GET", "/roles"))["items"] if one["code"] == "cashier")
    body = {
        "name": "Cashier",
        "permissions": ["sales.sell", "sales.read"],
        "limits": {"discount_percent": "7.5", "refund_minor": 2_000, "cash_out_minor": 0},
        "version": 1,
    }
    told_before = len(shop.events("staff_changed"))
    changed = await shop.done("PUT", f"/roles/{role['id']}", body)
    assert changed == body | {
        "id": role["id"],
        "code": "cashier",
        "permissions": ["sales.read", "sales.sell"],
        "built_in": True,
        "version": 2,
    }
    told = shop.events("staff_changed")[told_before:]
    assert [
        (event["code"], event["permissions"], event["limits"]["discount_ppm"], event["headers"]["ce-sequence"])
        for event in sorted(told, key=lambda event: str(event["code"]))
    ] == [
        ("kim", ["sales.read", "sales.sell"], 75_000, "2"),
        ("ola", ["sales.read", "sales.sell"], 75_000, "2"),
    ]
    assert (await shop.done("GET", f"/staff/{shop.cashier_id}"))["version"] == 2
    late = await shop.as_administrator("PUT", f"/roles/{role['id']}", body)
    problem(late, 409, "changed-meanwhile", "version")
    entry = (await shop.audit("?action=role_changed"))[0]
    assert entry["before"]["discount_ppm"] == 100_000
    assert entry["after"]["discount_ppm"] == 75_000


async def test_wrong_roles_name_the_field(shop: Shop) -> None:
    good: dict[str, Any] = {"code": "stock", "name": "Stock", "permissions": ["catalog.read"]}
    wrong: tuple[tuple[dict[str, Any], str], ...] = (
        ({"permissions": ["catalog.fly"]}, "permissions.0"),
        ({"permissions": ["catalog.*"]}, "permissions.0"),
        ({"code": "Stock"}, "code"),
        ({"limits": {"discount_percent": "101"}}, "limits.discount_percent"),
        ({"limits": {"discount_percent": 7.5}}, "limits.discount_percent"),
        ({"limits": {"refund_minor": -1}}, "limits.refund_minor"),
        ({"limits": {"refunds": 1}}, "limits.refunds"),
    )
    for change, field in wrong:
        problem(await shop.as_administrator("POST", "/roles", good | change), 422, "invalid-request", field)
    assert (await shop.done("POST", "/roles", good))["limits"] == {
        "discount_percent": "0",
        "refund_minor": 0,
        "cash_out_minor": 0,
    }
    problem(await shop.as_administrator("POST", "/roles", good), 409, "code-taken", "code")


async def test_the_administrators_role_stays_as_it_is(shop: Shop) -> None:
    role = next(one for one in (await shop.done("GET", "/roles"))["items"] if one["code"] == "administrator")
    body = {"name": "Admin", "permissions": [], "limits": {}, "version": 1}
    problem(await shop.as_administrator("PUT", f"/roles/{role['id']}", body), 409, "built-in-role")


async def test_more_requests_at_once_than_connections_are_all_answered(shop: Shop) -> None:
    """A request holds one connection at a time; with two, a full pool would wait for itself."""
    path = f"/staff/{shop.cashier_id}"
    answers = await asyncio.gather(
        *(shop.as_administrator("GET", "/staff") for _ in range(20)),
        *(shop.as_administrator("PATCH", path, {"version": 1}) for _ in range(20)),
        *(shop.sign_on(shop.till, "kim", CASHIER_PIN) for _ in range(3)),
    )
    assert [answer.status_code for answer in answers] == [200] * 40 + [201] * 3
