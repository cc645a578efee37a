"""Voiding a finished document over HTTP (retail rules 2, 8, 25 and 26)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.contracts.permissions import Permission
from libs.persistence import new_id
from libs.testkit.databases import DatabaseServer
from tests.integration.sales.shift_shop import Person, Shop, answered, counted, open_shop, refused

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def shop(postgres_server: DatabaseServer) -> AsyncIterator[Shop]:
    async with open_shop(postgres_server) as opened:
        yield opened


@pytest.fixture
async def maria(shop: Shop) -> Person:
    """A manager with a shift of her own: she may void without asking anybody."""
    person = shop.manager(await shop.new_till())
    await person.opens()
    return person


def cash(given_minor: int) -> dict[str, Any]:
    return {"kind": "cash", "given_minor": given_minor}


def voiding(**changes: Any) -> dict[str, Any]:
    return {"void_sale_id": str(new_id()), "reason": "wrong customer", **changes}


def back(document: dict[str, Any], quantity: str = "-1") -> dict[str, Any]:
    sold = document["lines"][0]
    return {
        "product_id": sold["product_id"],
        "quantity": quantity,
        "returns": {"sale_id": document["sale_id"], "line_id": sold["line_id"]},
    }


async def void(person: Person, document: dict[str, Any], **changes: Any) -> dict[str, Any]:
    answer: dict[str, Any] = answered(await person.post(f"/sales/{document['sale_id']}/void", voiding(**changes)), 201)
    return answer


async def test_a_void_is_a_document_of_its_own_that_turns_everything_around(shop: Shop, maria: Person) -> None:
    sold = await maria.sells(["tea", "bread"], cash(2_000))
    assert (sold["total_minor"], sold["rounding_minor"]) == (1_748, 2)
    voided = await void(maria, sold)
    assert (voided["kind"], voided["number"], voided["voids_sale_id"]) == ("void", 2, sold["sale_id"])
    for field in ("gross_minor", "discount_minor", "tax_minor", "total_minor", "rounding_minor"):
        assert voided[field] == -sold[field]
    assert [line["quantity_milli"] for line in voided["lines"]] == [-1000, -1000]
    assert [(tax["code"], tax["rate_ppm"], tax["base_minor"], tax["tax_minor"]) for tax in voided["taxes"]] == [
        (tax["code"], tax["rate_ppm"], -tax["base_minor"], -tax["tax_minor"]) for tax in sold["taxes"]
    ]
    (tender,) = voided["tenders"]
    assert (tender["given_minor"], tender["change_minor"], tender["amount_minor"]) == (-1_750, 0, -1_748)
    stored = answered(await maria.get(f"/sales/{sold['sale_id']}"), 200)
    assert stored == {"sale": sold, "voided_by_sale_id": voided["sale_id"]}


async def test_the_void_is_published_after_the_sale_it_voids(shop: Shop, maria: Person) -> None:
    sold = await maria.sells(["tea"], cash(1_300))
    voided = await void(maria, sold)
    events = [event for event in await shop.events(sold["sale_id"]) if event["key"] == sold["sale_id"]]
    assert [event["type"] for event in events] == ["sale_completed", "sale_voided"]
    assert events[1]["void_sale_id"] == voided["sale_id"]
    assert (events[1]["reason"], events[1]["voided_by"]) == ("wrong customer", str(maria.staff_id))
    (completed,) = [event for event in await shop.events(voided["sale_id"]) if event["key"] == voided["sale_id"]]
    assert (completed["type"], completed["kind"]) == ("sale_completed", "void")


async def test_the_shift_counts_the_void_and_expects_no_money_of_it(shop: Shop, maria: Person) -> None:
    kept = await maria.sells(["bread"], cash(450))
    gone = await maria.sells(["tea"], cash(1_300))
    await void(maria, gone)
    report = answered(await maria.get(f"/shifts/{kept['shift_id']}/x-report"), 200)
    assert report["cash"]["expected_minor"] == 20_000 + 450
    assert report["voided"] == [{"kind": "sale", "count": 1, "amount_minor": 1_298}]
    counts = {each["kind"]: (each["count"], each["amount_minor"]) for each in report["documents"]}
    assert counts == {"sale": (2, 1_748), "return": (0, 0), "exchange": (0, 0), "void": (1, -1_298)}
    assert (report["total_minor"], report["tendered_minor"], report["rounding_minor"]) == (450, 450, 0)


async def test_a_void_is_refused_twice(maria: Person) -> None:
    sold = await maria.sells(["tea"], cash(1_300))
    voided = await void(maria, sold)
    path = f"/sales/{sold['sale_id']}/void"
    problem = refused(await maria.post(path, voiding()), 409, "sale-voided")
    assert problem["voided_by_sale_id"] == voided["sale_id"]
    refused(await maria.post(f"/sales/{voided['sale_id']}/void", voiding()), 409, "not-voidable", "sale_id")


async def test_of_two_voids_at_once_one_takes_effect(maria: Person) -> None:
    sold = await maria.sells(["tea"], cash(1_300))
    path = f"/sales/{sold['sale_id']}/void"
    answers = await asyncio.gather(*(maria.post(path, voiding()) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]


async def test_a_retried_void_is_one_void(maria: Person) -> None:
    sold = await maria.sells(["tea"], cash(1_300))
    path, body = f"/sales/{sold['sale_id']}/void", voiding()
    first = await maria.post(path, body)
    again = await maria.post(path, body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert again.headers["Idempotency-Replayed"] == "true"
    refused(await maria.post(path, {**body, "reason": "another"}), 422, "idempotency-key-reused")
    refused(await maria.post(path, {"reason": "no key"}), 400, "idempotency-key-required")
    refused(await maria.post(path, {**voiding(), "reason": " "}), 422, "invalid-request", "reason")


async def test_rule_26_a_void_needs_a_manager(shop: Shop) -> None:
    anna = await shop.cashier()
    await anna.opens()
    sold = await anna.sells(["tea"], cash(1_300))
    path = f"/sales/{sold['sale_id']}/void"
    problem = refused(await anna.post(path, voiding()), 403, "approval-required")
    assert (problem["permission"], problem["bound_to"]) == ("sales.void", sold["sale_id"])
    approval = shop.approval(Permission.SALES_VOID, sold["sale_id"], anna)
    voided = await void(anna, sold, approval=approval)
    assert voided["approved_by"] is not None
    other = await anna.sells(["tea"], cash(1_300))
    refused(
        await anna.post(f"/sales/{other['sale_id']}/void", voiding(approval=approval)),
        403,
        "approval-does-not-fit",
        "approval",
    )


async def test_a_document_of_another_shift_is_not_voided(shop: Shop, maria: Person) -> None:
    sold = await maria.sells(["tea"], cash(1_300))
    other = shop.manager(await shop.new_till(), name="Ewa Lis")
    await other.opens()
    problem = refused(await other.post(f"/sales/{sold['sale_id']}/void", voiding()), 409, "not-voidable", "sale_id")
    assert "Take the goods back as a return" in problem["detail"]
    closed = await maria.post(f"/shifts/{sold['shift_id']}/close", {"counts": [counted("PLN", n100=213)]})
    answered(closed, 200)
    refused(await maria.post(f"/sales/{sold['sale_id']}/void", voiding()), 409, "no-open-shift")
    await maria.opens()
    refused(await maria.post(f"/sales/{sold['sale_id']}/void", voiding()), 409, "not-voidable", "sale_id")


async def test_nothing_of_a_voided_sale_comes_back(maria: Person) -> None:
    sold = await maria.sells(["tea"], cash(1_300))
    await void(maria, sold)
    refused(await maria.tries_to_sell([back(sold)], cash(-1_300)), 409, "sale-voided")
    found = answered(await maria.get(f"/sales/by-receipt/{sold['receipt_code']}"), 200)
    assert [line["why_not"] for line in found["lines"]] == ["The receipt was voided."]
    assert found["refund_minor"] == 0


async def test_a_sale_of_which_something_came_back_is_not_voided(maria: Person) -> None:
    sold = await maria.sells([{"code": "tea", "quantity": "2"}], cash(2_600))
    await maria.sells([back(sold)], cash(-1_300))
    refused(await maria.post(f"/sales/{sold['sale_id']}/void", voiding()), 409, "not-voidable", "sale_id")


async def test_a_return_and_a_void_of_one_sale_at_once_leave_one_of_them(shop: Shop, maria: Person) -> None:
    ewa = await shop.cashier(name="Ewa Lis")
    await ewa.opens()
    for _ in range(5):
        sold = await maria.sells(["tea"], cash(1_300))
        voided, returned = await asyncio.gather(
            maria.post(f"/sales/{sold['sale_id']}/void", voiding()),
            ewa.tries_to_sell([back(sold)], cash(-1_300)),
        )
        assert sorted((voided.status_code, returned.status_code)) == [201, 409]


async def test_rule_8_what_a_voided_return_brought_back_may_come_back_again(maria: Person) -> None:
    sold = await maria.sells([{"code": "tea", "quantity": "2"}], cash(2_600))
    returned = await maria.sells([back(sold, "-2")], cash(-2_595))
    refused(await maria.tries_to_sell([back(sold)], cash(-1_300)), 409, "already-returned")
    voided = await void(maria, returned)
    assert (voided["total_minor"], voided["tenders"][0]["given_minor"]) == (2_596, 2_595)
    found = answered(await maria.get(f"/sales/by-receipt/{sold['receipt_code']}"), 200)
    assert (found["lines"][0]["left"], found["tenders"][0]["left_minor"]) == ("2", 2_596)
    again = await maria.sells([back(sold, "-2")], cash(-2_595))
    assert again["total_minor"] == -2_596


async def test_an_unknown_sale_is_said_to_be_unknown(maria: Person) -> None:
    refused(await maria.post(f"/sales/{new_id()}/void", voiding()), 404, "unknown-receipt", "sale_id")
