"""A replica that stands still between storing a message and sending it: what it sends late is reversed once more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.testkit.databases import DatabaseServer
from services.payments.api import cards
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.replies import HostOutcome
from tests.integration.payments.acquirer.agreement import disagreements
from tests.integration.payments.concentrated_shop import VISA, ConcentratedShop, open_concentrated_shop
from tests.integration.payments.terminal_shop import answered


@pytest.fixture
async def banks(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConcentratedShop]:
    async with open_concentrated_shop(postgres_server, tmp_path_factory.mktemp("acquirers")) as opened:
        yield opened


@pytest.mark.parametrize("behaviour", ["answer", "act_and_ignore"])
async def test_what_leaves_after_it_was_given_up_and_reversed_is_reversed_once_more(
    banks: ConcentratedShop, monkeypatch: pytest.MonkeyPatch, behaviour: Any
) -> None:
    """The acquirer confirmed a reversal of what it did not know yet, and charges the card afterwards."""
    stands_still = asyncio.Event()
    authorise = banks.concentrator.authorise

    async def stalled(acquirer: str, request: Message) -> HostOutcome:
        await stands_still.wait()
        return await authorise(acquirer, request)

    monkeypatch.setattr(banks.concentrator, "authorise", stalled)
    banks.primary.behave = lambda request: behaviour if request.mti == "0200" else "answer"
    tender_id = await banks.awaiting()
    asking = asyncio.create_task(banks.shop.person().post(f"/intents/{tender_id}/card", VISA))
    await banks.shop.becomes(tender_id, "sent")
    await banks.shop.passes(120)
    await banks.forwards()
    await banks.shop.becomes(tender_id, "reversed")
    stands_still.set()
    assert answered(await asking, 200)["state"] == "reversed"
    await banks.forwards()
    assert [each.mti for each in banks.primary.financial()] == ["0420", "0200", "0420"]
    assert await disagreements(banks.shop.database, {"first-bank": banks.books}) == []
    assert (await banks.shop.intent(tender_id))["anomaly_count"] == 1


async def test_a_confirmation_under_way_while_the_late_message_arrives_does_not_count_for_it(
    banks: ConcentratedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_still = asyncio.Event()
    authorise = banks.concentrator.authorise

    async def stalled(acquirer: str, request: Message) -> HostOutcome:
        await stands_still.wait()
        return await authorise(acquirer, request)

    monkeypatch.setattr(banks.concentrator, "authorise", stalled)
    tender_id = await banks.awaiting()
    asking = asyncio.create_task(banks.shop.person().post(f"/intents/{tender_id}/card", VISA))
    await banks.shop.becomes(tender_id, "sent")
    await banks.shop.passes(120)
    banks.primary.behave = lambda request: "hold" if request.mti == "0420" else "answer"
    telling = asyncio.create_task(banks.forwards())
    async with asyncio.timeout(8):
        while not banks.primary.financial():
            await asyncio.sleep(0.005)
    stands_still.set()
    await asking
    banks.primary.behave = lambda request: "answer"
    await banks.primary.release()
    await telling
    await banks.forwards()
    await banks.shop.becomes(tender_id, "reversed")
    first, _, second = banks.primary.financial()
    assert [each.mti for each in banks.primary.financial()] == ["0420", "0200", "0420"]
    assert first.fields[11] != second.fields[11]
    assert await disagreements(banks.shop.database, {"first-bank": banks.books}) == []


async def test_what_could_not_be_sent_in_time_is_not_sent_at_all(
    banks: ConcentratedShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stands_still(point: str) -> None:
        if point == "payments_after_acquirer_stored":
            banks.shop.clock.advance(16)

    monkeypatch.setattr(cards, "fault_point", stands_still)
    tender_id = await banks.awaiting()
    shown = await banks.presents(tender_id)
    assert (shown["state"], shown["reason_code"]) == ("declined", "acquirer-not-reached")
    assert banks.primary.financial() == []
    assert await disagreements(banks.shop.database, {"first-bank": banks.books}) == []
