"""The one-call sale over HTTP: exact amounts, once however often it is sent, and a clear no to everything wrong."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.contracts.identity import StaffChanged, StaffLimits
from libs.contracts.permissions import CASHIER, Permission
from libs.persistence import new_id
from services.sales.domain.numbering import receipt_code, sale_id_of
from tests.integration.sales.basket_shop import APPLES_1250_G, BEER_EAN, CHEESE_FOR_8_47, publish
from tests.integration.sales.shift_shop import Person, Shop, answered, refused


def cash(given_minor: int) -> dict[str, Any]:
    return {"tender_id": str(new_id()), "kind": "cash", "given_minor": given_minor}


def sale(*lines: Any, given_minor: int = 100_000, **changes: Any) -> dict[str, Any]:
    bodies = [{"code": line} if isinstance(line, str) else line for line in lines]
    body = {"sale_id": str(new_id()), "currency": "PLN", "lines": bodies, "tenders": [cash(given_minor)]}
    return {**body, **changes}


@pytest.fixture
async def anna(shop: Shop) -> Person:
    """A cashier with an open shift."""
    person = await shop.cashier()
    await person.opens()
    return person


async def test_rule_1_cash_is_rounded_apart_from_total_and_tax(anna: Person) -> None:
    document = answered(await anna.post("/sales", sale("tea", given_minor=2_000)), 201)
    assert document["total_minor"] == 1_298
    assert document["taxes"] == [
        {"code": "VAT", "name": "VAT", "rate_ppm": 230_000, "base_minor": 1_055, "tax_minor": 243}
    ]
    [tender] = document["tenders"]
    assert (tender["amount_minor"], tender["given_minor"], tender["change_minor"]) == (1_298, 2_000, 700)
    assert document["rounding_minor"] == 2


async def test_weight_and_price_codes_sell_what_the_label_says(anna: Person) -> None:
    document = answered(await anna.post("/sales", sale(APPLES_1250_G, CHEESE_FOR_8_47)), 201)
    apples, cheese = document["lines"]
    assert (apples["quantity_milli"], apples["total_minor"]) == (1_250, 499)
    assert (cheese["quantity_milli"], cheese["unit_price_minor"], cheese["total_minor"]) == (169, 4_999, 847)
    assert document["total_minor"] == 1_346


async def test_partial_returns_of_goods_with_a_price_on_their_label_sum_to_the_label(anna: Person) -> None:
    sold = answered(await anna.post("/sales", sale(CHEESE_FOR_8_47)), 201)
    [cheese] = sold["lines"]
    returned = []
    for quantity in ("-0.050", "-0.050", "-0.069"):
        back = {
            "code": CHEESE_FOR_8_47,
            "quantity": quantity,
            "returns": {"sale_id": sold["sale_id"], "line_id": cheese["line_id"]},
        }
        due = answered(await anna.post("/baskets", {"currency": "PLN"}), 201)
        path = f"/baskets/{due['basket_id']}"
        basket = answered(await anna.post(f"{path}/lines", back), 201)
        to_the_coin = (-basket["total_minor"] + 2) // 5 * 5
        answered(await anna.post(f"{path}/tenders", {"kind": "cash", "given_minor": -to_the_coin}), 201)
        returned.append(answered(await anna.post(f"{path}/complete", {}), 201))
    assert [each["total_minor"] for each in returned] == [-251, -250, -346]
    assert sum(each["tax_minor"] for each in returned) == -sold["tax_minor"]


async def test_rule_4_a_basket_discount_is_kept_per_line_and_sums_to_the_whole(anna: Person) -> None:
    document = answered(
        await anna.post("/sales", sale("bread", "tea", discount_percent="10", discount_reason="Nice")), 201
    )
    totals = [line["total_minor"] for line in document["lines"]]
    assert totals == [405, 1_168]
    assert document["discount_minor"] == -175
    assert document["total_minor"] == sum(totals) == 1_573


async def test_the_same_sale_sent_again_gets_the_same_answer_and_takes_effect_once(shop: Shop, anna: Person) -> None:
    body = sale("bread")
    first = await anna.post("/sales", body)
    again = await anna.post("/sales", {**body, "lines": list(body["lines"])})
    assert answered(first, 201) == answered(again, 201)
    assert first.content == again.content
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    async with shop.database.reading() as connection:
        outbox = await connection.execute(text("select count(*) from outbox where key = :id"), {"id": body["sale_id"]})
        assert outbox.scalar_one() == 1
    continuity = answered(await anna.get(f"/tills/{anna.till_id}/continuity"), 200)
    assert (continuity["through_number"], continuity["held_count"], continuity["missing"]) == (1, 1, [])


async def test_the_same_sale_sent_eight_times_at_once_is_one_sale(anna: Person) -> None:
    body = sale("tea", "bread")
    answers = await asyncio.gather(*(anna.post("/sales", body) for _ in range(8)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    held = answered(await anna.get(f"/tills/{anna.till_id}/continuity"), 200)
    assert held["held_count"] == 1


async def test_another_body_under_the_same_id_is_refused_and_changes_nothing(anna: Person) -> None:
    body = sale("bread")
    answered(await anna.post("/sales", body), 201)
    problem = refused(await anna.post("/sales", {**body, "note": "x"}), 409, "completed-differently", "sale_id")
    assert problem["number"] == 1
    assert answered(await anna.get(f"/tills/{anna.till_id}/continuity"), 200)["held_count"] == 1


async def test_another_till_cannot_learn_of_a_sale_by_reusing_its_id(shop: Shop, anna: Person) -> None:
    body = sale("bread")
    answered(await anna.post("/sales", body), 201)
    other = await shop.cashier()
    await other.opens()
    refused(await other.post("/sales", body), 403, "forbidden")


async def test_rule_25_numbers_have_no_gap_and_a_refused_sale_takes_none(anna: Person) -> None:
    numbers = [answered(await anna.post("/sales", sale("bread")), 201)["number"]]
    refused(await anna.post("/sales", sale("bread", given_minor=100)), 409, "not-covered", "tenders")
    numbers.append(answered(await anna.post("/sales", sale("bread")), 201)["number"])
    assert numbers == [1, 2]


async def test_rule_25_an_offline_till_delivers_its_numbers_in_any_order(anna: Person) -> None:
    for number in (4, 1, 6):
        assert answered(await anna.post("/sales", sale("bread", number=number)), 201)["number"] == number
    held = answered(await anna.get(f"/tills/{anna.till_id}/continuity"), 200)
    assert held["missing"] == [{"first": 2, "last": 3}, {"first": 5, "last": 5}]
    assert (held["through_number"], held["held_count"], held["missing_count"]) == (6, 3, 3)
    assert held["answer"].endswith("through 6, missing 2 to 3, 5.")
    refused(await anna.post("/sales", sale("bread", number=4)), 409, "number-taken", "number")
    for number in (5, 3, 2):
        answered(await anna.post("/sales", sale("bread", number=number)), 201)
    assert answered(await anna.get(f"/tills/{anna.till_id}/continuity"), 200)["answer"].endswith("missing none.")


async def test_the_receipt_code_is_the_sale(anna: Person) -> None:
    document = answered(await anna.post("/sales", sale("bread")), 201)
    sale_id = UUID(document["sale_id"])
    assert document["receipt_code"] == receipt_code(sale_id)
    assert sale_id_of(document["receipt_code"].lower()) == sale_id


async def test_a_discount_over_the_limit_needs_an_approval_which_is_spent_once(shop: Shop, anna: Person) -> None:
    body = sale("bread", discount_percent="25", discount_reason="Old")
    problem = refused(await anna.post("/sales", body), 403, "approval-required")
    assert (problem["permission"], problem["bound_to"]) == ("sales.discount", body["sale_id"])
    approval = shop.approval(
        Permission.SALES_DISCOUNT, body["sale_id"], anna, sub=str(uuid4()), limits={"discount_ppm": 500_000}
    )
    document = answered(await anna.post("/sales", {**body, "approvals": [approval]}), 201)
    assert document["total_minor"] == 337
    assert document["approved_by"] is not None
    other = sale("bread", discount_percent="25", discount_reason="Old", approvals=[approval])
    refused(await anna.post("/sales", other), 403, "approval-does-not-fit", "approval")


async def test_a_line_and_a_basket_discount_cannot_together_pass_the_limit(anna: Person) -> None:
    line = {"code": "wine", "discount_percent": "8", "discount_reason": "Old"}
    body = sale(line, discount_percent="8", discount_reason="Nice")
    refused(await anna.post("/sales", body), 403, "approval-required")


async def test_a_price_of_ones_own_needs_its_permission_but_a_price_in_the_barcode_does_not(anna: Person) -> None:
    refused(
        await anna.post("/sales", sale({"code": "wine", "price_override_minor": 1, "price_override_reason": "Torn"})),
        403,
        "approval-required",
    )
    assert answered(await anna.post("/sales", sale(CHEESE_FOR_8_47)), 201)["total_minor"] == 847


async def test_age_restricted_goods_are_refused_until_the_age_is_confirmed(anna: Person) -> None:
    body = sale(BEER_EAN)
    problem = refused(await anna.post("/sales", body), 409, "age-not-confirmed", "age_confirmed_years")
    assert problem["minimum_age_years"] == 18
    assert answered(await anna.post("/sales", {**body, "age_confirmed_years": 18}), 201)["total_minor"] == 599


async def test_a_total_that_the_till_did_not_show_is_refused(anna: Person) -> None:
    problem = refused(
        await anna.post("/sales", sale("bread", expected_total_minor=400)), 409, "total-differs", "expected_total_minor"
    )
    assert problem["total_minor"] == 450


@pytest.mark.parametrize(
    ("changes", "status", "slug", "field"),
    [
        ({"lines": [{"code": "no such thing"}]}, 404, "unknown-product", "lines.0.code"),
        ({"lines": [{"product_id": str(UUID(int=7))}]}, 404, "unknown-product", "lines.0.product_id"),
        ({"lines": [{"code": "bread", "quantity": "1.5"}]}, 422, "absurd-quantity", "lines.0.quantity"),
        ({"lines": [{"code": "bread", "quantity": "0"}]}, 422, "absurd-quantity", "lines.0.quantity"),
        ({"lines": [{"code": "bread", "quantity": "999999"}]}, 422, "absurd-quantity", "lines.0.quantity"),
        ({"lines": [{"code": "bread", "quantity": 1.5}]}, 422, "invalid-request", "lines.0.quantity"),
        ({"lines": []}, 422, "invalid-request", "lines"),
        ({"lines": [{"code": "bread", "colour": "red"}]}, 422, "invalid-request", "lines.0.colour"),
        ({"currency": "EUR"}, 422, "wrong-currency", "currency"),
        ({"currency": "ZZZ"}, 422, "invalid-request", "currency"),
        ({"tenders": [{"kind": "card", "amount_minor": 450}]}, 422, "tender-kind-not-taken", "tenders.0.kind"),
        ({"tenders": [{"kind": "cheque", "amount_minor": 451}]}, 422, "tender-refused", "tenders.0.amount_minor"),
        ({"tenders": []}, 409, "not-covered", "tenders"),
        ({"lines": [{"code": "bread", "discount_percent": "5"}]}, 422, "invalid-request", "lines.0"),
        ({"lines": [{"code": "bread", "price_override_minor": 5}]}, 422, "invalid-request", "lines.0"),
        ({"number": 0}, 422, "invalid-request", "number"),
        ({"sale_id": "seven"}, 422, "invalid-request", "sale_id"),
    ],
)  # fmt: skip
async def test_bad_input_gets_a_clear_error_that_names_the_field(
    anna: Person, changes: dict[str, Any], status: int, slug: str, field: str
) -> None:
    refused(await anna.post("/sales", sale("bread", **changes)), status, slug, field)


async def test_goods_that_are_not_sold_any_more_or_have_no_price_are_refused(anna: Person) -> None:
    refused(await anna.post("/sales", sale("retired")), 409, "product-not-sold")
    refused(await anna.post("/sales", sale("unpriced")), 422, "cannot-be-priced")


async def test_without_a_shift_a_till_or_a_token_nothing_is_sold(shop: Shop) -> None:
    person = await shop.cashier()
    refused(await person.post("/sales", sale("bread")), 409, "no-open-shift")
    refused(await shop.person(uuid4()).post("/sales", sale("bread")), 422, "unknown-till")
    refused(await shop.person(None).post("/sales", sale("bread")), 403, "not-at-a-till")
    refused(await shop.http.post("/sales/v1/sales", json=sale("bread")), 401, "unauthenticated")
    expired = shop.token(sub=str(uuid4()), kind="staff", name="Late", exp=1)
    response = await shop.http.post(
        "/sales/v1/sales", json=sale("bread"), headers={"Authorization": f"Bearer {expired}"}
    )
    refused(response, 401, "unauthenticated")
    no_seller = shop.person(person.till_id, permissions=CASHIER - {Permission.SALES_SELL})
    refused(await no_seller.post("/sales", sale("bread")), 403, "forbidden")


async def test_the_shift_belongs_to_the_cashier_who_opened_it(shop: Shop, anna: Person) -> None:
    colleague = shop.person(anna.till_id, name="Piotr Nowak")
    refused(await colleague.post("/sales", sale("bread")), 409, "no-open-shift")


async def test_the_document_and_its_event_are_the_same(shop: Shop, anna: Person) -> None:
    document = answered(await anna.post("/sales", sale("bread", "tea")), 201)
    [event] = [each for each in await shop.events(document["sale_id"]) if each["type"] == "sale_completed"]
    assert {key: event[key] for key in document} == document
    stored = answered(await anna.get(f"/sales/{document['sale_id']}"), 200)
    assert stored["sale"] == document


async def test_somebody_who_was_withdrawn_sells_no_more_although_the_token_still_holds(
    shop: Shop, anna: Person
) -> None:
    answered(await anna.post("/sales", sale("bread")), 201)
    facts = StaffChanged(
        staff_id=anna.staff_id,
        code="anna",
        name=anna.name,
        language=None,
        store_ids=(),
        roles=("cashier",),
        permissions=(),
        limits=StaffLimits(),
        active=True,
    )
    await publish(shop, facts.model_copy(update={"active": False}), sequence=2)
    refused(await anna.post("/sales", sale("bread")), 401, "staff-withdrawn")
    refused(await anna.post("/baskets", {"currency": "PLN"}), 401, "staff-withdrawn")
    await publish(shop, facts, sequence=1)
    refused(await anna.post("/sales", sale("bread")), 401, "staff-withdrawn")
    await publish(shop, facts, sequence=3)
    answered(await anna.post("/sales", sale("bread")), 201)
