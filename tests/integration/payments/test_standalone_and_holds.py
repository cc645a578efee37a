"""Terminals that stand alone, pre-authorisations, and what terminals are asked beside payments."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from libs.contracts.permissions import Permission
from tests.integration.payments.terminal_shop import (
    Person,
    TerminalShop,
    answered,
    approves,
    declines,
    found,
    is_silent,
    loses,
    refused,
)


async def standalone(shop: TerminalShop) -> dict[str, Any]:
    name = f"alone-{uuid4().hex[:8]}"
    body = {"store_id": str(shop.store_id), "name": name}
    added: dict[str, Any] = answered(await shop.manager().post("/standalone-terminals", body), 201)
    return added


async def says(person: Person, intent_id: Any, status: int = 200, **body: Any) -> Any:
    return answered(await person.post(f"/intents/{intent_id}/confirmation", body), status)


async def test_rule_20_a_standalone_terminal_is_worked_by_a_person_who_types_what_its_slip_says(
    shop: TerminalShop,
) -> None:
    terminal = await standalone(shop)
    tender_id = await shop.authorize(4_000, instrument=terminal["name"])
    waiting = await shop.becomes(tender_id, "awaiting_confirmation")
    assert (waiting["standalone"], waiting["pending"], shop.gateway.asked) == (True, "purchase", [])
    assert await shop.told(tender_id) == []
    cashier = shop.person()
    path = f"/intents/{tender_id}/confirmation"
    refused(await cashier.post(path, {"approval_code": "A12"}), 422, "invalid", "last_four")
    paid = await says(cashier, tender_id, approval_code="A12", last_four="0119", scheme="VISA")
    assert (paid["state"], paid["card"]["masked_number"]) == ("approved", "************0119")
    [(_, outcome)] = await shop.outcomes_of(tender_id)
    assert (outcome["amount_minor"], outcome["reference"]) == (4_000, "A12")
    refused(await cashier.post(path, {"outcome": "declined"}), 409, "nothing-to-confirm")
    line = (await shop.intent(tender_id))["history"][-1]
    assert (line["by_kind"], line["by_name"]) == ("staff", "Anna Kowalska")


async def test_the_same_confirmation_sent_again_has_the_same_answer(shop: TerminalShop) -> None:
    terminal = await standalone(shop)
    tender_id = await shop.authorize(instrument=terminal["name"])
    cashier, body = shop.person(), {"approval_code": "A12", "last_four": "0119"}
    first, second = [
        await cashier.post(f"/intents/{tender_id}/confirmation", body, key="the-same-key") for _ in range(2)
    ]
    assert (first.content, second.headers["Idempotency-Replayed"]) == (second.content, "true")


async def test_two_people_who_confirm_at_once_decide_once(shop: TerminalShop) -> None:
    terminal = await standalone(shop)
    tender_id = await shop.authorize(instrument=terminal["name"])
    bodies = [{"approval_code": "A1", "last_four": "0119"}, {"outcome": "declined"}]
    answers = await asyncio.gather(*(shop.person().post(f"/intents/{tender_id}/confirmation", body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await shop.told(tender_id)) == 1


async def test_a_part_or_nothing_at_a_standalone_terminal(shop: TerminalShop) -> None:
    terminal = await standalone(shop)
    part = await shop.authorize(4_000, instrument=terminal["name"])
    too_much = {"approval_code": "A12", "last_four": "0119", "amount_minor": 4_001}
    refused(await shop.person().post(f"/intents/{part}/confirmation", too_much), 422, "invalid", "amount_minor")
    await says(shop.person(), part, approval_code="A12", last_four="0119", amount_minor=1_000)
    assert (await shop.outcomes_of(part))[0][1]["amount_minor"] == 1_000
    nothing = await shop.authorize(4_000, instrument=terminal["name"])
    await says(shop.person(), nothing, outcome="declined", note="Customer walked away")
    assert await shop.told(nothing) == ["declined"]


async def test_a_reversal_at_a_standalone_terminal_is_done_by_hand(shop: TerminalShop) -> None:
    terminal = await standalone(shop)
    tender_id = await shop.authorize(instrument=terminal["name"])
    await says(shop.person(), tender_id, approval_code="A12", last_four="0119")
    await shop.release(tender_id)
    await shop.becomes(tender_id, "awaiting_confirmation")
    assert (await says(shop.person(), tender_id, approval_code="R12"))["state"] == "reversed"
    assert await shop.told(tender_id) == ["authorized", "released"]


async def test_a_till_has_a_default_among_named_standalone_terminals(shop: TerminalShop) -> None:
    first, second = await standalone(shop), await standalone(shop)
    manager = shop.manager()
    path = f"/payments/v1/tills/{shop.till_id}/default-terminal"
    answered(await manager.asks("PUT", path, {"terminal_id": second["terminal_id"]}), 200)
    tender_id = await shop.authorize()
    assert (await shop.becomes(tender_id, "awaiting_confirmation"))["terminal"] == second["name"]
    named = await shop.authorize(instrument=first["name"])
    assert (await shop.becomes(named, "awaiting_confirmation"))["terminal"] == first["name"]
    answered(await manager.asks("PUT", path, {"terminal_id": str(shop.terminal_id)}), 200)
    refused(await manager.asks("PUT", path, {"terminal_id": str(uuid4())}), 404, "unknown-terminal", "terminal_id")
    taken = {"store_id": str(shop.store_id), "name": first["name"]}
    refused(await manager.post("/standalone-terminals", taken), 409, "terminal-name-taken", "name")
    for each in (tender_id, named):
        await says(shop.person(), each, outcome="declined")


async def hold(shop: TerminalShop, amount_minor: int = 10_000) -> str:
    body = {"currency": "PLN", "amount_minor": amount_minor}
    held = answered(await shop.person().post("/pre-authorisations", body), 201)
    assert held["state"] == "sent"
    await shop.becomes(held["intent_id"], "authorised")
    return str(held["intent_id"])


async def test_a_pre_authorisation_is_held_incremented_completed_and_refunded_in_part(shop: TerminalShop) -> None:
    intent_id = await hold(shop)
    clerk = shop.manager()
    answered(await clerk.post(f"/pre-authorisations/{intent_id}/increments", {"amount_minor": 5_000}), 200)
    assert (await shop.becomes(intent_id, "incremented"))["approved_minor"] == 15_000
    path = f"/pre-authorisations/{intent_id}/completion"
    refused(await clerk.post(path, {"amount_minor": 15_001}), 422, "invalid", "amount_minor")
    answered(await clerk.post(path, {"amount_minor": 12_000}), 200)
    assert (await shop.becomes(intent_id, "completed"))["captured_minor"] == 12_000
    refund = answered(await clerk.post(f"/intents/{intent_id}/refunds", {"amount_minor": 2_000}), 201)
    await shop.becomes(refund["intent_id"], "captured")
    assert (await shop.becomes(intent_id, "part_refunded"))["refundable_minor"] == 10_000
    more = await clerk.post(f"/intents/{intent_id}/refunds", {"amount_minor": 10_001})
    assert refused(more, 422, "refund-too-large", "amount_minor")["left_minor"] == 10_000
    assert shop.gateway.actions() == ["pre_authorisation", "increment", "completion", "refund"]


async def test_a_pre_authorisation_is_cancelled(shop: TerminalShop) -> None:
    intent_id = await hold(shop)
    cashier = shop.person()
    answered(await cashier.post(f"/pre-authorisations/{intent_id}/cancellation", {}), 200)
    await shop.becomes(intent_id, "cancelled")
    again = await cashier.post(f"/pre-authorisations/{intent_id}/cancellation", {})
    refused(again, 409, "illegal-intent-transition")


async def test_a_declined_increment_leaves_the_hold_as_it_was(shop: TerminalShop) -> None:
    intent_id = await hold(shop)
    shop.gateway.script["increment"] = declines
    answered(await shop.person().post(f"/pre-authorisations/{intent_id}/increments", {"amount_minor": 1}), 200)
    assert (await shop.becomes(intent_id, "authorised"))["approved_minor"] == 10_000


async def test_a_lost_completion_is_asked_for_before_anything_else_may_happen(shop: TerminalShop) -> None:
    intent_id = await hold(shop)
    shop.gateway.script |= {"completion": loses, "inquiry": loses}
    cashier = shop.person()
    answered(await cashier.post(f"/pre-authorisations/{intent_id}/completion", {}), 200)
    await shop.becomes(intent_id, "unknown")
    refused(await cashier.post(f"/pre-authorisations/{intent_id}/cancellation", {}), 409, "action-pending")
    refused(await cashier.post(f"/intents/{intent_id}/reversal", {"reason": "no"}), 409, "not-reversible")
    shop.gateway.script["inquiry"] = lambda operation: {**approves(operation), "found": True}
    await shop.passes(60)
    assert (await shop.becomes(intent_id, "completed"))["captured_minor"] == 10_000


async def test_an_unknown_hold_that_is_not_wanted_is_cancelled_once_it_is_found(shop: TerminalShop) -> None:
    shop.gateway.script |= {"pre_authorisation": loses, "inquiry": found}
    held = answered(await shop.person().post("/pre-authorisations", {"currency": "PLN", "amount_minor": 500}), 201)
    await shop.becomes(held["intent_id"], "unknown")
    answered(await shop.person().post(f"/intents/{held['intent_id']}/reversal", {"reason": "Guest left"}), 200)
    await shop.becomes(held["intent_id"], "cancelled")
    assert shop.gateway.actions() == ["pre_authorisation", "inquiry", "pre_authorisation_cancel"]


async def test_a_completion_that_took_place_after_all_is_completed(shop: TerminalShop) -> None:
    intent_id = await hold(shop)
    shop.gateway.script["completion"] = declines
    answered(await shop.person().post(f"/pre-authorisations/{intent_id}/completion", {}), 200)
    await shop.becomes(intent_id, "authorised")
    completion = shop.gateway.asked[-1]
    await shop.gateway.answer(completion, **approves(completion))
    shown = await shop.becomes(intent_id, "completed")
    assert (shown["captured_minor"], shown["anomaly_count"]) == (10_000, 1)


async def test_two_completions_at_once_take_the_money_once(shop: TerminalShop) -> None:
    intent_id = await hold(shop)
    shop.gateway.script["completion"] = is_silent
    path = f"/pre-authorisations/{intent_id}/completion"
    answers = await asyncio.gather(*(shop.person().post(path, {}) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    await shop.asked(2)
    assert shop.gateway.actions() == ["pre_authorisation", "completion"]


async def test_a_completed_pre_authorisation_is_voided_before_its_settlement(shop: TerminalShop) -> None:
    intent_id = await hold(shop)
    answered(await shop.person().post(f"/pre-authorisations/{intent_id}/completion", {}), 200)
    await shop.becomes(intent_id, "completed")
    cashier = await shop.person().post(f"/intents/{intent_id}/reversal", {"reason": "Wrong guest"})
    assert refused(cashier, 403, "forbidden")["permission"] == Permission.PAYMENTS_REFUND
    answered(await shop.manager().post(f"/intents/{intent_id}/reversal", {"reason": "Wrong guest"}), 200)
    await shop.becomes(intent_id, "voided")


async def test_a_terminal_is_asked_for_a_balance_its_last_slip_and_a_diagnosis(shop: TerminalShop) -> None:
    shop.gateway.script["last_slip"] = lambda operation: {"outcome": "approved", "customer_slip": ("THE SLIP",)}
    cashier = shop.person()
    for action in ("balance", "last_slip", "diagnosis"):
        asked = answered(await cashier.post("/terminal-operations", {"action": action, "currency": "PLN"}), 202)
        assert asked["state"] == "open"
        await shop.services.drained()
        shown = await cashier.get(f"/terminal-operations/{asked['operation_id']}")
        assert shown["state"] == "approved"
        if action == "last_slip":
            assert shown["answer"]["customer_slip"] == ["THE SLIP"]
    alone = await standalone(shop)
    question = {"action": "balance", "currency": "PLN", "terminal": alone["name"]}
    refused(await cashier.post("/terminal-operations", question), 409, "no-terminal", "terminal")


async def test_a_pre_authorisation_needs_a_till_that_is_known(shop: TerminalShop) -> None:
    body = {"currency": "PLN", "amount_minor": 1, "till_id": str(uuid4())}
    refused(await shop.person().post("/pre-authorisations", body), 404, "unknown-till", "till_id")
    nowhere = shop.person(till_id=None)
    refused(
        await nowhere.post("/pre-authorisations", {"currency": "PLN", "amount_minor": 1}), 422, "invalid", "till_id"
    )
