"""Cards keyed or read at the till, authorised by payments itself at an acquirer's host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from libs.testkit.databases import DatabaseServer
from tests.integration.payments.acquirer.host import Behaviour
from tests.integration.payments.concentrated_shop import (
    MASTERCARD,
    TERMINAL,
    VISA,
    ConcentratedShop,
    open_concentrated_shop,
)
from tests.integration.payments.terminal_shop import answered, refused


@pytest.fixture(scope="module")
async def running_banks(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConcentratedShop]:
    async with open_concentrated_shop(postgres_server, tmp_path_factory.mktemp("acquirers")) as opened:
        yield opened


@pytest.fixture
async def banks(running_banks: ConcentratedShop) -> ConcentratedShop:
    for host in (running_banks.primary, running_banks.backup, running_banks.other):
        host.behave = lambda request: "answer"
        host.code = lambda request: "00"
        host.seen.clear()
    return running_banks


def _to(mti: str, behaviour: Behaviour) -> Any:
    return lambda request: behaviour if request.mti == mti else "answer"


async def test_a_keyed_card_is_authorised_by_the_acquirer_that_takes_it(banks: ConcentratedShop) -> None:
    tender_id = await banks.awaiting(4_000)
    assert await banks.shop.told(tender_id) == []
    shown = await banks.presents(tender_id)
    assert (shown["state"], shown["approved_minor"], shown["card"]) == (
        "approved",
        4_000,
        {"masked_number": "411111******1111", "scheme": "visa", "entry_mode": "keyed", "instalments": None},
    )
    [request] = banks.primary.financial()
    assert (request.mti, request.fields[3], request.fields[4], request.fields[2]) == (
        "0200",
        "000000",
        "000000004000",
        VISA["number"],
    )
    assert banks.other.financial() == []
    assert shown["references"]["trace"] == request.fields[11]
    [(_, outcome)] = await banks.shop.outcomes_of(tender_id)
    approval_code = "A" + request.fields[11][1:]
    assert (outcome["approval_code"], outcome["scheme"], outcome["masked_number"]) == (
        approval_code,
        "visa",
        "411111******1111",
    )
    assert "Approval code" + approval_code.rjust(29) in outcome["slip"]
    assert (outcome["slip"][0].strip(), outcome["slip"][-1].strip()) == ("CARD PAYMENT", "CUSTOMER COPY")
    assert outcome["merchant_slip"][-1].strip() == "MERCHANT COPY"
    assert shown["references"]["retrieval_reference"] == request.fields[37]
    assert await banks.shop.told(tender_id) == ["authorized"]
    history = (await banks.shop.intent(tender_id))["history"]
    assert [(line["from_state"], line["to_state"], line["by_kind"]) for line in history] == [
        (None, "created", "sales"),
        ("created", "awaiting_card", "sales"),
        ("awaiting_card", "sent", "staff"),
        ("sent", "approved", "acquirer"),
    ]


async def test_cards_are_routed_by_their_first_digits(banks: ConcentratedShop) -> None:
    tender_id = await banks.awaiting(1_200)
    assert (await banks.presents(tender_id, MASTERCARD))["card"]["scheme"] == "mastercard"
    [request] = banks.other.financial()
    assert request.fields[2] == MASTERCARD["number"]
    assert banks.primary.financial() == []


async def test_cash_back_is_told_to_the_acquirer_and_stays_within_its_limit(banks: ConcentratedShop) -> None:
    tender_id = await banks.awaiting(4_000, cash_back_minor=5_000)
    assert (await banks.presents(tender_id))["approved_minor"] == 9_000
    [request] = banks.primary.financial()
    assert (request.fields[3], request.fields[4], request.fields[54]) == (
        "090000",
        "000000009000",
        "0040985C000000005000",
    )
    too_much = await banks.shop.authorize(4_000, instrument=TERMINAL, cash_back_minor=100_001)
    assert (await banks.shop.becomes(too_much, "declined"))["reason_code"] == "cash-back-refused"


async def test_a_decline_says_why_and_nothing_is_reversed(banks: ConcentratedShop) -> None:
    banks.primary.code = lambda request: "51"
    tender_id = await banks.awaiting()
    shown = await banks.presents(tender_id)
    assert (shown["state"], shown["reason_code"], shown["reason"]) == (
        "declined",
        "51",
        "There is not enough money on the card.",
    )
    assert await banks.shop.told(tender_id) == ["declined"]
    await banks.forwards()
    assert [message.mti for message in banks.primary.financial()] == ["0200"]


async def test_the_same_request_again_asks_nobody_again(banks: ConcentratedShop) -> None:
    tender_id, key = await banks.awaiting(), str(uuid4())
    first, second = await asyncio.gather(banks.presents(tender_id, key=key), banks.presents(tender_id, key=key))
    assert {first["state"], second["state"]} <= {"sent", "approved"}
    assert (await banks.presents(tender_id, key=key))["state"] == "approved"
    assert len(banks.primary.financial()) == 1


async def test_two_tills_present_a_card_for_one_payment_and_one_is_charged(banks: ConcentratedShop) -> None:
    tender_id = await banks.awaiting()
    answers = await asyncio.gather(*(banks.shop.person().post(f"/intents/{tender_id}/card", VISA) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    refused(next(answer for answer in answers if answer.status_code == 409), 409, "no-card-awaited")
    assert len(banks.primary.financial()) == 1


async def test_a_lost_answer_is_unknown_and_its_reversal_is_stored_with_it_and_decides(
    banks: ConcentratedShop,
) -> None:
    banks.primary.behave = _to("0200", "act_and_ignore")
    tender_id = await banks.awaiting()
    shown = await banks.presents(tender_id)
    assert (shown["state"], shown["next_inquiry_at"]) == ("unknown", None)
    assert await banks.shop.told(tender_id) == ["unknown"]
    await banks.forwards()
    shown = await banks.shop.becomes(tender_id, "reversed")
    assert shown["reason_code"] == "no-answer"
    assert await banks.shop.told(tender_id) == ["unknown", "declined"]
    charge, undone = banks.primary.financial()
    assert (charge.mti, undone.mti, undone.fields[90][4:10]) == ("0200", "0420", charge.fields[11])
    assert 2 not in undone.fields
    assert not banks.books.standing.keys() & {(charge.fields[41], charge.fields[11])}


async def test_a_reversal_without_answer_is_told_again_with_the_same_trace_until_it_is_confirmed(
    banks: ConcentratedShop,
) -> None:
    banks.primary.behave = lambda request: "ignore" if request.mti in ("0200", "0420", "0421") else "answer"
    tender_id = await banks.awaiting()
    await banks.presents(tender_id)
    await banks.forwards()
    await banks.forwards()
    assert [each.mti for each in banks.primary.financial()] == ["0200", "0420"]
    await banks.forwards(seconds=6)
    banks.primary.behave = lambda request: "answer"
    await banks.forwards(seconds=11)
    told = banks.primary.financial()[1:]
    assert [each.mti for each in told] == ["0420", "0421", "0421"]
    assert len({(each.fields[11], each.fields[7]) for each in told}) == 1
    assert (await banks.shop.becomes(tender_id, "reversed"))["anomaly_count"] == 0


async def test_a_charge_that_comes_to_the_host_after_its_reversal_was_confirmed_is_reversed_once_more(
    banks: ConcentratedShop,
) -> None:
    banks.primary.behave = _to("0200", "late")
    tender_id = await banks.awaiting()
    await banks.presents(tender_id)
    await banks.forwards()
    await banks.shop.becomes(tender_id, "reversed")
    charge, *_ = banks.primary.financial()
    await banks.primary.release()
    assert (charge.fields[41], charge.fields[11]) in banks.books.standing
    while (await banks.shop.intent(tender_id))["anomaly_count"] == 0:
        await asyncio.sleep(0.01)
    await banks.forwards()
    assert (charge.fields[41], charge.fields[11]) not in banks.books.standing
    assert [each.mti for each in banks.primary.financial()] == ["0200", "0420", "0420"]
    assert (await banks.shop.intent(tender_id))["state"] == "reversed"


async def test_while_it_is_being_reversed_nobody_confirms_it_by_code(banks: ConcentratedShop) -> None:
    banks.primary.behave = _to("0200", "act_and_ignore")
    tender_id = await banks.awaiting()
    await banks.presents(tender_id)
    said = {"outcome": "approved", "approval_code": "A00001", "last_four": "1111"}
    response = await banks.shop.manager().post(f"/intents/{tender_id}/confirmation", said)
    refused(response, 409, "nothing-to-confirm")
    await banks.forwards()
    await banks.shop.becomes(tender_id, "reversed")


async def test_a_refused_reversal_waits_for_a_person_who_confirms_what_the_acquirer_says(
    banks: ConcentratedShop,
) -> None:
    banks.primary.behave = _to("0200", "act_and_ignore")
    banks.primary.code = lambda request: "12" if request.mti == "0420" else "00"
    tender_id = await banks.awaiting()
    await banks.presents(tender_id)
    await banks.forwards()
    shown = await banks.shop.intent(tender_id)
    assert (shown["state"], shown["anomaly_count"]) == ("unknown", 1)
    said = {"outcome": "approved", "approval_code": "A00001", "last_four": "1111"}
    answered(await banks.shop.manager().post(f"/intents/{tender_id}/confirmation", said), 200)
    await banks.shop.becomes(tender_id, "approved")
    assert await banks.shop.told(tender_id) == ["unknown", "authorized"]
    # What a person confirmed can be given back like any other payment.
    banks.primary.code = lambda request: "00"
    await banks.shop.release(tender_id)
    await banks.forwards()
    await banks.shop.becomes(tender_id, "reversed")
    charge = banks.primary.financial()[0]
    assert (charge.fields[41], charge.fields[11]) not in banks.books.standing


async def test_an_inquiry_has_the_reversal_told_at_once(banks: ConcentratedShop) -> None:
    banks.primary.behave = _to("0200", "drop")
    # Echoes are answered: the link is not switched, for what comes after this test.
    silent = _to("0420", "ignore")
    banks.backup.behave = silent
    tender_id = await banks.awaiting()
    await banks.presents(tender_id)
    banks.primary.behave = silent
    await banks.forwards()
    banks.primary.behave = banks.backup.behave = lambda request: "answer"
    answered(await banks.shop.person().post(f"/intents/{tender_id}/inquiry"), 200)
    await banks.forwards()
    await banks.shop.becomes(tender_id, "reversed")


async def test_a_sale_that_is_taken_back_reverses_what_was_charged(banks: ConcentratedShop) -> None:
    tender_id = await banks.awaiting()
    await banks.presents(tender_id)
    await banks.shop.release(tender_id)
    await banks.shop.becomes(tender_id, "reversing")
    await banks.forwards()
    await banks.shop.becomes(tender_id, "reversed")
    assert await banks.shop.told(tender_id) == ["authorized", "released"]
    released = (await banks.shop.outcomes_of(tender_id))[-1][1]
    assert released["slip"][0].strip() == "CARD PAYMENT VOIDED"
    charge, undone = banks.primary.financial()
    assert (undone.mti, undone.fields[4], undone.fields[38]) == ("0420", charge.fields[4], "A" + charge.fields[11][1:])


async def test_a_captured_payment_is_voided_before_settlement(banks: ConcentratedShop) -> None:
    tender_id = await banks.pays(2_500)
    await banks.shop.release(tender_id)
    await banks.forwards()
    await banks.shop.becomes(tender_id, "voided")
    assert await banks.shop.told(tender_id) == ["authorized", "captured", "released"]


async def test_what_waits_for_its_card_is_given_up_without_asking_anybody(banks: ConcentratedShop) -> None:
    taken_back, given_up = await banks.awaiting(), await banks.awaiting()
    await banks.shop.release(taken_back)
    await banks.shop.becomes(taken_back, "declined")
    assert await banks.shop.told(taken_back) == ["released"]
    body = {"reason": "pays in cash"}
    for _ in range(2):
        answered(await banks.shop.person().post(f"/intents/{given_up}/abandonment", body), 200)
    assert await banks.shop.told(given_up) == ["declined"]
    assert banks.primary.financial() == []


async def test_a_refund_goes_back_to_a_card_at_the_same_acquirer_with_the_originals_references(
    banks: ConcentratedShop,
) -> None:
    original = await banks.pays(5_000)
    refund = await banks.shop.authorize(-2_000, instrument=TERMINAL, original_tender_id=original)
    await banks.shop.becomes(refund, "awaiting_card")
    await banks.presents(refund)
    await banks.shop.becomes(refund, "approved")
    charge, given_back = banks.primary.financial()
    assert (given_back.fields[3], given_back.fields[4], given_back.fields[37]) == (
        "200000",
        "000000002000",
        charge.fields[37],
    )
    assert (await banks.shop.intent(original))["refunded_minor"] == 2_000


async def test_a_refund_whose_answer_is_lost_is_reversed_and_may_be_given_again(banks: ConcentratedShop) -> None:
    original = await banks.pays(5_000)
    banks.primary.behave = _to("0200", "act_and_ignore")
    refund = await banks.shop.authorize(-2_000, instrument=TERMINAL, original_tender_id=original)
    await banks.shop.becomes(refund, "awaiting_card")
    assert (await banks.presents(refund))["state"] == "unknown"
    await banks.forwards()
    await banks.shop.becomes(refund, "reversed")
    shown = await banks.shop.intent(original)
    assert (shown["refunded_minor"], shown["refundable_minor"]) == (0, 5_000)


async def test_a_pre_authorisation_is_completed_by_an_advice_that_is_stored(banks: ConcentratedShop) -> None:
    manager = banks.shop.manager()
    body = {"currency": "PLN", "amount_minor": 9_000, "terminal": TERMINAL}
    held = answered(await manager.post("/pre-authorisations", body), 201)
    intent_id = UUID(held["intent_id"])
    assert held["state"] == "awaiting_card"
    await banks.presents(intent_id)
    await banks.shop.becomes(intent_id, "authorised")
    refused(
        await manager.post(f"/pre-authorisations/{intent_id}/increments", {"amount_minor": 1}),
        409,
        "not-at-the-concentrator",
    )
    answered(await manager.post(f"/pre-authorisations/{intent_id}/completion", {"amount_minor": 7_000}), 200)
    await banks.shop.becomes(intent_id, "completing")
    await banks.forwards()
    assert (await banks.shop.becomes(intent_id, "completed"))["captured_minor"] == 7_000
    hold, advice = banks.primary.financial()
    assert (hold.mti, advice.mti, advice.fields[4], advice.fields[38], advice.fields[90][4:10]) == (
        "0100",
        "0220",
        "000000007000",
        "A" + hold.fields[11][1:],
        hold.fields[11],
    )


async def test_a_pre_authorisation_is_cancelled_by_its_reversal(banks: ConcentratedShop) -> None:
    manager = banks.shop.manager()
    body = {"currency": "PLN", "amount_minor": 9_000, "terminal": TERMINAL}
    intent_id = UUID(answered(await manager.post("/pre-authorisations", body), 201)["intent_id"])
    await banks.presents(intent_id)
    answered(await manager.post(f"/pre-authorisations/{intent_id}/cancellation", {}), 200)
    await banks.forwards()
    await banks.shop.becomes(intent_id, "cancelled")
    assert [each.mti for each in banks.primary.financial()] == ["0100", "0420"]


async def test_a_replica_that_dies_with_a_message_out_leaves_it_to_the_next_one_to_reverse(
    banks: ConcentratedShop,
) -> None:
    banks.primary.behave = _to("0200", "hold")
    tender_id = await banks.awaiting()
    asking = asyncio.create_task(banks.shop.person().post(f"/intents/{tender_id}/card", VISA))
    await banks.shop.becomes(tender_id, "sent", "unknown")
    # As if nobody were left to record the answer: the message is overdue for everybody else.
    await banks.shop.passes(120)
    await banks.shop.becomes(tender_id, "unknown")
    await asking
    await banks.forwards()
    await banks.shop.becomes(tender_id, "reversed")
    assert [each.mti for each in banks.primary.financial()] == ["0200", "0420"]


async def test_what_cannot_be_sent_at_all_is_a_decline(banks: ConcentratedShop) -> None:
    await banks.other.die()
    try:
        tender_id = await banks.awaiting()
        shown = await banks.presents(tender_id, MASTERCARD)
        assert (shown["state"], shown["reason_code"]) == ("declined", "acquirer-not-reached")
    finally:
        await banks.other.start()


@pytest.mark.parametrize(
    ("card", "status", "slug", "field"),
    [
        ({**VISA, "number": "4111111111111112"}, 422, "card-data-wrong", "card_number"),
        ({"entry": "keyed", "number": VISA["number"]}, 422, "invalid", "expiry"),
        ({**VISA, "expiry": "2913"}, 422, "invalid", "expiry"),
        ({"entry": "chip", "number": VISA["number"]}, 422, "invalid", "track_2"),
    ],
)
async def test_a_card_that_cannot_be_sent_is_refused_and_the_payment_goes_on_waiting(
    banks: ConcentratedShop, card: dict[str, str], status: int, slug: str, field: str
) -> None:
    tender_id = await banks.awaiting()
    response = await banks.shop.person().post(f"/intents/{tender_id}/card", card)
    refused(response, status, slug, field)
    assert VISA["number"][:12] not in response.text
    assert (await banks.shop.intent(tender_id))["state"] == "awaiting_card"


async def test_what_no_acquirer_could_be_asked_for_is_declined_before_a_card_is_wanted(
    banks: ConcentratedShop,
) -> None:
    in_parts = await banks.shop.authorize(4_000, instrument=TERMINAL, instalments=3)
    assert (await banks.shop.becomes(in_parts, "declined"))["reason_code"] == "not-at-the-concentrator"
    body = {"currency": "DEM", "amount_minor": 9_000, "terminal": TERMINAL}
    refused(await banks.shop.manager().post("/pre-authorisations", body), 422, "invalid", "currency")


async def test_trace_numbers_of_a_terminal_are_given_out_once(banks: ConcentratedShop) -> None:
    tenders = [await banks.awaiting(1_000 + number) for number in range(12)]
    await asyncio.gather(*(banks.presents(tender_id) for tender_id in tenders))
    numbers = [message.fields[11] for message in banks.primary.financial()]
    assert len(set(numbers)) == len(numbers) == 12
    async with banks.shop.database.reading() as connection:
        stored = await connection.execute(
            text("select count(*) from acquirer_messages where intent_id = any(:ids) and state = 'approved'"),
            {"ids": tenders},
        )
        assert stored.scalar_one() == 12


async def test_rule_15_the_limit_of_the_cards_own_scheme_is_looked_at_before_its_acquirer_is_asked(
    banks: ConcentratedShop,
) -> None:
    limit = await banks.shop.manager().asks("PUT", "/payments/v1/cash-back-limits/PLN/visa", {"limit_minor": 3_000})
    answered(limit, 200)
    try:
        tender_id = await banks.awaiting(4_000, cash_back_minor=5_000)
        too_much = await banks.shop.person().post(f"/intents/{tender_id}/card", VISA)
        refused(too_much, 422, "cash-back-refused", "cash_back_minor")
        assert banks.primary.financial() == []
        # A card of another scheme may still pay it.
        assert (await banks.presents(tender_id, MASTERCARD))["approved_minor"] == 9_000
    finally:
        await banks.shop.manager().asks("DELETE", "/payments/v1/cash-back-limits/PLN/visa")


async def test_an_approval_of_nothing_says_nothing_and_is_reversed(banks: ConcentratedShop) -> None:
    banks.primary.amount = lambda request: "000000000000"
    try:
        tender_id = await banks.awaiting()
        assert (await banks.presents(tender_id))["state"] == "unknown"
    finally:
        banks.primary.amount = lambda request: request.fields.get(4)
    await banks.forwards()
    await banks.shop.becomes(tender_id, "reversed")
    assert await banks.shop.told(tender_id) == ["unknown", "declined"]


async def test_the_trace_number_after_the_largest_is_one(banks: ConcentratedShop) -> None:
    async with banks.shop.database.transaction() as work:
        await work.connection.execute(
            text("update acquirer_terminals set last_trace_number = 999998 where acquirer = 'second-bank'")
        )
    for _ in range(2):
        await banks.presents(await banks.awaiting(), MASTERCARD)
    assert [each.fields[11] for each in banks.other.financial()] == ["999999", "000001"]


async def test_reversals_are_told_before_completions_and_what_waits_holds_up_what_stands_behind_it(
    banks: ConcentratedShop,
) -> None:
    manager = banks.shop.manager()
    held = {"currency": "PLN", "amount_minor": 9_000, "terminal": TERMINAL}
    intent_id = answered(await manager.post("/pre-authorisations", held), 201)["intent_id"]
    await banks.presents(intent_id)
    answered(await manager.post(f"/pre-authorisations/{intent_id}/completion", {}), 200)
    banks.primary.behave = _to("0200", "act_and_ignore")
    first, second = await banks.awaiting(), await banks.awaiting()
    for tender_id in (first, second):
        await banks.presents(tender_id)
    banks.primary.behave = lambda request: "ignore"
    await banks.forwards()
    assert [each.mti for each in banks.primary.financial()] == ["0100", "0200", "0200", "0420"]
    await banks.forwards()
    assert len(banks.primary.financial()) == 4
    banks.primary.behave = lambda request: "answer"
    await banks.forwards(seconds=6)
    charges, told = banks.primary.financial()[1:3], banks.primary.financial()[4:]
    assert [each.mti for each in told] == ["0421", "0420", "0220"]
    assert [each.fields[90][4:10] for each in told[:2]] == [each.fields[11] for each in charges]
