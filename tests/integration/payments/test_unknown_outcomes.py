"""A lost answer is `unknown`: asked for until it is known, resolved by a person each way, and never charged again."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from libs.contracts.permissions import Permission
from tests.integration.payments.terminal_shop import (
    TerminalShop,
    answered,
    approves,
    declines,
    finds_nothing,
    found,
    is_silent,
    loses,
    refused,
    settings_of,
    terminal_device,
)


async def lost(shop: TerminalShop, amount_minor: int = 4_000, **facts: Any) -> Any:
    """A purchase whose outcome is unknown, with a terminal that does not tell more for now."""
    shop.gateway.script |= {"purchase": loses, "inquiry": loses}
    tender_id = await shop.authorize(amount_minor, **facts)
    await shop.becomes(tender_id, "unknown")
    return tender_id


async def test_rule_17_an_unknown_payment_found_by_an_inquiry_is_paid_and_was_charged_once(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    assert await shop.told(tender_id) == ["unknown"]
    shop.gateway.script["inquiry"] = found
    await shop.passes(60)
    shown = await shop.becomes(tender_id, "approved")
    assert shop.gateway.actions(tender_id) == ["purchase", "inquiry"]
    assert shop.gateway.asked[1].inquired_operation_id == shop.gateway.asked[0].operation_id
    assert shown["approved_minor"] == 4_000
    assert await shop.told(tender_id) == ["unknown", "authorized"]


async def test_an_unknown_payment_that_was_declined_is_declined(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    shop.gateway.script["inquiry"] = lambda operation: {**declines(operation), "found": True}
    await shop.passes(60)
    assert (await shop.becomes(tender_id, "declined"))["reason_code"] == "51"


async def test_only_not_found_lets_the_till_try_anew(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    shop.gateway.script["inquiry"] = finds_nothing
    await shop.passes(60)
    assert (await shop.becomes(tender_id, "declined"))["reason_code"] == "not_found"
    assert await shop.told(tender_id) == ["unknown", "declined"]
    assert shop.gateway.actions().count("purchase") == 1


async def test_inquiries_grow_rarer_and_never_end(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    for count, seconds in ((1, 6), (2, 6), (3, 11), (4, 21)):
        await shop.passes(seconds)
        await shop.asked(1 + count)
    await shop.passes(1)
    assert shop.gateway.actions(tender_id) == ["purchase", *["inquiry"] * 4]
    shop.gateway.script["inquiry"] = found
    await shop.passes(400)
    await shop.becomes(tender_id, "approved")


async def test_a_terminal_that_never_answers_makes_the_outcome_unknown(shop: TerminalShop) -> None:
    shop.gateway.script |= {"purchase": is_silent, "inquiry": is_silent}
    tender_id = await shop.authorize()
    await shop.passes(settings_of(shop).answer_timeout_s - 30)
    assert (await shop.intent(tender_id))["state"] == "sent"
    await shop.passes(40)
    await shop.becomes(tender_id, "unknown")
    # The answer comes after all.
    await shop.gateway.answer(shop.gateway.asked[0], **approves(shop.gateway.asked[0]))
    await shop.becomes(tender_id, "approved")
    assert await shop.told(tender_id) == ["unknown", "authorized"]


async def test_a_command_that_no_gateway_takes_is_a_decline(shop: TerminalShop) -> None:
    away = terminal_device(shop.store_id, uuid4(), [shop.till_id], "away-terminal")
    await shop.hears(away)
    tender_id = await shop.authorize(instrument="away-terminal")
    await shop.passes(1)
    shown = await shop.becomes(tender_id, "declined")
    assert (shown["reason_code"], shown["reason"]) == ("not_sent", "The terminal was not reached; nothing was taken.")
    await shop.hears(away.model_copy(update={"configured": False}), sequence=2)


async def test_a_command_that_expired_on_its_way_may_have_arrived_and_is_unknown(shop: TerminalShop) -> None:
    shop.gateway.script |= {"purchase": is_silent, "inquiry": finds_nothing}
    tender_id = await shop.authorize()
    await shop.asked(1)
    async with shop.database.transaction() as work:
        await work.connection.execute(
            text("update outbox set failure = 'expired' where key = :key"),
            {"key": str(shop.gateway.asked[0].operation_id)},
        )
    await shop.passes(1)
    assert await shop.told(tender_id) == ["unknown"]
    await shop.passes(10)
    await shop.becomes(tender_id, "declined")


async def test_the_till_queries_now(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    shop.gateway.script["inquiry"] = found
    asked = answered(await shop.person().post(f"/intents/{tender_id}/inquiry"), 200)
    assert asked["state"] == "unknown"
    await shop.becomes(tender_id, "approved")
    assert answered(await shop.person().post(f"/intents/{tender_id}/inquiry"), 200)["state"] == "approved"


async def test_the_till_confirms_with_the_approval_code_and_both_names_are_kept(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    cashier = shop.person()
    body = {"approval_code": "A77", "last_four": "0119"}
    path = f"/intents/{tender_id}/confirmation"
    problem = refused(await cashier.post(path, body), 403, "approval-required")
    assert (problem["action"], problem["bound_to"]) == ("payments.confirm", str(tender_id))
    elsewhere = shop.approval(Permission.PAYMENTS_CONFIRM, str(uuid4()), cashier)
    refused(await cashier.post(path, {**body, "approval": elsewhere}), 403, "approval-does-not-fit", "approval")
    approval = shop.approval(Permission.PAYMENTS_CONFIRM, str(tender_id), cashier)
    refused(await cashier.post(path, {"last_four": "0119", "approval": approval}), 422, "invalid", "approval_code")
    shown = answered(await cashier.post(path, {**body, "approval": approval}), 200)
    assert (shown["state"], shown["references"]["approval_code"]) == ("approved", "A77")
    line = (await shop.intent(tender_id))["history"][-1]
    assert (line["by_name"], line["approved_by_name"]) == ("Anna Kowalska", "Maria Nowak")
    assert await shop.told(tender_id) == ["unknown", "authorized"]
    again = await lost(shop)
    path = f"/intents/{again}/confirmation"
    refused(await cashier.post(path, {**body, "approval": approval}), 403, "approval-does-not-fit")
    answered(await shop.manager().post(path, {"outcome": "declined", "note": "The slip says no"}), 200)
    assert await shop.told(again) == ["unknown", "declined"]


async def test_what_was_confirmed_with_its_rrn_goes_back_by_it(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    body = {"approval_code": "A77", "last_four": "0119", "retrieval_reference": "532319000042"}
    answered(await shop.manager().post(f"/intents/{tender_id}/confirmation", body), 200)
    await shop.release(tender_id)
    await shop.becomes(tender_id, "reversed")
    original = shop.gateway.asked[-1].original
    assert original is not None
    assert (original.approval_code, original.retrieval_reference) == ("A77", "532319000042")


async def test_a_card_number_instead_of_a_code_is_refused(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    body = {"approval_code": "A1", "last_four": "0119", "note": "paid by 4761 7390 0101 0119"}
    refused(await shop.manager().post(f"/intents/{tender_id}/confirmation", body), 422, "card-number-refused", "note")


async def test_the_till_reverses_an_unknown_payment_after_asking_what_became_of_it(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    shop.gateway.script["inquiry"] = found
    await shop.release(tender_id)
    await shop.becomes(tender_id, "reversed")
    assert shop.gateway.actions(tender_id) == ["purchase", "inquiry", "reversal"]
    assert await shop.told(tender_id) == ["unknown", "released"]


async def test_what_was_never_taken_is_released_without_a_reversal(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    shop.gateway.script["inquiry"] = finds_nothing
    await shop.release(tender_id)
    await shop.becomes(tender_id, "declined")
    assert (shop.gateway.actions(tender_id), await shop.told(tender_id)) == (
        ["purchase", "inquiry"],
        ["unknown", "released"],
    )


async def test_an_operator_reverses_an_unknown_payment(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    shop.gateway.script["inquiry"] = found
    answered(await shop.person().post(f"/intents/{tender_id}/reversal", {"reason": "The customer left"}), 200)
    await shop.becomes(tender_id, "reversed")
    assert await shop.told(tender_id) == ["unknown", "declined"]


async def test_a_reversal_whose_answer_is_lost_is_asked_for_and_repeated_only_if_it_never_happened(
    shop: TerminalShop,
) -> None:
    tender_id = await shop.authorize()
    await shop.becomes(tender_id, "approved")
    shop.gateway.script |= {"reversal": loses, "inquiry": finds_nothing}
    await shop.release(tender_id)
    await shop.becomes(tender_id, "unknown")
    await shop.passes(60)
    await shop.becomes(tender_id, "reversal_refused")
    shop.gateway.script.clear()
    await shop.passes(600)
    await shop.becomes(tender_id, "reversed")
    assert shop.gateway.actions(tender_id) == ["purchase", "reversal", "inquiry", "reversal"]
    assert await shop.told(tender_id) == ["authorized", "released"]


async def test_a_late_approval_of_what_was_given_up_goes_back_and_is_never_lost(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    shop.gateway.script["inquiry"] = finds_nothing
    await shop.passes(60)
    await shop.becomes(tender_id, "declined")
    purchase = shop.gateway.asked[0]
    await shop.gateway.answer(purchase, **approves(purchase))
    shown = await shop.becomes(tender_id, "reversed")
    assert shown["anomaly_count"] == 1
    assert shop.gateway.actions(tender_id) == ["purchase", "inquiry", "reversal"]
    assert await shop.told(tender_id) == ["unknown", "declined"]
    listed = await shop.person().get("/intents", state="anomalous")
    assert str(tender_id) in [item["intent_id"] for item in listed["items"]]


@pytest.mark.parametrize("late", ["not_sent", "expired"])
async def test_not_sent_after_not_found_is_the_same_said_twice_and_no_anomaly(shop: TerminalShop, late: str) -> None:
    shop.gateway.script |= {"purchase": is_silent, "inquiry": finds_nothing}
    tender_id = await shop.authorize()
    await shop.passes(settings_of(shop).answer_timeout_s + 10)
    await shop.becomes(tender_id, "declined")
    purchase = shop.gateway.asked[0]
    await shop.gateway.answer(purchase, outcome=late, reason="It came after payments had asked.")
    await shop.services.drained()
    shown = await shop.intent(tender_id)
    assert (shown["state"], shown["reason_code"], shown["anomaly_count"]) == ("declined", "not_found", 0)
    assert await shop.told(tender_id) == ["unknown", "declined"]


async def test_a_reversal_that_took_place_after_all_is_not_sent_again(shop: TerminalShop) -> None:
    tender_id = await shop.authorize()
    await shop.becomes(tender_id, "approved")
    shop.gateway.script["reversal"] = declines
    await shop.release(tender_id)
    await shop.becomes(tender_id, "reversal_refused")
    reversal = shop.gateway.asked[-1]
    await shop.gateway.answer(reversal, **approves(reversal))
    await shop.becomes(tender_id, "reversed")
    await shop.passes(3_600)
    assert shop.gateway.actions(tender_id) == ["purchase", "reversal"]
    assert await shop.told(tender_id) == ["authorized", "released"]


async def test_a_late_answer_against_a_persons_word_is_written_down(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    body = {"approval_code": "A77", "last_four": "0119"}
    answered(await shop.manager().post(f"/intents/{tender_id}/confirmation", body), 200)
    purchase = shop.gateway.asked[0]
    await shop.gateway.answer(purchase, **declines(purchase))
    await shop.services.drained()
    shown = await shop.intent(tender_id)
    assert (shown["state"], shown["anomaly_count"], shown["history"][-1]["kind"]) == ("approved", 1, "anomaly")


async def test_an_answer_that_contradicts_itself_is_unknown(shop: TerminalShop) -> None:
    shop.gateway.script |= {
        "purchase": lambda operation: {**approves(operation), "currency": "EUR"},
        "inquiry": loses,
    }
    tender_id = await shop.authorize()
    shown = await shop.becomes(tender_id, "unknown")
    assert (shown["anomaly_count"], shown["approved_minor"]) == (1, 0)


async def test_the_list_of_unresolved_payments_tells_their_age(shop: TerminalShop) -> None:
    tender_id = await lost(shop)
    listed = await shop.person().get("/intents", state="unresolved")
    [mine] = [item for item in listed["items"] if item["intent_id"] == str(tender_id)]
    assert (mine["state"], mine["pending"], mine["unresolved_s"] >= 0) == ("unknown", "purchase", True)
    first = await shop.person().get("/intents", state="unresolved", limit=1)
    assert first["next_cursor"] or len(listed["items"]) == 1
