from __future__ import annotations

from datetime import timedelta

from tests.integration.identity.installation import NOON, Shop, problem


def at(moment: timedelta) -> str:
    return (NOON + moment).isoformat().replace("+00:00", "Z")


async def test_a_day_as_the_trail_tells_it(shop: Shop) -> None:
    lines = await shop.audit("?limit=100")
    assert [line["action"] for line in reversed(lines)] == [
        "signing_key_made",
        "chain_set_up",
        "staff_added",
        "pin_set",
        "password_set",
        "store_added",
        "signed_on",
        "till_added",
        "enrolment_code_issued",
        "till_enrolled",
        "staff_added",
        "pin_set",
        "staff_added",
        "pin_set",
        "password_set",
    ]
    added = next(line for line in lines if line["action"] == "staff_added")
    assert added == {
        "id": added["id"],
        "at": at(timedelta()),
        "action": "staff_added",
        "actor_kind": "staff",
        "actor_id": added["actor_id"],
        "actor_name": "Ada Root",
        "subject_kind": "staff",
        "subject_id": shop.manager_id,
        "subject_name": "max",
        "store_id": shop.store_id,
        "till_id": None,
        "before": None,
        "after": {
            "code": "max",
            "name": "Max",
            "language": None,
            "all_stores": False,
            "store_ids": [shop.store_id],
            "roles": ["manager"],
            "active": True,
        },
        "reason": None,
        "correlation_id": added["correlation_id"],
    }


async def test_a_line_names_the_request_it_came_from(shop: Shop) -> None:
    response = await shop.as_administrator(
        "POST",
        "/tills",
        {"store_id": shop.store_id, "code": "9", "name": "Nine"},
        X_Correlation_Id="quoted-by-a-person",
    )
    assert response.headers["X-Correlation-Id"] == "quoted-by-a-person"
    assert (await shop.audit("?action=till_added"))[0]["correlation_id"] == "quoted-by-a-person"


async def test_the_trail_is_filtered(shop: Shop) -> None:
    shop.clock.advance(hours=1)
    shop.till = await shop.till_token(shop.till_id, shop.till_secret)
    await shop.sign_on(shop.till, "kim", "0815")
    shop.clock.advance(hours=1)
    shop.till = await shop.till_token(shop.till_id, shop.till_secret)
    await shop.cashier()
    by_kim = await shop.audit(f"?actor_id={shop.cashier_id}")
    assert [(line["action"], line["reason"]) for line in by_kim] == [("signed_on", "at till 1")]
    of_kim = await shop.audit(f"?subject_id={shop.cashier_id}")
    assert [line["action"] for line in of_kim] == ["signed_on", "sign_on_refused", "pin_set", "staff_added"]
    assert of_kim[1]["reason"] == "wrong pin"
    assert (of_kim[1]["actor_kind"], of_kim[1]["actor_id"]) == ("till", shop.till_id)
    between = await shop.audit("?from_at=2026-03-02T13:00:00Z&until_at=2026-03-02T14:00:00Z")
    assert [line["action"] for line in between] == ["sign_on_refused"]
    none = await shop.audit("?store_id=019a0000-0000-7000-8000-000000000000")
    assert none == []
    for query, field in (
        ("?action=dance", "query.action"),
        ("?actor_id=kim", "query.actor_id"),
        ("?from_at=noon", "query.from_at"),
        ("?from_at=2026-03-02T13:00:00", "query.from_at"),
        ("?limit=0", "query.limit"),
        ("?cursor=%21", "cursor"),
    ):
        slug = "invalid" if field == "cursor" else "invalid-request"
        problem(await shop.as_administrator("GET", f"/audit{query}"), 422, slug, field)


async def test_the_trail_is_paged_without_gap_or_repetition(shop: Shop) -> None:
    everything = [line["id"] for line in await shop.audit("?limit=100")]
    seen: list[str] = []
    cursor = ""
    for _ in range(20):
        page = await shop.done("GET", f"/audit?limit=4{cursor}")
        seen += [line["id"] for line in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == everything
    assert len(set(seen)) == len(seen) == 15


async def test_a_store_manager_reads_of_their_store_only(shop: Shop) -> None:
    other = (await shop.add_store("B02"))["id"]
    await shop.add_staff("bob", store_ids=[other], roles=["cashier"], pin="2580")
    lines = await shop.audit("?limit=100", token=await shop.manager())
    assert {line["store_id"] for line in lines} == {shop.store_id}
    assert "bob" not in {line["subject_name"] for line in lines}
    problem(await shop.call("GET", "/audit", token=await shop.cashier()), 403, "forbidden")


async def test_a_lock_out_is_told_with_its_length(shop: Shop) -> None:
    for _ in range(5):
        await shop.sign_on(shop.till, "kim", "0815")
    lines = await shop.audit(f"?subject_id={shop.cashier_id}&limit=6")
    assert [line["action"] for line in lines] == ["locked_out"] + ["sign_on_refused"] * 5
    assert lines[0]["after"] == {"locked_until": (NOON + timedelta(seconds=30)).isoformat(), "wrong_tries": 5}


async def test_what_was_typed_as_an_unknown_code_is_not_written_down(shop: Shop) -> None:
    await shop.sign_on(shop.till, "739140", "0815")
    line = (await shop.audit("?action=sign_on_refused"))[0]
    assert (line["subject_name"], line["subject_id"], line["reason"]) == ("unknown code", None, "unknown code")
