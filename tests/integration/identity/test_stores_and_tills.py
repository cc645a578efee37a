from __future__ import annotations

from typing import Any

import pytest

from tests.integration.identity.installation import STORE, Installation, Shop, problem


@pytest.fixture
async def chain(installation: Installation) -> Installation:
    await installation.set_up()
    return installation


async def test_wrong_values_of_a_store_name_the_field(chain: Installation) -> None:
    wrong: tuple[tuple[str, object, str], ...] = (
        ("country", "XX", "not an ISO 3166 country code"),
        ("currency", "EURO", "should match pattern"),
        ("currency", "XQQ", "not an ISO 4217 currency code"),
        ("time_zone", "Europe/Berln", "did you mean Europe/Berlin?"),
        ("language", "deutsch", "not a language tag"),
        ("tax_mode", "both", "'inclusive' or 'exclusive'"),
        ("tax_rounding", "never", "'per_line' or 'per_rate'"),
        ("cash_rounding_minor", -5, "greater than or equal to 0"),
        ("cash_rounding_minor", 0.05, "valid integer"),
        ("code", "B 01", "should match pattern"),
        ("code", "x" * 21, "should match pattern"),
        ("address_lines", ["line"] * 9, "at most 8 items"),
        ("tax_number", "PL\x0012", "should match pattern"),
        ("opening_hours", "9-5", "not permitted"),
    )
    for part, value, message in wrong:
        answer = await chain.as_administrator("POST", "/stores", STORE | {"code": "B02"} | {part: value})
        assert message in problem(answer, 422, "invalid-request", part)
    assert [store["code"] for store in (await chain.done("GET", "/stores"))["items"]] == ["B01"]


async def test_a_store_is_added_with_all_it_has(chain: Installation) -> None:
    given = STORE | {
        "code": "W-02",
        "name": "Warszawa",
        "country": "PL",
        "currency": "PLN",
        "time_zone": "Europe/Warsaw",
        "language": "pl",
        "tax_mode": "exclusive",
        "tax_rounding": "per_rate",
        "cash_rounding_minor": 5,
        "price_list": "city",
        "tax_number": "PL5260250995",
        "address_lines": ["ul. Prosta 1", "00-001 Warszawa"],
        "receipt_footer": "Dziękujemy\nzapraszamy",
    }
    response = await chain.as_administrator("POST", "/stores", given)
    store = response.json()
    assert response.headers["ETag"] == '"1"'
    assert store == given | {"id": store["id"], "active": True, "version": 1}
    assert await chain.done("GET", f"/stores/{store['id']}") == store
    event = chain.events("store_changed")[-1]
    assert event["headers"]["ce-sequence"] == "1"
    del event["headers"]
    assert event == given | {"store_id": store["id"], "active": True}


async def test_a_stores_code_is_taken_whatever_its_case(chain: Installation) -> None:
    answer = await chain.as_administrator("POST", "/stores", STORE | {"code": "b01"})
    assert "store b01 already" in problem(answer, 409, "code-taken", "code")


async def test_a_store_is_changed_by_the_version_that_was_read(chain: Installation) -> None:
    store = (await chain.done("GET", "/stores"))["items"][0]
    path = f"/stores/{store['id']}"
    first = await chain.as_administrator(
        "PATCH", path, {"name": "Berlin Süd", "tax_number": "DE1", "receipt_footer": None}, If_Match='"1"'
    )
    assert first.status_code == 200
    assert first.json() == store | {"name": "Berlin Süd", "tax_number": "DE1", "version": 2}
    late = await chain.as_administrator("PATCH", path, {"name": "Berlin Nord", "version": 1})
    assert "you sent version 1, it is now 2" in problem(late, 409, "changed-meanwhile", "version")
    assert late.json()["present_version"] == 2
    cleared = await chain.done("PATCH", path, {"tax_number": None, "version": 2})
    assert (cleared["tax_number"], cleared["version"]) == (None, 3)
    same = await chain.done("PATCH", path, {"name": "Berlin Süd", "version": 3})
    assert same["version"] == 3
    assert [
        (event["name"], event["tax_number"], event["headers"]["ce-sequence"]) for event in chain.events("store_changed")
    ] == [("Berlin Mitte", None, "1"), ("Berlin Süd", "DE1", "2"), ("Berlin Süd", None, "3")]


