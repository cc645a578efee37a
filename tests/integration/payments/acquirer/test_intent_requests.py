"""Two tills and one payment: whatever they post, in whatever order and however often, the card is charged once at most.

The machine of the intent alone is in tests/unit/payments/test_intent_machine.py; here its requests come in by HTTP,
beside losses of answers, a sale that is taken back or completed, and time that passes.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from libs.testkit.databases import DatabaseServer
from services.payments.domain.concentrator.message import Message
from tests.integration.payments.acquirer.agreement import disagreements
from tests.integration.payments.acquirer.crossings import settles
from tests.integration.payments.acquirer.host import Behaviour
from tests.integration.payments.concentrated_shop import VISA, ConcentratedShop, open_concentrated_shop
from tests.integration.payments.terminal_shop import Person

# Each example has an amount of its own, by which its messages are known at the host.
_amounts = itertools.count(10_001)
TILLS = st.integers(0, 1)
KEYS = st.sampled_from(["key-of-the-first-try", "key-of-another-try"])
PRESENTED = st.tuples(st.just("card"), TILLS, KEYS)
STEPS = st.one_of(
    PRESENTED,
    PRESENTED,
    st.tuples(st.just("both at once"), KEYS, KEYS),
    st.tuples(st.sampled_from(["abandonment", "inquiry"]), TILLS),
    st.tuples(st.sampled_from(["answers are lost", "answers are declines", "the acquirer answers"])),
    st.tuples(st.sampled_from(["release", "capture", "forward", "an hour passes"])),
)


@pytest.fixture(scope="module")
async def running_banks(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[ConcentratedShop]:
    async with open_concentrated_shop(postgres_server, tmp_path_factory.mktemp("acquirers")) as opened:
        yield opened


@dataclass
class OnePayment:
    """A payment that waits for its card, and two tills that know of it."""

    banks: ConcentratedShop
    intent_id: UUID
    amount_minor: int
    tills: tuple[Person, Person]
    accepted: set[str] = field(default_factory=set)

    @property
    def charges(self) -> int:
        """How often the acquirer was asked to charge the card."""
        asked = (message for message in self.banks.primary.seen if message.mti == "0200")
        return sum(int(message.fields[4]) == self.amount_minor for message in asked)

    async def card(self, till: int, key: str) -> None:
        """One key is accepted, whoever comes with it, and always again; any other one is refused from then on."""
        before = set(self.accepted)
        response = await self.tills[till].post(f"/intents/{self.intent_id}/card", VISA, key)
        if response.status_code == 200:
            self.accepted.add(key)
        else:
            assert (response.status_code, key in before) == (409, False), response.text
        assert len(self.accepted) <= 1, "cards under two keys were accepted"

    async def step(self, name: str, *arguments: Any) -> None:
        shop, path = self.banks.shop, f"/intents/{self.intent_id}"
        if name == "card":
            await self.card(*arguments)
        elif name == "both at once":
            await asyncio.gather(*(self.card(till, key) for till, key in enumerate(arguments)))
        elif name == "abandonment":
            response = await self.tills[arguments[0]].post(f"{path}/abandonment", {"reason": "pays in cash"})
            assert response.status_code in (200, 409), response.text
        elif name == "inquiry":
            assert (await self.tills[arguments[0]].post(f"{path}/inquiry")).status_code == 200
        elif name == "release":
            await shop.release(self.intent_id, self.amount_minor)
        elif name == "capture" and (await shop.intent(self.intent_id))["state"] == "approved":
            await shop.capture(self.intent_id, self.amount_minor)
        elif name == "forward":
            await self.banks.forwards()
        elif name == "an hour passes":
            await shop.passes(3_600)
        elif name.startswith("answers") or name == "the acquirer answers":
            self._behave(name)

    def _behave(self, name: str) -> None:
        def behave(request: Message) -> Behaviour:
            return "act_and_ignore" if name == "answers are lost" and request.mti == "0200" else "answer"

        declines = name == "answers are declines"
        self.banks.primary.behave = behave
        self.banks.primary.code = lambda request: "05" if declines and request.mti == "0200" else "00"


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(steps=st.lists(STEPS, min_size=2, max_size=8))
async def test_two_tills_charge_a_card_once_at_most_and_the_books_agree(
    running_banks: ConcentratedShop, steps: list[tuple[Any, ...]]
) -> None:
    banks = running_banks
    amount_minor = next(_amounts)
    intent_id = await banks.awaiting(amount_minor)
    payment = OnePayment(banks, intent_id, amount_minor, (banks.shop.person(), banks.shop.person(name="Jan Nowak")))
    for name, *arguments in steps:
        await payment.step(name, *arguments)
        assert payment.charges <= len(payment.accepted) <= 1
    payment._behave("the acquirer answers")
    await settles(banks)
    await banks.shop.services.drained()
    shown = await banks.shop.intent(intent_id)
    event(shown["state"])
    assert shown["anomaly_count"] == 0
    assert shown["state"] in {"awaiting_card", "approved", "captured", "declined", "reversed", "voided"}
    assert await disagreements(banks.shop.database, {"first-bank": banks.books}) == []
    outcomes = await banks.shop.told(intent_id)
    assert len(outcomes) == len(set(outcomes)), outcomes
