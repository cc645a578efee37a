from __future__ import annotations

import asyncio

from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import running
from services.identity.service import definition
from tests.integration.identity.installation import (
    ADMINISTRATOR,
    NOON,
    SETUP_CODE,
    STORE,
    Installation,
    SettableClock,
    problem,
)


def body(installation: Installation, **changes: object) -> dict[str, object]:
    return {"setup_code": installation.setup_code, "chain_name": "Corner", "administrator": ADMINISTRATOR} | changes


async def test_set_up_makes_chain_roles_administrator_and_store(installation: Installation) -> None:
    made = await installation.set_up()
    assert made["chain"] == {"id": made["chain"]["id"], "name": "Corner", "version": 1}
    administrator = made["administrator"]
    assert (administrator["code"], administrator["name"], administrator["all_stores"]) == ("root", "Ada Root", True)
    assert administrator["roles"] == ["administrator"]
    assert administrator["limits"] == {
        "discount_percent": "100",
        "refund_minor": 9_007_199_254_740_991,
        "cash_out_minor": 9_007_199_254_740_991,
    }
    expected = STORE | {
        "id": made["store"]["id"],
        "tax_mode": "inclusive",
        "tax_rounding": "per_line",
        "cash_rounding_minor": 0,
        "price_list": None,
        "tax_number": None,
        "address_lines": [],
        "receipt_footer": None,
        "active": True,
        "version": 1,
    }
    assert made["store"] == expected
    roles = (await installation.done("GET", "/roles"))["items"]
    assert [(role["code"], role["built_in"], role["version"]) for role in roles] == [
        ("administrator", True, 1),
        ("cashier", True, 1),
        ("manager", True, 1),
    ]
    assert roles[1]["limits"] == {"discount_percent": "10", "refund_minor": 5_000, "cash_out_minor": 0}
    assert [event["code"] for event in installation.events("staff_changed")] == ["root"]
    assert [event["code"] for event in installation.events("store_changed")] == ["B01"]


async def test_set_up_happens_once(installation: Installation) -> None:
    await installation.set_up()
    again = await installation.call("POST", "/set-up", body(installation))
    assert "is set up already" in problem(again, 409, "already-set-up")
    assert len(installation.rows("select 1 from identity.staff")) == 1


async def test_of_two_set_ups_at_once_one_wins(installation: Installation) -> None:
    answers = await asyncio.gather(
        *(installation.call("POST", "/set-up", body(installation, chain_name=f"Chain {n}")) for n in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert len(installation.rows("select 1 from identity.chain")) == 1
    assert len(installation.rows("select 1 from identity.staff")) == 1


async def test_a_wrong_set_up_code_is_refused_and_at_last_locked_out(installation: Installation) -> None:
    wrong = body(installation, setup_code="not the code")
    for left in (4, 3, 2, 1, 0):
        answer = await installation.call("POST", "/set-up", wrong)
        assert f"The set-up code is wrong. {left} more" in problem(answer, 401, "wrong-secret", "setup_code")
    locked = await installation.call("POST", "/set-up", body(installation))
    problem(locked, 429, "locked-out")
    assert locked.headers["Retry-After"] == "30"
    installation.clock.advance(seconds=30)
    await installation.set_up()


async def test_before_set_up_nobody_signs_on(installation: Installation) -> None:
    answer = await installation.call("POST", "/office-sign-ons", {"staff_code": "root", "password": "x"})
    problem(answer, 401, "wrong-secret")


async def test_without_a_set_up_code_there_is_no_set_up(postgres_server: DatabaseServer) -> None:
    async with running([definition], postgres_server, clock=SettableClock()) as services:
        secrets = {name: value for name, value in services.secrets.items() if name != SETUP_CODE}
    async with running([definition], postgres_server, clock=SettableClock(), secrets=secrets) as services:
        given = {"setup_code": "any code at all", "chain_name": "Corner", "administrator": ADMINISTRATOR}
        answer = await services.http.post("/identity/v1/set-up", json=given)
        assert SETUP_CODE in problem(answer, 403, "set-up-not-allowed")


async def test_wrong_values_of_the_administrator_name_the_field(installation: Installation) -> None:
    for part, value, message in (
        ("pin", "1234", "a PIN is not a run of digits"),
        ("pin", "12", "a PIN is 4 to 12 digits"),
        ("pin", 4711, "valid string"),
        ("password", "short", "a password has 12 to 200 characters"),
        ("code", "-", "should match pattern"),
        ("name", " ", "at least 1 character"),
        ("language", "xx", "not a language tag"),
        ("nickname", "x", "not permitted"),
    ):
        given = body(installation, administrator=ADMINISTRATOR | {part: value})
        answer = await installation.call("POST", "/set-up", given)
        assert message in problem(answer, 422, "invalid-request", f"administrator.{part}")
    assert installation.rows("select 1 from identity.chain") == []


async def test_the_chain_is_renamed_by_who_may(installation: Installation) -> None:
    await installation.set_up()
    assert (await installation.as_administrator("GET", "/chain")).headers["ETag"] == '"1"'
    renamed = await installation.as_administrator("PATCH", "/chain", {"name": "Corner Shops", "version": 1})
    assert renamed.json()["name"] == "Corner Shops"
    assert renamed.json()["version"] == 2
    late = await installation.as_administrator("PATCH", "/chain", {"name": "Other", "version": 1})
    problem(late, 409, "changed-meanwhile", "version")
    entry = (await installation.audit("?action=chain_changed"))[0]
    assert (entry["before"], entry["after"]) == ({"name": "Corner"}, {"name": "Corner Shops"})
    assert entry["at"] == NOON.isoformat().replace("+00:00", "Z")