async def test_wrong_changes_of_a_store_change_nothing(chain: Installation) -> None:
    store = (await chain.done("GET", "/stores"))["items"][0]
    wrong: tuple[tuple[dict[str, Any], dict[str, str], str, str], ...] = (
        ({"name": "X"}, {}, "invalid", "version"),
        ({"name": "X"}, {"If_Match": "latest"}, "invalid", "header.If-Match"),
        ({"name": "X", "version": 2}, {"If_Match": '"1"'}, "invalid", "version"),
        ({"name": None, "version": 1}, {}, "invalid-request", "name"),
        ({"currency": "PLN", "version": 1}, {}, "invalid-request", "currency"),
        ({"code": "B09", "version": 1}, {}, "invalid-request", "code"),
        ({"active": "maybe", "version": 1}, {}, "invalid-request", "active"),
    )
    for change, headers, slug, field in wrong:
        answer = await chain.as_administrator("PATCH", f"/stores/{store['id']}", change, **headers)
        problem(answer, 422, slug, field)
    assert await chain.done("GET", f"/stores/{store['id']}") == store


async def test_stores_are_paged_by_code(chain: Installation) -> None:
    for code in ("c2", "A9", "b5"):
        await chain.add_store(code)
    seen: list[str] = []
    cursor = ""
    while True:
        page = await chain.done("GET", f"/stores?limit=2{cursor}")
        seen += [store["code"] for store in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == ["A9", "B01", "b5", "c2"]
    foreign = await chain.as_administrator("GET", "/stores?cursor=WzFd")
    problem(foreign, 422, "invalid", "cursor")


async def test_what_does_not_exist(chain: Installation) -> None:
    nowhere = "019a0000-0000-7000-8000-000000000000"
    for path in (f"/stores/{nowhere}", f"/tills/{nowhere}", f"/staff/{nowhere}", f"/roles/{nowhere}"):
        problem(await chain.as_administrator("GET", path), 404, "not-found")
    for path in (f"/stores/{nowhere}", f"/tills/{nowhere}", f"/staff/{nowhere}"):
        problem(await chain.as_administrator("PATCH", path, {"name": "X", "version": 1}), 404, "not-found")
    problem(await chain.as_administrator("POST", f"/tills/{nowhere}/enrolment-codes"), 404, "not-found")
    problem(await chain.as_administrator("DELETE", f"/api-keys/{nowhere}"), 404, "not-found")
    problem(await chain.as_administrator("POST", f"/staff/{nowhere}/unlock"), 404, "not-found")
    till = {"store_id": nowhere, "code": "1", "name": "Till"}
    problem(await chain.as_administrator("POST", "/tills", till), 422, "invalid", "store_id")


async def test_a_tills_code_is_taken_in_its_store_only(chain: Installation) -> None:
    here = (await chain.done("GET", "/stores"))["items"][0]["id"]
    there = (await chain.add_store("B02"))["id"]
    till = await chain.add_till(here, "1")
    assert till == {
        "id": till["id"],
        "store_id": here,
        "code": "1",
        "name": "Till 1",
        "active": True,
        "enrolled": False,
        "enrolled_at": None,
        "version": 1,
    }
    await chain.add_till(there, "1")
    again = await chain.as_administrator("POST", "/tills", {"store_id": here, "code": "1", "name": "Other"})
    assert "Store B01 has a till 1 already" in problem(again, 409, "code-taken", "code")
    listed = (await chain.done("GET", f"/tills?store_id={here}"))["items"]
    assert [one["id"] for one in listed] == [till["id"]]


async def test_a_till_reads_of_itself_and_its_store_and_of_no_other(shop: Shop) -> None:
    other = (await shop.add_store("B02"))["id"]
    other_till = (await shop.add_till(other))["id"]
    assert (await shop.done("GET", f"/stores/{shop.store_id}", token=shop.till))["code"] == "B01"
    assert (await shop.done("GET", f"/tills/{shop.till_id}", token=shop.till))["enrolled"] is True
    problem(await shop.call("GET", f"/stores/{other}", token=shop.till), 403, "forbidden")
    problem(await shop.call("GET", f"/tills/{other_till}", token=shop.till), 403, "forbidden")
    problem(await shop.call("GET", "/stores", token=shop.till), 403, "forbidden")


async def test_a_store_manager_sees_their_store_only(shop: Shop) -> None:
    other = (await shop.add_store("B02"))["id"]
    await shop.add_till(other)
    await shop.add_staff("bob", store_ids=[other])
    manager = await shop.manager()
    assert [store["code"] for store in (await shop.done("GET", "/stores", token=manager))["items"]] == ["B01"]
    assert [till["id"] for till in (await shop.done("GET", "/tills", token=manager))["items"]] == [shop.till_id]
    staff = (await shop.done("GET", "/staff", token=manager))["items"]
    assert [member["code"] for member in staff] == ["kim", "max", "root"]
    problem(await shop.call("GET", f"/stores/{other}", token=manager), 403, "forbidden")
    problem(await shop.call("PATCH", f"/stores/{shop.store_id}", {"version": 1}, token=manager), 403, "forbidden")
