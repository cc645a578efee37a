"""A card tender from the command of sales to its outcome, at a terminal behind a gateway."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from libs.contracts.terminals import CardFacts, CardReferences
from libs.persistence import new_id
from tests.integration.payments.terminal_shop import (
    Answering,
    TerminalShop,
    another_store,
    answered,
    approves,
    declines,
    refused,
)


async def test_a_card_pays_and_every_transition_is_kept_with_who_and_when(shop: TerminalShop) -> None:
    tender_id = await shop.authorize(4_000)
    shown = await shop.becomes(tender_id, "approved")
    assert (shown["approved_minor"], shown["captured_minor"], shown["card"]["scheme"]) == (4_000, 0, "visa")
    [(kind, outcome)] = await shop.outcomes_of(tender_id)
    assert (kind, outcome["amount_minor"], outcome["reference"]) == (
        "authorized",
        4_000,
        shown["references"]["approval_code"],
    )
    assert outcome["slip"] == ["VISA ************0119", "APPROVED"]
    await shop.capture(tender_id)
    shown = await shop.becomes(tender_id, "captured")
    assert shown["captured_minor"] == 4_000
    assert [(line["from_state"], line["to_state"], line["by_kind"]) for line in shown["history"]] == [
        (None, "created", "sales"),
        ("created", "sent", "sales"),
        ("sent", "approved", "terminal"),
        ("approved", "captured", "sales"),
    ]
    assert await shop.told(tender_id) == ["authorized", "captured"]


async def test_a_command_that_arrives_twice_asks_the_terminal_once(shop: TerminalShop) -> None:
    tender_id = await shop.authorize(1_500, sent_twice=True)
    await shop.becomes(tender_id, "approved")
    assert shop.gateway.actions(tender_id) == ["purchase"]
    await shop.capture(tender_id, 1_500)
    await shop.capture(tender_id, 1_500)
    assert await shop.told(tender_id) == ["authorized", "captured"]


async def test_an_answer_that_arrives_twice_takes_effect_once(shop: TerminalShop) -> None:
    tender_id = await shop.authorize(1_500)
    await shop.becomes(tender_id, "approved")
    [operation] = shop.gateway.asked
    published = await shop.published(tender_id)
    await shop.gateway.answer(operation, **approves(operation))
    await shop.services.drained()
    assert await shop.published(tender_id) == published == [1, 2]
    shown = await shop.intent(tender_id)
    assert (shown["state"], shown["anomaly_count"]) == ("approved", 0)
    assert await shop.told(tender_id) == ["authorized"]


async def test_a_decline_says_why_and_takes_nothing(shop: TerminalShop) -> None:
    shop.gateway.script["purchase"] = declines
    tender_id = await shop.authorize()
    shown = await shop.becomes(tender_id, "declined")
    assert (shown["reason_code"], shown["approved_minor"]) == ("51", 0)
    [(kind, outcome)] = await shop.outcomes_of(tender_id)
    assert (kind, outcome["reason_code"], outcome["reason"]) == ("declined", "51", "Insufficient funds")


async def test_what_certainly_did_not_reach_the_terminal_is_a_decline(shop: TerminalShop) -> None:
    answers: list[tuple[str, Answering]] = [
        ("not_sent", lambda operation: {"outcome": "not_sent"}),
        ("expired", lambda operation: {"outcome": "expired"}),
    ]
    for outcome, answer in answers:
        shop.gateway.script["purchase"] = answer
        tender_id = await shop.authorize()
        assert (await shop.becomes(tender_id, "declined"))["reason_code"] == outcome


async def test_rule_18_a_partial_approval_counts_for_what_was_approved(shop: TerminalShop) -> None:
    shop.gateway.script["purchase"] = lambda operation: {**approves(operation), "amount_minor": 2_500}
    tender_id = await shop.authorize(4_000)
    assert (await shop.becomes(tender_id, "approved"))["approved_minor"] == 2_500
    [(_, outcome)] = await shop.outcomes_of(tender_id)
    assert outcome["amount_minor"] == 2_500


async def test_rule_15_cash_back_comes_on_top_and_within_its_limit(shop: TerminalShop) -> None:
    tender_id = await shop.authorize(4_000, cash_back_minor=10_000, tip_minor=500, instalments=3)
    shown = await shop.becomes(tender_id, "approved")
    assert (shown["approved_minor"], shown["instalments"]) == (14_500, 3)
    [operation] = shop.gateway.asked
    assert (operation.amount_minor, operation.cash_back_minor, operation.tip_minor) == (14_500, 10_000, 500)
    assert (await shop.outcomes_of(tender_id))[0][1]["amount_minor"] == 4_000
    tender_id = await shop.authorize(4_000, cash_back_minor=100_001)
    assert (await shop.becomes(tender_id, "declined"))["reason_code"] == "cash-back-refused"
    answered(await shop.manager().asks("PUT", "/payments/v1/cash-back-limits/PLN/*", {"limit_minor": 5_000}), 200)
    tender_id = await shop.authorize(4_000, cash_back_minor=5_001)
    assert "5000" in (await shop.becomes(tender_id, "declined"))["reason"]
    answered(await shop.manager().asks("PUT", "/payments/v1/cash-back-limits/PLN/visa", {"limit_minor": 6_000}), 200)
    tender_id = await shop.authorize(4_000, cash_back_minor=5_001)
    await shop.becomes(tender_id, "approved")
    for scheme in ("*", "visa"):
        gone = await shop.manager().asks("DELETE", f"/payments/v1/cash-back-limits/PLN/{scheme}")
        assert gone.status_code == 204


async def test_a_till_without_a_terminal_is_told_so(shop: TerminalShop) -> None:
    here = shop.till_id
    shop.till_id = uuid4()
    tender_id = await shop.authorize()
    shop.till_id = here
    shown = await shop.becomes(tender_id, "declined")
    assert (shown["reason_code"], shown["reason"].startswith("This till has no payment terminal")) == (
        "no-terminal",
        True,
    )
    assert shop.gateway.asked == []


async def test_a_terminal_that_is_not_there_is_named(shop: TerminalShop) -> None:
    tender_id = await shop.authorize(instrument="other-terminal")
    assert "card-terminal" in (await shop.becomes(tender_id, "declined"))["reason"]


async def test_rule_22_a_card_number_is_nowhere(shop: TerminalShop) -> None:
    number = "4761739001010119"

    def leaks(operation: object) -> dict[str, object]:
        return {
            **approves(operation),  # type: ignore[arg-type]
            "customer_slip": (f"CARD {number}",),
            "card": CardFacts(scheme=f"visa {number}"),
            "references": CardReferences(approval_code="A1", transaction_id=number),
        }

    shop.gateway.script["purchase"] = lambda operation: {"outcome": "declined", "reason": f"Not {number}"}
    declined = await shop.authorize()
    assert (await shop.becomes(declined, "declined"))["reason"] == "Not [card number]"
    shop.gateway.script["purchase"] = leaks
    tender_id = await shop.authorize(instrument=None)
    shown = await shop.becomes(tender_id, "approved")
    assert number not in str(shown)
    assert number not in str(await shop.outcomes_of(tender_id))
    assert (shown["anomaly_count"], shown["references"]["transaction_id"]) == (1, None)


async def test_a_refund_goes_back_to_its_card_and_never_more_than_was_captured(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    part = await shop.authorize(-1_500, original_tender_id=paid)
    await shop.becomes(part, "approved")
    assert (await shop.outcomes_of(part))[0][1]["amount_minor"] == -1_500
    await shop.capture(part, -1_500)
    shown = await shop.becomes(paid, "part_refunded")
    assert (shown["refunded_minor"], shown["refundable_minor"]) == (1_500, 2_500)
    asked = shop.gateway.asked[-1]
    assert asked.original is not None
    assert asked.original.approval_code == shown["references"]["approval_code"]
    too_much = await shop.authorize(-2_501, original_tender_id=paid)
    assert (await shop.becomes(too_much, "declined"))["reason_code"] == "refund-too-large"
    rest = await shop.authorize(-2_500, original_tender_id=paid)
    await shop.becomes(rest, "approved")
    assert (await shop.becomes(paid, "refunded"))["refundable_minor"] == 0


async def test_a_refund_at_a_terminal_that_names_no_card_counts_for_the_scheme_of_the_card_that_paid(
    shop: TerminalShop,
) -> None:
    paid = await shop.paid(4_000)
    shop.gateway.script["refund"] = lambda operation: {**approves(operation), "card": None}
    refund = await shop.authorize(-4_000, original_tender_id=paid)
    card = (await shop.becomes(refund, "approved"))["card"]
    assert (card["masked_number"], card["scheme"]) == ((await shop.intent(paid))["card"]["masked_number"], "visa")


async def test_a_declined_refund_may_be_asked_for_again(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    shop.gateway.script["refund"] = declines
    await shop.becomes(await shop.authorize(-4_000, original_tender_id=paid), "declined")
    assert (await shop.intent(paid))["refundable_minor"] == 4_000
    shop.gateway.script.clear()
    await shop.becomes(await shop.authorize(-4_000, original_tender_id=paid), "approved")


async def test_two_tills_that_refund_one_payment_at_once_give_back_once(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    both = await asyncio.gather(*(shop.authorize(-3_000, original_tender_id=paid) for _ in range(2)))
    states = sorted([(await shop.becomes(each, "approved", "declined"))["state"] for each in both])
    assert states == ["approved", "declined"]
    assert (await shop.intent(paid))["refunded_minor"] == 3_000


async def test_a_refund_without_its_payment_is_refused(shop: TerminalShop) -> None:
    for original in (None, uuid4()):
        tender_id = await shop.authorize(-100, original_tender_id=original)
        assert (await shop.becomes(tender_id, "declined"))["reason_code"] == "refund-needs-original"


async def test_a_tender_taken_back_is_reversed(shop: TerminalShop) -> None:
    tender_id = await shop.authorize()
    await shop.becomes(tender_id, "approved")
    await shop.release(tender_id)
    shown = await shop.becomes(tender_id, "reversed")
    assert shop.gateway.actions(tender_id) == ["purchase", "reversal"]
    assert shop.gateway.asked[-1].inquired_operation_id == shop.gateway.asked[0].operation_id
    await shop.release(tender_id)
    assert await shop.told(tender_id) == ["authorized", "released"]
    assert shown["captured_minor"] == 0


async def test_a_voided_sale_is_voided_at_the_terminal_before_its_settlement(shop: TerminalShop) -> None:
    paid = await shop.paid()
    await shop.release(paid)
    await shop.becomes(paid, "voided")
    assert await shop.told(paid) == ["authorized", "captured", "released"]


async def test_a_refund_taken_back_is_captured_again(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    refund = await shop.authorize(-1_000, original_tender_id=paid)
    await shop.becomes(refund, "approved")
    await shop.release(refund, -1_000)
    await shop.becomes(refund, "reversed")
    assert (await shop.becomes(paid, "captured"))["refundable_minor"] == 4_000


async def test_a_refused_reversal_is_sent_again_and_stays_on_the_list_until_it_took_place(shop: TerminalShop) -> None:
    tender_id = await shop.authorize()
    await shop.becomes(tender_id, "approved")
    shop.gateway.script["reversal"] = declines
    await shop.release(tender_id)
    await shop.becomes(tender_id, "reversal_refused")
    listed = await shop.person().get("/intents", state="unresolved")
    assert str(tender_id) in [item["intent_id"] for item in listed["items"]]
    shop.gateway.script.clear()
    await shop.passes(3_600)
    await shop.becomes(tender_id, "reversed")
    assert await shop.told(tender_id) == ["authorized", "released"]


async def test_a_refused_reversal_that_was_given_back_in_another_way_is_confirmed_by_a_manager(
    shop: TerminalShop,
) -> None:
    tender_id = await shop.authorize()
    await shop.becomes(tender_id, "approved")
    shop.gateway.script["reversal"] = declines
    await shop.release(tender_id)
    await shop.becomes(tender_id, "reversal_refused")
    path = f"/intents/{tender_id}/confirmation"
    refused(await shop.manager().post(path, {"outcome": "approved"}), 422, "invalid", "note")
    given_back = {"outcome": "approved", "note": "Paid out by bank transfer"}
    refused(await shop.person().post(path, given_back), 403, "approval-required")
    assert answered(await shop.manager().post(path, given_back), 200)["state"] == "reversed"
    assert await shop.told(tender_id) == ["authorized", "released"]


async def test_a_tender_of_nothing_is_declined(shop: TerminalShop) -> None:
    tender_id = await shop.authorize(0)
    [(kind, outcome)] = await shop.outcomes_of(tender_id)
    assert (kind, outcome["reason"]) == ("declined", "A card payment is of an amount above zero.")


async def test_a_finished_payment_of_a_sale_is_given_back_by_the_sale_only(shop: TerminalShop) -> None:
    paid = await shop.paid()
    manager = shop.manager()
    refused(await manager.post(f"/intents/{paid}/reversal", {"reason": "no"}), 409, "not-reversible")
    refused(await manager.post(f"/intents/{paid}/refunds", {"amount_minor": 1}), 409, "belongs-to-a-sale")


async def test_payments_of_several_stores_are_listed_page_by_page_in_their_order(shop: TerminalShop) -> None:
    first, second = await another_store(shop), await another_store(shop)
    made = [str(await each.authorize()) for each in (first, second, second, first, first)]
    for intent_id in made:
        await shop.person(store_ids=[], all_stores=True).get(f"/intents/{intent_id}")
    clerk = shop.person(store_ids=[str(first.store_id), str(second.store_id)], store_id=None, till_id=None)
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = await clerk.get("/intents", limit=2, **cursor)
        seen += [item["intent_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == made


async def test_nobody_sees_another_stores_payments(shop: TerminalShop) -> None:
    tender_id = await shop.authorize()
    stranger = shop.person(store_ids=[str(uuid4())], store_id=str(uuid4()))
    refused(await stranger.asks("GET", f"/payments/v1/intents/{tender_id}"), 403, "forbidden")
    assert (await stranger.get("/intents"))["items"] == []
    refused(await stranger.asks("GET", f"/payments/v1/intents/{new_id()}"), 404, "unknown-intent")
