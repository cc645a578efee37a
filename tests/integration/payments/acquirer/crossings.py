"""What a till does at a concentrated terminal while a fault strikes, in this process or in one that dies of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Literal
from uuid import UUID

from libs.testkit.faults import FaultInjected, armed
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.requests import REFUND
from services.payments.jobs import watch
from tests.integration.payments.acquirer.agreement import undecided
from tests.integration.payments.acquirer.host import Behaviour
from tests.integration.payments.concentrated_shop import TERMINAL, VISA, ConcentratedShop
from tests.integration.payments.terminal_shop import Person, answered, settings_of

PRESENTING = (
    "payments_before_acquirer_stored",
    "payments_after_acquirer_stored",
    "payments_after_acquirer_answer",
    "payments_before_acquirer_recorded",
)
TELLING = (
    "payments_before_forwarding_noted",
    "payments_after_forwarding_noted",
    "payments_after_forwarded",
    "payments_before_reply_recorded",
)
CROSSINGS: Mapping[str, tuple[str, ...]] = {
    "purchase": PRESENTING,
    "refund": PRESENTING,
    "reversal": TELLING,
    "lost purchase": PRESENTING + TELLING,
    "lost refund": TELLING,
}
"""What is done, and the fault points that it passes."""
AMOUNT_MINOR = 4_000
# Longer than any answer is waited for, and than any pause before a reversal is told again.
LONG_S = 310


def behaviour(crossing: str) -> Callable[[Message], Behaviour]:
    """What the host does meanwhile: the answer to what is called lost is lost, and the card is charged all the same."""

    def behave(request: Message) -> Behaviour:
        lost = crossing.startswith("lost") and request.mti == "0200"
        goes_back = request.fields.get(3) == REFUND
        return "act_and_ignore" if lost and goes_back == crossing.endswith("refund") else "answer"

    return behave


def decided(crossing: str, point: str) -> str:
    """The state in which the payment ends."""
    if crossing == "reversal":
        return "voided"
    # Before the message was stored nothing has happened, and the till's next try goes through. Once it is stored, only
    # an answer that is recorded keeps it from being reversed.
    return "approved" if not crossing.startswith("lost") and point == PRESENTING[0] else "reversed"


def key_of(intent_id: UUID) -> str:
    """The key under which the till presents its card, however often."""
    return f"card-of-{intent_id}"


async def crosses(banks: ConcentratedShop, crossing: str, point: str, action: Literal["raise", "kill"]) -> UUID:
    """Do it with the fault armed, once everything it needs is there; the payment's id if this process survives."""
    shop = banks.shop
    intent_id = await _prepared(banks, crossing)
    with armed(point, action=action) as fault:
        if crossing == "reversal":
            await shop.release(intent_id, AMOUNT_MINOR)
            await shop.becomes(intent_id, "voiding")
        else:
            await shop.person().post(f"/intents/{intent_id}/card", VISA, key_of(intent_id))
        if not fault.struck:
            with contextlib.suppress(FaultInjected):
                await banks.forwards()
        assert fault.struck, f"{point} was not passed"
    return intent_id


async def _prepared(banks: ConcentratedShop, crossing: str) -> UUID:
    if crossing == "reversal":
        return await banks.pays(AMOUNT_MINOR)
    if not crossing.endswith("refund"):
        return await banks.awaiting(AMOUNT_MINOR)
    original = await banks.pays(2 * AMOUNT_MINOR)
    refund = await banks.shop.authorize(-AMOUNT_MINOR, instrument=TERMINAL, original_tender_id=original)
    await banks.shop.becomes(refund, "awaiting_card")
    return refund


async def tries_again(till: Person, intent_id: UUID) -> None:
    """The till was not answered, and presents the card with the same key once more."""
    answered(await till.post(f"/intents/{intent_id}/card", VISA, key_of(intent_id)), 200)


async def settles(banks: ConcentratedShop) -> None:
    """So much time passes that everything is decided."""
    shop = banks.shop
    for _ in range(4):
        if not await undecided(shop.database):
            return
        shop.clock.advance(LONG_S)
        await watch(shop.database, settings_of(shop))
        await banks.forwards()
