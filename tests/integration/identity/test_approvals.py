"""A manager's override: one permission, for one thing, lent to one person, once (retail rule 26)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from libs.contracts.refusal import Invalid, Unauthenticated
from libs.web.authentication import TokenVerifier
from libs.web.principal import Extent, Limits
from tests.integration.identity.installation import CASHIER_PIN, MANAGER_PIN, NOON, Shop, problem

BASKET = "019a0000-0000-7000-8000-00000000ba54"


def request(**changes: Any) -> dict[str, Any]:
    return {
        "approver_code": "max",
        "pin": MANAGER_PIN,
        "action": "sales.void",
        "bound_to": BASKET,
        "reason": "customer changed their mind",
    } | changes


def verifier(shop: Shop) -> TokenVerifier:
    """The verifier as every other service uses it."""
    return TokenVerifier.over_http(shop.http, shop.clock)


async def test_rule_26_an_approval_is_bound_to_action_thing_and_requester(shop: Shop) -> None:
    answer = await shop.call("POST", "/approvals", request(), token=await shop.cashier())
    assert answer.status_code == 201
    given = answer.json()
    assert given["approver"] == {
        "id": shop.manager_id,
        "code": "max",
        "name": "Max",
        "limits": {"discount_percent": "50", "refund_minor": 100_000, "cash_out_minor": 100_000},
    }
    assert given["expires_at"] == (NOON + timedelta(minutes=2)).isoformat().replace("+00:00", "Z")
    approval = await verifier(shop).verify_approval(given["approval"])
    assert approval.id == UUID(given["approval_id"])
    assert approval.action == "sales.void"
    assert approval.bound_to == BASKET
    assert approval.requested_by == UUID(shop.cashier_id)
    assert approval.approver_id == UUID(shop.manager_id)
    assert approval.approver_name == "Max"
    assert approval.limits == Limits(500_000, 100_000, 100_000)


async def test_each_approval_has_an_id_of_its_own(shop: Shop) -> None:
    cashier = await shop.cashier()
    ids = {(await shop.done("POST", "/approvals", request(), token=cashier))["approval_id"] for _ in range(3)}
    assert len(ids) == 3


async def test_both_names_are_in_the_audit_trail(shop: Shop) -> None:
    given = await shop.done("POST", "/approvals", request(), token=await shop.cashier())
    entry = (await shop.audit("?action=approval_given"))[0]
    assert entry["subject_id"] == given["approval_id"]
    assert (entry["actor_name"], entry["actor_id"]) == ("Kim", shop.cashier_id)
    assert entry["after"] == {
        "action": "sales.void",
        "bound_to": BASKET,
        "approver": "Max",
        "approver_id": shop.manager_id,
        "requester": "Kim",
        "requester_id": shop.cashier_id,
    }
    assert entry["reason"] == "customer changed their mind"
    assert (entry["store_id"], entry["till_id"]) == (shop.store_id, shop.till_id)


async def test_an_approval_ends_soon(shop: Shop) -> None:
    given = await shop.done("POST", "/approvals", request(), token=await shop.cashier())
    shop.clock.advance(seconds=151)
    with pytest.raises(Invalid, match="expired") as refused:
        await verifier(shop).verify_approval(given["approval"])
    assert refused.value.field == "approval"


async def test_an_approval_is_no_access_token_and_the_other_way_round(shop: Shop) -> None:
    cashier = await shop.cashier()
    given = await shop.done("POST", "/approvals", request(), token=cashier)
    problem(await shop.call("GET", "/me", token=given["approval"]), 401, "unauthenticated")
    with pytest.raises(Invalid, match="not of the kind"):
        await verifier(shop).verify_approval(cashier)


async def test_an_altered_approval_does_not_hold(shop: Shop) -> None:
    cashier = await shop.cashier()
    first = await shop.done("POST", "/approvals", request(), token=cashier)
    second = await shop.done("POST", "/approvals", request(bound_to="another"), token=cashier)
    header, _, signature = first["approval"].split(".")
    spliced = f"{header}.{second['approval'].split('.')[1]}.{signature}"
    with pytest.raises(Invalid, match="not valid here"):
        await verifier(shop).verify_approval(spliced)
    with pytest.raises(Unauthenticated):
        await verifier(shop).verify(spliced)


async def test_who_cannot_approve(shop: Shop) -> None:
    cashier = await shop.cashier()
    await shop.add_staff("sam", store_ids=[shop.store_id], roles=["cashier"], pin="2580")
    other = (await shop.add_store("B02"))["id"]
    await shop.add_staff("mia", store_ids=[other], roles=["manager"], pin="8642")
    for change, message in (
        ({"approver_code": "sam", "pin": "2580"}, "Sam may not approve this: identity.approve, sales.void is missing"),
        ({"approver_code": "mia", "pin": "8642"}, "Mia does not work for this store"),
        ({"approver_code": "kim", "pin": CASHIER_PIN}, "Nobody approves for themselves"),
        ({"action": "catalog.import"}, "Max may not approve this: catalog.import is missing"),
    ):
        answer = await shop.call("POST", "/approvals", request(**change), token=cashier)
        assert message in problem(answer, 403, "cannot-approve", "approver_code")
    refused = await shop.audit("?action=approval_refused")
    assert [entry["after"]["approver"] for entry in refused] == ["Max", "Kim", "Mia", "Sam"]
    assert refused[2]["reason"] == "customer changed their mind — Mia does not work for this store."


async def test_a_manager_does_not_approve_for_themselves(shop: Shop) -> None:
    answer = await shop.call("POST", "/approvals", request(), token=await shop.manager())
    assert "ask another person" in problem(answer, 403, "cannot-approve", "approver_code")


async def test_wrong_pins_of_an_approver_lock_them_out_too(shop: Shop) -> None:
    cashier = await shop.cashier()
    for _ in range(5):
        problem(await shop.call("POST", "/approvals", request(pin="0815"), token=cashier), 401, "wrong-secret")
    problem(await shop.call("POST", "/approvals", request(), token=cashier), 429, "locked-out")
    problem(await shop.sign_on(shop.till, "max", MANAGER_PIN), 429, "locked-out")
    assert len(await shop.audit("?action=approval_refused")) == 5


async def test_an_approval_is_asked_for_at_a_till_by_somebody_signed_on(shop: Shop) -> None:
    for token in (shop.till, shop.administrator):
        problem(await shop.call("POST", "/approvals", request(), token=token), 403, "not-at-a-till")
    problem(await shop.call("POST", "/approvals", request()), 401, "unauthenticated")


async def test_wrong_requests_name_the_field(shop: Shop) -> None:
    cashier = await shop.cashier()
    for change, field in (
        ({"action": "sales.fly"}, "action"),
        ({"bound_to": ""}, "bound_to"),
        ({"bound_to": "x y"}, "bound_to"),
        ({"reason": " "}, "reason"),
        ({"pin": ""}, "pin"),
    ):
        answer = await shop.call("POST", "/approvals", request(**change), token=cashier)
        problem(answer, 422, "invalid-request", field)


async def test_rule_26_an_approval_carries_how_far_the_manager_was_shown(shop: Shop) -> None:
    cashier = await shop.cashier()
    for action, up_to in (
        ("sales.discount", {"discount_ppm": 150_000}),
        ("sales.return", {"amount_minor": 3_000, "currency": "EUR"}),
        ("sales.cash_out", {"amount_minor": 2_000, "currency": "EUR"}),
        ("sales.override_price", {"amount_minor": 999, "currency": "EUR"}),
    ):
        given = await shop.done("POST", "/approvals", request(action=action, up_to=up_to), token=cashier)
        assert {name: value for name, value in given["up_to"].items() if value is not None} == up_to
        approval = await verifier(shop).verify_approval(given["approval"])
        assert approval.up_to == Extent.model_validate(up_to)
        assert (await shop.audit("?action=approval_given"))[0]["after"]["up_to"] == up_to


async def test_nobody_approves_without_saying_how_far(shop: Shop) -> None:
    cashier = await shop.cashier()
    amount = {"amount_minor": 100, "currency": "EUR"}
    for action, up_to, field in (
        ("sales.discount", None, "up_to.discount_ppm"),
        ("sales.discount", amount, "up_to.discount_ppm"),
        ("sales.cash_out", None, "up_to.amount_minor"),
        ("sales.override_price", {"discount_ppm": 1}, "up_to.amount_minor"),
        ("sales.return", amount | {"currency": "PLN"}, "up_to.currency"),
        ("sales.void", amount, "up_to"),
    ):
        answer = await shop.call("POST", "/approvals", request(action=action, up_to=up_to), token=cashier)
        problem(answer, 422, "invalid", field)
    for up_to in ({}, {"amount_minor": 1}, {"discount_ppm": 1, **amount}, {"discount_ppm": -1}):
        answer = await shop.call("POST", "/approvals", request(action="sales.discount", up_to=up_to), token=cashier)
        assert answer.status_code == 422, answer.text


async def test_a_manager_approves_no_more_than_they_may_do_themselves(shop: Shop) -> None:
    cashier = await shop.cashier()
    for action, up_to in (
        ("sales.discount", {"discount_ppm": 500_001}),
        ("sales.return", {"amount_minor": 100_001, "currency": "EUR"}),
        ("sales.cash_out", {"amount_minor": 100_001, "currency": "EUR"}),
    ):
        answer = await shop.call("POST", "/approvals", request(action=action, up_to=up_to), token=cashier)
        assert "Max may not approve so much" in problem(answer, 403, "cannot-approve", "up_to")
    assert (await shop.audit("?action=approval_refused"))[0]["after"]["up_to"]["amount_minor"] == 100_001
