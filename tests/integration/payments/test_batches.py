"""A concentrated terminal's end of day: each acquirer is told of its batch until it agrees or knows each item."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from libs.testkit.databases import DatabaseServer
from services.payments.domain.concentrator.message import Message
from services.payments.storage.acquirer_messages import AcquirerMessageRepository
from services.payments.use_cases.store_message import store_reversal
from tests.integration.payments.acquirer.host import Behaviour
from tests.integration.payments.concentrated_shop import MASTERCARD, VISA
from tests.integration.payments.settling_shop import SettlingShop, open_settling_shop
from tests.integration.payments.terminal_shop import answered, refused

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
async def running_banks(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SettlingShop]:
    async with open_settling_shop(postgres_server, tmp_path_factory.mktemp("acquirers")) as opened:
        yield opened


@pytest.fixture
async def banks(running_banks: SettlingShop) -> SettlingShop:
    """A store and a terminal of their own for each test, because a day has everything that was paid at it."""
    for host in (running_banks.first, running_banks.second):
        host.behave = lambda request: "answer"
        host.code = lambda request: "00"
        host.tells_totals = host.agrees_at_last = True
        host.refuses_item = lambda item: False
        host.seen.clear()
    return await running_banks.another(f"DAY{next(_numbers):05d}")


async def closings(banks: SettlingShop) -> int:
    async with banks.shop.database.reading() as connection:
        statement = text(
            "select count(*) from outbox where type = 'tillstream.payments.settlement_closed.v1'"
            " and headers ->> 'ce-storeid' = :store"
        )
        return int((await connection.execute(statement, {"store": str(banks.shop.store_id)})).scalar_one())


def totals(message: Message) -> dict[str, tuple[int, int]]:
    """Counts and sums of a settlement message."""
    pairs = {"credits": (74, 86), "credits_reversed": (75, 87), "debits": (76, 88), "debits_reversed": (77, 89)}
    return {name: (int(message.fields[count]), int(message.fields[total])) for name, (count, total) in pairs.items()}


async def test_a_day_that_agrees_with_every_acquirer_is_closed_and_told(banks: SettlingShop) -> None:
    paid = await banks.pays(4_000)
    await banks.pays(1_500, MASTERCARD)
    refund = await banks.awaiting(-500, original_tender_id=paid)
    assert (await banks.presents(refund))["state"] == "approved"
    given_up = await banks.awaiting(700)
    await banks.presents(given_up)
    await banks.shop.release(given_up, 700)
    await banks.forwards()
    await banks.shop.becomes(given_up, "reversed")
    started = await banks.starts_day_end()
    assert (started["state"], started["operation_id"]) == ("requested", None)
    await banks.settles()
    settled = await banks.settlement(started["settlement_id"])
    assert (settled["state"], settled["difference_count"]) == ("closed", 0)
    ours = [
        {"scheme": "mastercard", "sale_count": 1, "sale_minor": 1_500, "refund_count": 0, "refund_minor": 0},
        {"scheme": "visa", "sale_count": 1, "sale_minor": 4_000, "refund_count": 1, "refund_minor": 500},
    ]
    assert (settled["our_totals"], settled["terminal_totals"]) == (ours, ours)
    [asked] = banks.first.of("0500", banks.number)
    assert totals(asked) == {
        "credits": (1, 500),
        "credits_reversed": (0, 0),
        "debits": (2, 4_700),
        "debits_reversed": (1, 700),
    }
    assert (asked.fields[3], asked.fields[50], asked.fields[97]) == ("920000", "985", "C0000000000003500")
    [asked] = banks.second.of("0500", banks.number)
    assert totals(asked)["debits"] == (1, 1_500)
    assert banks.first.of("0320", banks.number) == []
    assert (await banks.shop.intent(paid))["settlement_id"] == settled["settlement_id"]
    assert await closings(banks) == 1


async def test_a_day_without_anything_is_agreed_too_and_the_next_has_only_what_came_after(banks: SettlingShop) -> None:
    assert (await banks.ends_day())["state"] == "closed"
    await banks.pays(900)
    second = await banks.ends_day()
    assert (second["state"], second["our_totals"][0]["sale_minor"]) == ("closed", 900)
    assert [totals(each)["debits"] for each in banks.first.of("0500", banks.number)] == [(0, 0), (1, 900)]


async def test_a_day_does_not_end_while_a_payment_is_undecided_or_a_reversal_waits(banks: SettlingShop) -> None:
    banks.first.behave = lambda request: "act_and_ignore" if request.mti == "0200" else "answer"
    unknown = await banks.awaiting()
    await banks.presents(unknown)
    body = {"terminal_id": str(banks.terminal_id), "currency": "PLN"}
    refused(await banks.manager.post("/settlements", body), 409, "payments-undecided")
    await banks.forwards()
    await banks.shop.becomes(unknown, "reversed")
    banks.first.behave = lambda request: "answer"
    paid = await banks.pays(1_000)
    async with banks.shop.database.transaction() as work:
        charge = await AcquirerMessageRepository(work.connection).standing(paid)
        assert charge is not None
        await store_reversal(work, charge, None)
    problem = refused(await banks.manager.post("/settlements", body), 409, "messages-waiting")
    assert problem["waiting_count"] == 1
    refused(
        await banks.manager.asks(
            "PUT", f"/payments/v1/terminals/{banks.terminal_id}/numbers", {"numbers": await _numbers_of(banks)}
        ),
        409,
        "messages-waiting",
    )
    assert (await banks.shop.intent(paid))["settlement_id"] is None


async def test_an_acquirer_that_does_not_agree_is_told_each_item_and_what_it_had_is_a_difference(
    banks: SettlingShop,
) -> None:
    for amount in (4_000, 1_000, 700):
        await banks.pays(amount)
    lost = banks.first.of("0200", banks.number)[1].fields[11]
    del banks.first.batches[banks.number][lost]
    settled = await banks.ends_day()
    assert (settled["state"], settled["difference_count"]) == ("differing", 1)
    [difference] = await banks.differences(settled["settlement_id"])
    facts = ("kind", "acquirer", "our_count", "ours_minor", "their_count", "theirs_minor", "state")
    assert [difference[name] for name in facts] == ["batch_uploaded", "first-bank", 3, 5_700, 2, 4_700, "open"]
    items = banks.first.of("0320", banks.number)
    charged = banks.first.of("0200", banks.number)
    assert sorted((item.fields[4], item.fields[90][4:10]) for item in items) == sorted(
        (charge.fields[4], charge.fields[11]) for charge in charged
    )
    [advice] = banks.first.of("0520", banks.number)
    assert totals(advice)["debits"] == (3, 5_700)
    traces = [each.fields[11] for each in [*charged, *banks.first.of("0500", banks.number), *items, advice]]
    assert [int(trace) for trace in traces] == list(range(1, len(traces) + 1))
    closing = f"/differences/{difference['difference_id']}/closing"
    answered(await banks.manager.post(closing, {"reason": "The acquirer has it now"}), 200)
    assert (await banks.settlement(settled["settlement_id"]))["state"] == "closed"
    assert await closings(banks) == 1


async def test_theirs_are_the_items_that_it_took_where_the_acquirer_tells_no_totals(banks: SettlingShop) -> None:
    await banks.pays(4_000)
    await banks.pays(1_000)
    banks.first.tells_totals = False
    banks.first.batches[banks.number].popitem()
    settled = await banks.ends_day()
    [difference] = await banks.differences(settled["settlement_id"])
    assert (difference["our_count"], difference["ours_minor"]) == (2, 5_000)
    assert (difference["their_count"], difference["theirs_minor"]) == (2, 5_000)
    assert settled["terminal_totals"] == settled["our_totals"]


async def test_an_item_that_is_refused_is_a_difference_of_its_own(banks: SettlingShop) -> None:
    await banks.pays(4_000)
    paid = await banks.pays(1_000)
    banks.first.tells_totals = False
    banks.first.batches[banks.number].popitem()
    banks.first.refuses_item = lambda item: item.fields[4] == "000000001000"
    settled = await banks.ends_day()
    found = {each["kind"]: each for each in await banks.differences(settled["settlement_id"])}
    item, uploaded = found["batch_item_refused"], found["batch_uploaded"]
    assert (item["intent_id"], item["ours_minor"], item["theirs_minor"]) == (str(paid), 1_000, 0)
    assert (uploaded["their_count"], uploaded["theirs_minor"]) == (1, 4_000)
    assert (settled["difference_count"], settled["terminal_totals"]) == (2, [])


async def test_what_is_disputed_to_the_end_is_closed_with_the_acquirers_last_word(banks: SettlingShop) -> None:
    await banks.pays(4_000)
    banks.first.batches[banks.number].clear()
    banks.first.agrees_at_last = False
    settled = await banks.ends_day()
    [difference] = await banks.differences(settled["settlement_id"])
    assert (difference["kind"], difference["ours_minor"], difference["theirs_minor"]) == (
        "batch_out_of_balance",
        4_000,
        0,
    )
    assert (settled["state"], settled["terminal_totals"]) == ("differing", [])


async def test_silence_is_asked_again_with_the_same_trace_and_a_growing_pause(banks: SettlingShop) -> None:
    await banks.pays(4_000)
    banks.first.behave = lambda request: "ignore" if request.mti == "0500" else "answer"
    started = await banks.starts_day_end()
    for seconds in (0, 0, 5.1, 5.1, 5.1):
        await banks.settles(seconds=seconds)
    # At once, after five seconds and after ten more.
    assert len(banks.first.of("0500", banks.number)) == 3
    assert len({each.fields[11] for each in banks.first.of("0500", banks.number)}) == 1
    waiting = await banks.settlement(started["settlement_id"])
    assert (waiting["state"], waiting["reason"]) == (
        "requested",
        "first-bank does not answer. It is asked again by itself.",
    )
    body = {"terminal_id": str(banks.terminal_id), "currency": "PLN"}
    refused(await banks.manager.post("/settlements", body), 409, "settlement-running")
    banks.first.behave = lambda request: "answer"
    await banks.settles(seconds=21)
    settled = await banks.settlement(started["settlement_id"])
    assert (settled["state"], settled["reason"]) == ("closed", None)


async def test_a_batch_that_the_acquirer_closed_without_being_heard_is_not_told_as_another_one(
    banks: SettlingShop,
) -> None:
    await banks.pays(4_000)
    banks.first.behave = lambda request: "act_and_drop" if request.mti == "0500" else "answer"
    started = await banks.starts_day_end()
    await banks.settles()
    assert (await banks.settlement(started["settlement_id"]))["state"] == "requested"
    assert banks.first.closed.count(banks.number) == 1
    banks.first.behave = lambda request: "answer"
    await banks.settles(seconds=6)
    settled = await banks.settlement(started["settlement_id"])
    assert (settled["state"], settled["difference_count"]) == ("closed", 0)
    assert banks.first.closed.count(banks.number) == 1


class Killed(Exception):
    """The process ended here."""


class Dying:
    """Acquirers that are told so many messages of a kind; then the process ends, after the last was sent."""

    def __init__(self, banks: SettlingShop, mti: str, count: int) -> None:
        self._acquirers = banks.concentrator
        self._mti = mti
        self._left = count

    async def tell(self, name: str, request: Message) -> Message | None:
        reply = await self._acquirers.tell(name, request)
        if request.mti == self._mti:
            self._left -= 1
            if self._left == 0:
                raise Killed
        return reply


@pytest.mark.parametrize(("mti", "count"), [("0500", 1), ("0320", 3), ("0520", 1)])
async def test_a_batch_goes_on_wherever_its_telling_was_cut_off(banks: SettlingShop, mti: str, count: int) -> None:
    for amount in (100, 200, 300, 400, 500):
        await banks.pays(amount)
    banks.first.batches[banks.number].popitem()
    started = await banks.starts_day_end()
    with pytest.raises(Killed):
        await banks.settles(Dying(banks, mti, count), batch_page_items=2)
    await banks.settles(seconds=6, batch_page_items=2)
    settled = await banks.settlement(started["settlement_id"])
    if (mti, count) != ("0520", 1):
        [difference] = await banks.differences(settled["settlement_id"])
        assert (difference["kind"], difference["our_count"], difference["ours_minor"]) == ("batch_uploaded", 5, 1_500)
    assert settled["state"] == "differing"
    items = banks.first.of("0320", banks.number)
    assert {item.fields[4] for item in items} == {f"{amount:012d}" for amount in (100, 200, 300, 400, 500)}
    # What was told twice was told with the trace it had, so the host knows the repeat.
    assert len({item.fields[11] for item in items}) == 5


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_the_acquirer_does_the_batch_ends_and_each_item_is_told_under_one_trace(
    banks: SettlingShop, seed: int
) -> None:
    chance = Random(seed)
    amounts = [chance.randrange(1, 10_000) for _ in range(6)]
    for amount in amounts:
        await banks.pays(amount)
    banks.first.batches[banks.number].popitem()
    banks.first.tells_totals = False
    troubled: list[Behaviour] = ["answer", "act_and_drop", "drop", "answer"]
    banks.first.behave = lambda request: "answer" if request.mti == "0800" else chance.choice(troubled)
    banks.first.code = lambda request: chance.choice(["00", "00", "00", "96", "91"]) if request.mti == "0320" else "00"
    started = await banks.starts_day_end()
    for _ in range(40):
        await banks.settles(seconds=301, batch_page_items=chance.choice([1, 2, 4]))
        settled = await banks.settlement(started["settlement_id"])
        if settled["state"] != "requested":
            break
    [difference] = await banks.differences(settled["settlement_id"])
    assert (settled["state"], difference["kind"]) == ("differing", "batch_uploaded")
    assert (difference["our_count"], difference["theirs_minor"]) == (6, sum(amounts))
    told = {(item.fields[37], item.fields[11]) for item in banks.first.of("0320", banks.number)}
    assert len(told) == 6
    assert len({each.fields[11] for each in banks.first.of("0500", banks.number)}) == 1


async def test_two_replicas_at_once_tell_each_acquirer_once(banks: SettlingShop) -> None:
    await banks.pays(4_000)
    started = await banks.starts_day_end()
    await asyncio.gather(*(banks.settles() for _ in range(3)))
    assert (await banks.settlement(started["settlement_id"]))["state"] == "closed"
    assert [len(host.of("0500", banks.number)) for host in (banks.first, banks.second)] == [1, 1]
    assert await closings(banks) == 1


async def test_a_difference_that_is_closed_early_does_not_close_what_another_acquirer_has_not_agreed(
    banks: SettlingShop,
) -> None:
    await banks.pays(4_000)
    banks.first.batches[banks.number].clear()
    banks.second.behave = lambda request: "ignore" if request.mti == "0500" else "answer"
    settled = await banks.ends_day()
    assert settled["state"] == "requested"
    [difference] = await banks.differences(settled["settlement_id"])
    closing = f"/differences/{difference['difference_id']}/closing"
    answered(await banks.manager.post(closing, {"reason": "Booked"}), 200)
    assert (await banks.settlement(settled["settlement_id"]))["state"] == "requested"
    banks.second.behave = lambda request: "answer"
    await banks.settles(seconds=6)
    settled = await banks.settlement(settled["settlement_id"])
    assert (settled["state"], settled["difference_count"], await closings(banks)) == ("closed", 1, 1)


async def test_rule_21_a_terminal_goes_once_its_day_is_agreed_and_the_next_one_takes_over_its_number(
    banks: SettlingShop,
) -> None:
    await banks.pays(4_000)
    release = f"/terminals/{banks.terminal_id}/release"
    refused(await banks.manager.post(release, {}), 409, "terminal-not-settled")
    banks.second.behave = lambda request: "ignore" if request.mti == "0500" else "answer"
    await banks.ends_day()
    refused(await banks.manager.post(release, {}), 409, "batches-open")
    banks.second.behave = lambda request: "answer"
    await banks.settles(seconds=6)
    numbers = (await banks.manager.get(f"/terminals/{banks.terminal_id}/numbers"))["numbers"]
    body = {"store_id": str(banks.shop.store_id), "name": "keyed-two", "numbers": numbers}
    refused(await banks.manager.post("/concentrated-terminals", body), 409, "terminal-number-taken", "numbers")
    assert answered(await banks.manager.post(release, {}), 200)["active"] is False
    replaced = answered(await banks.manager.post("/concentrated-terminals", body), 201)
    assert (replaced["kind"], replaced["numbers"]) == ("concentrated", numbers)
    tender_id = await banks.shop.authorize(1_000, instrument="keyed-two")
    await banks.presents(tender_id)
    # The first charge and the 0500 came before.
    assert [each.fields[11] for each in banks.first.of("0200", banks.number)] == ["000001", "000003"]


async def _numbers_of(banks: SettlingShop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await banks.manager.get(f"/terminals/{banks.terminal_id}/numbers"))["numbers"]
    return found


async def test_a_terminals_numbers_change_only_where_its_day_is_settled(banks: SettlingShop) -> None:
    await banks.pays(4_000, VISA)
    path = f"/terminals/{banks.terminal_id}/numbers"
    first, second = await _numbers_of(banks)
    changed = [first, {**second, "merchant_number": "OTHER"}]
    shown = answered(await banks.manager.asks("PUT", f"/payments/v1{path}", {"numbers": changed}), 200)
    assert shown["numbers"] == changed
    for numbers in ([second], [{**first, "merchant_number": "OTHER"}, second]):
        response = await banks.manager.asks("PUT", f"/payments/v1{path}", {"numbers": numbers})
        refused(response, 409, "terminal-numbers-in-use", "numbers")
    assert await _numbers_of(banks) == changed
    await banks.ends_day()
    moved = [{**first, "merchant_number": "OTHER"}]
    shown = answered(await banks.manager.asks("PUT", f"/payments/v1{path}", {"numbers": moved}), 200)
    assert shown["numbers"] == moved


async def test_numbers_name_configured_acquirers_once_each(banks: SettlingShop) -> None:
    [first, _] = await _numbers_of(banks)
    body = {"store_id": str(banks.shop.store_id), "name": "third", "numbers": [{**first, "acquirer": "nobody"}]}
    refused(await banks.manager.post("/concentrated-terminals", body), 422, "invalid", "numbers.0.acquirer")
    body["numbers"] = [{**first, "terminal_number": "A1"}, {**first, "terminal_number": "A2"}]
    refused(await banks.manager.post("/concentrated-terminals", body), 422, "invalid", "numbers.1.acquirer")
    cashier = banks.shop.person()
    assert (await cashier.post("/concentrated-terminals", {**body, "numbers": [first]})).status_code == 403
    listed = await cashier.get("/concentrated-terminals", store_id=str(banks.shop.store_id))
    assert [(each["name"], len(each["numbers"])) for each in listed["items"]] == [("keyed", 2)]


async def test_a_sale_voided_after_the_day_is_settled_leaves_a_refund_that_somebody_must_find(
    banks: SettlingShop,
) -> None:
    paid = await banks.pays(1_200)
    await banks.ends_day()
    await banks.shop.release(paid, 1_200)
    listed = await banks.manager.get("/intents", state="anomalous")
    [refund] = [each for each in listed["items"] if each["original_intent_id"] == str(paid)]
    assert (refund["state"], refund["amount_minor"]) == ("awaiting_card", 1_200)
    assert (await banks.shop.intent(refund["intent_id"]))["history"][-1]["reason"] == (
        "The acquirer gives it back only to the card: somebody has to present it once more."
    )
    assert (await banks.presents(refund["intent_id"]))["state"] == "captured"
    assert (await banks.shop.intent(paid))["state"] == "refunded"
    assert (await banks.shop.told(paid))[-1] == "released"


async def test_settlements_are_listed_from_either_end_page_by_page(banks: SettlingShop) -> None:
    ended = [(await banks.ends_day())["settlement_id"] for _ in range(3)]
    store = {"store_id": str(banks.shop.store_id), "limit": 2}
    for newest_first, expected in ((False, ended), (True, ended[::-1])):
        first = await banks.manager.get("/settlements", **store, newest_first=newest_first)
        rest = await banks.manager.get("/settlements", **store, newest_first=newest_first, cursor=first["next_cursor"])
        assert [each["settlement_id"] for page in (first, rest) for each in page["items"]] == expected
        assert rest["next_cursor"] is None
