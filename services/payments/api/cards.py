"""A card is keyed or read at the till for a payment at a concentrated terminal, and its acquirer is asked.

The card is in memory only, for as long as its message leaves: its fields show themselves nowhere, and the answer to a
repeated request is looked up by the request's key alone (PCI DSS 4.0, 3.3.1 and 3.5.1; retail rule 22).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal
from uuid import UUID, uuid5

from fastapi import APIRouter, Header, Request
from pydantic import Field, SecretStr

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid
from libs.persistence import Database
from libs.testkit.faults import fault_point
from libs.web.authentication import Caller, RequestBody, require
from libs.web.principal import Principal
from libs.web.transactions import Work, origin_of, resource
from services.payments.api.dependencies import PlainText, Settings
from services.payments.api.intent_schemas import IntentView
from services.payments.domain.concentrator.replies import HostOutcome, HostUnreached
from services.payments.domain.concentrator.requests import Card, EntryMode
from services.payments.domain.concentrator.sensitive import CardNumber, ChipData, PinBlock, Track2
from services.payments.gateways.acquirer.concentrator import Concentrator
from services.payments.settings import PaymentsSettings
from services.payments.storage.intents import IntentRepository
from services.payments.use_cases.abandon_intent import abandon_intent
from services.payments.use_cases.present_card import Presented, present_card, record_outcome

router = APIRouter(tags=["cards at the till"], dependencies=[require(Permission.PAYMENTS_CHARGE)])

Acquirers = Annotated[Concentrator, resource(Concentrator)]
_ENTRY_MODES: dict[str, EntryMode] = {"keyed": "012", "stripe": "022", "chip": "051", "contactless": "071"}
# What asks an acquirer goes on when the till hangs up; the event loop itself keeps no hold of its tasks.
_conversations: set[asyncio.Task[None]] = set()


class CardBody(RequestBody):
    """The card: keyed (number and expiry), or read (track 2, with the chip's data), perhaps with a PIN block."""

    entry: Literal["keyed", "stripe", "chip", "contactless"]
    number: SecretStr | None = Field(default=None, description="12 to 19 digits, where the card is keyed.")
    expiry: SecretStr | None = Field(default=None, description="Year and month, as in 2912 for December 2029.")
    track_2: SecretStr | None = Field(default=None, description="As read, with = or D after the number.")
    chip_data: SecretStr | None = Field(default=None, description="The chip's tags in hexadecimal.")
    pin_block: SecretStr | None = Field(default=None, description="The encrypted PIN block, 16 hexadecimal digits.")

    def card(self) -> Card:
        """The card for its message. Raises Invalid or CardDataWrong, naming the field and repeating nothing of it."""
        number, expiry, track_2 = _text(self.number), _text(self.expiry), _text(self.track_2)
        if self.entry == "keyed" and (number is None or expiry is None):
            field = "number" if number is None else "expiry"
            raise Invalid("A keyed card needs its number and its expiry.", field=field)
        if self.entry != "keyed" and track_2 is None:
            raise Invalid("A card that was read needs its track 2.", field="track_2")
        if expiry is not None and not _is_expiry(expiry):
            raise Invalid("The expiry is four digits, year and month, as in 2912 for December 2029.", field="expiry")
        chip, pin_block = _text(self.chip_data), _text(self.pin_block)
        return Card(
            _ENTRY_MODES[self.entry],
            number=CardNumber(number) if number is not None and self.entry == "keyed" else None,
            expiry=expiry,
            track_2=Track2(track_2) if track_2 is not None and self.entry != "keyed" else None,
            chip=ChipData(chip) if chip is not None else None,
            pin_block=PinBlock(pin_block) if pin_block is not None else None,
        )


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _is_expiry(text: str) -> bool:
    return len(text) == 4 and text.isascii() and text.isdecimal() and 1 <= int(text[2:]) <= 12


class AbandonmentBody(RequestBody):
    """Why no card will come."""

    reason: PlainText


@router.post("/intents/{intent_id}/card", summary="Pay with a card that was keyed or read at the till")
async def post_card(
    intent_id: UUID,
    body: CardBody,
    request: Request,
    caller: Caller,
    acquirers: Acquirers,
    settings: Settings,
    idempotency_key: Annotated[
        str,
        Header(min_length=8, max_length=200, description="A new UUID for each card presented; the same for a retry."),
    ],
) -> IntentView:
    """Waits for the acquirer. The same key again never asks it again: it is answered with the payment as it stands,
    which may still be `sent`. Without an answer in time the payment is `unknown` and is reversed by itself.
    """
    database: Database = request.app.state.context.database
    card = body.card()
    acquirer = acquirers.acquirer_for(card.routing_number)
    message_id = uuid5(intent_id, idempotency_key)
    async with database.transaction(origin_of(request)) as work:
        presented = await present_card(
            work, caller, intent_id, message_id, card, acquirer, acquirers.longest_s(acquirer)
        )
    if presented is not None:
        fault_point("payments_after_acquirer_stored")
        # Shielded from a till that hangs up: what became of the message is recorded all the same.
        conversation = asyncio.create_task(_converse(database, acquirers, settings, presented, request))
        _conversations.add(conversation)
        conversation.add_done_callback(_conversations.discard)
        await asyncio.shield(conversation)
    return await _as_it_stands(database, caller, intent_id)


async def _converse(
    database: Database,
    acquirers: Concentrator,
    settings: PaymentsSettings,
    presented: Presented,
    request: Request,
) -> None:
    outcome: HostOutcome
    if database.clock() < presented.send_before:
        outcome = await acquirers.authorise(presented.acquirer, presented.message)
    else:
        # This replica stood still; by now another one may take the message as lost, and it must not leave any more.
        outcome = HostUnreached("The message could not be sent in time.")
    fault_point("payments_after_acquirer_answer")
    async with database.transaction(origin_of(request)) as work:
        await record_outcome(work, presented.message_id, outcome, settings.limits)


async def _as_it_stands(database: Database, caller: Principal, intent_id: UUID) -> IntentView:
    async with database.reading() as connection:
        payment = await IntentRepository(connection).get(intent_id)
    assert payment is not None, "it was locked a moment ago"
    caller.demand_store(payment.store_id)
    return IntentView.of(payment, database.clock())


@router.post("/intents/{intent_id}/abandonment", summary="Give up a payment whose card was not presented")
async def post_abandonment(
    intent_id: UUID, body: AbandonmentBody, caller: Caller, work: Work, settings: Settings
) -> IntentView:
    """Nothing was sent, so nothing was taken: the tender is declined. Repeated, it changes nothing."""
    change = await abandon_intent(work, caller, intent_id, body.reason, settings.limits)
    return IntentView.of(change.payment, work.now)
