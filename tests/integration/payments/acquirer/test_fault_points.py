"""A fault at every point between a till's card and what is recorded of it: books and payments agree afterwards."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.testkit.databases import DatabaseServer
from libs.testkit.faults import FAULT_POINTS
from tests.integration.payments.acquirer.agreement import disagreements
from tests.integration.payments.acquirer.crossings import (
    CROSSINGS,
    LONG_S,
    behaviour,
    crosses,
    decided,
    settles,
    tries_again,
)
from tests.integration.payments.concentrated_shop import ConcentratedShop, open_concentrated_shop

TOLD_AT_LAST = {"approved": "authorized", "reversed": "declined", "voided": "released"}


@pytest.fixture(scope="module")
async def running_banks(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConcentratedShop]:
    async with open_concentrated_shop(postgres_server, tmp_path_factory.mktemp("acquirers")) as opened:
        yield opened


def test_every_fault_point_of_the_acquirer_link_is_tried() -> None:
    assert {point for points in CROSSINGS.values() for point in points} == {
        point for point in FAULT_POINTS if point.startswith("payments_")
    }


async def test_a_payment_that_the_books_do_not_have_would_be_found(running_banks: ConcentratedShop) -> None:
    banks = running_banks
    banks.primary.behave = banks.backup.behave = lambda request: "answer"
    await banks.pays()
    assert await disagreements(banks.shop.database, {"first-bank": banks.books}) == []
    banks.books.reversed.append(next(reversed(banks.books.charged)))
    assert len(await disagreements(banks.shop.database, {"first-bank": banks.books})) == 2
    banks.books.reversed.pop()


@pytest.mark.parametrize(("crossing", "point"), [(name, point) for name in CROSSINGS for point in CROSSINGS[name]])
async def test_an_exception_at_a_fault_point_neither_charges_twice_nor_loses_a_reversal(
    running_banks: ConcentratedShop, crossing: str, point: str
) -> None:
    banks = running_banks
    banks.primary.behave = banks.backup.behave = behaviour(crossing)
    intent_id = await crosses(banks, crossing, point, "raise")
    if crossing != "reversal":
        await tries_again(banks.shop.person(), intent_id)
    await settles(banks)
    await banks.shop.services.drained()
    shown = await banks.shop.intent(intent_id)
    assert (shown["state"], shown["anomaly_count"]) == (decided(crossing, point), 0)
    assert await disagreements(banks.shop.database, {"first-bank": banks.books}) == []
    outcomes = await banks.shop.told(intent_id)
    assert outcomes[-1] == TOLD_AT_LAST[shown["state"]]
    assert len(outcomes) == len(set(outcomes))


async def test_an_answer_that_does_not_say_whether_money_moved_is_reversed_and_so_is_asked_again(
    running_banks: ConcentratedShop,
) -> None:
    """Code 96 is neither yes nor no (protocols.md D), and a reversal so answered is not confirmed."""
    banks = running_banks
    banks.primary.behave = banks.backup.behave = lambda request: "answer"
    banks.primary.code = banks.backup.code = lambda request: "96" if request.mti in ("0200", "0420") else "00"
    try:
        intent_id = await banks.awaiting()
        shown = await banks.presents(intent_id)
        assert (shown["state"], shown["reason"]) == (
            "unknown",
            "The acquirer answered with code 96. It is being reversed.",
        )
        await banks.forwards()
        assert (await banks.shop.intent(intent_id))["state"] == "unknown"
        await banks.forwards(seconds=LONG_S)
        assert (await banks.shop.becomes(intent_id, "reversed"))["anomaly_count"] == 0
    finally:
        banks.primary.code = banks.backup.code = lambda request: "00"
    assert await disagreements(banks.shop.database, {"first-bank": banks.books}) == []
