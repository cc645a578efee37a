"""Whatever answers are lost, late or repeated: in the end what the terminal charged is what we say, by intent."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from random import Random
from typing import Any
from uuid import UUID

import pytest

from libs.contracts.terminals import OperateTerminal
from tests.integration.payments.terminal_shop import TerminalShop, approves

TENDERS = 14
ROUNDS = 60
NOTHING_LEFT = ("approved", "captured", "declined", "reversed", "voided", "refunded")


class HonestTerminal:
    """Moves money, or does not, and tells the truth only when its line holds. `charged` is what cards really paid."""

    def __init__(self, chance: Random) -> None:
        self.charged: dict[UUID, int] = defaultdict(int)
        self.charges: dict[UUID, int] = defaultdict(int)
        self._chance = chance
        self._truth: dict[UUID, dict[str, Any]] = {}

    def operate(self, operation: OperateTerminal) -> dict[str, Any] | None:
        if operation.action == "inquiry":
            return self._told(self._inquired(operation))
        if self._chance.random() < 0.1:
            # The gateway died before the terminal heard of it.
            return None
        self._truth[operation.operation_id] = truth = self._moved(operation)
        return self._told(truth)

    def _moved(self, operation: OperateTerminal) -> dict[str, Any]:
        refuses = self._chance.random() < 0.2
        if refuses:
            return {"outcome": "declined", "reason_code": "05", "reason": "Do not honour"}
        if operation.action == "purchase":
            self.charged[operation.intent_id] += operation.amount_minor
            self.charges[operation.intent_id] += 1
        else:
            self.charged[operation.intent_id] -= operation.amount_minor
        return approves(operation)

    def _inquired(self, operation: OperateTerminal) -> dict[str, Any]:
        assert operation.inquired_operation_id is not None
        truth = self._truth.get(operation.inquired_operation_id)
        return {"outcome": "declined", "found": False} if truth is None else {**truth, "found": True}

    def _told(self, truth: dict[str, Any]) -> dict[str, Any] | None:
        fate = self._chance.random()
        if fate < 0.2:
            return None
        return {"outcome": "unknown", "reason": "The line broke"} if fate < 0.4 else truth


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_the_terminal_charged_is_what_we_say_intent_by_intent(shop: TerminalShop, seed: int) -> None:
    chance = Random(seed)
    terminal = HonestTerminal(chance)
    for action in ("purchase", "reversal", "inquiry"):
        shop.gateway.script[action] = terminal.operate
    tenders = list(await asyncio.gather(*(shop.authorize(1_000 + number) for number in range(TENDERS))))
    for each in tenders[::3]:
        await shop.release(each)
    states: dict[UUID, str] = {}
    for _ in range(ROUNDS):
        if chance.random() < 0.3 and shop.gateway.asked:
            # The bus delivers an old answer once more.
            old = chance.choice(shop.gateway.asked)
            truth = terminal._truth.get(old.operation_id)
            if truth is not None:
                await shop.gateway.answer(old, **truth)
        await shop.passes(400)
        states = {each: (await shop.intent(each))["state"] for each in tenders}
        if all(state in NOTHING_LEFT for state in states.values()):
            break
    else:
        # A refused reversal waits for a person in the end; nothing else may be left.
        assert set(states.values()) <= {*NOTHING_LEFT, "reversal_refused"}, states
    # What died with the gateway was never begun, and is refused when it comes again: after payments knows that already.
    never_begun = [
        old for old in shop.gateway.asked if old.action != "inquiry" and old.operation_id not in terminal._truth
    ]
    assert never_begun
    for old in never_begun:
        await shop.gateway.answer(old, outcome="not_sent")
    await shop.services.drained()
    for each, state in states.items():
        shown = await shop.intent(each)
        expected = shown["approved_minor"] if state in ("approved", "captured", "reversal_refused") else 0
        assert terminal.charged[each] == expected, shown["history"]
        assert terminal.charges[each] <= 1
        assert shown["anomaly_count"] == 0, shown["history"]
        told = await shop.told(each)
        assert told[-1] == ("authorized" if state == "approved" else "released" if each in tenders[::3] else told[-1])
        assert (state in ("approved", "captured")) == (told[-1] == "authorized")
