"""Batches are told to their acquirers until each agrees, or knows every item."""

from __future__ import annotations

from typing import Protocol
from uuid import UUID

from libs.host.service import Job
from libs.persistence import Database
from services.payments.domain.concentrator.closing import ItemTold, item_told
from services.payments.domain.concentrator.message import Message
from services.payments.settings import PaymentsSettings
from services.payments.side_by_side import all_of
from services.payments.storage.batches import BatchRepository
from services.payments.use_cases.tell_batch import Telling, begin_telling, record_told

# A batch that goes on for longer lets the others have their turn.
_MOST_STEPS = 50


class Acquirers(Protocol):
    """The way to the acquirers."""

    async def tell(self, name: str, request: Message) -> Message | None:
        """Send what may be sent again; None where no reply came."""


async def settle_batches(database: Database, acquirers: Acquirers, settings: PaymentsSettings) -> None:
    """One look at every batch that is due, some at the same time; each goes on while its acquirer answers."""
    async with database.reading() as connection:
        due = await BatchRepository(connection).due(database.clock(), settings.batches_at_once)
    await all_of(_settle(database, acquirers, settings, *each) for each in due)


async def _settle(
    database: Database, acquirers: Acquirers, settings: PaymentsSettings, settlement_id: UUID, acquirer: str
) -> None:
    for _ in range(_MOST_STEPS):
        async with database.transaction() as work:
            telling = await begin_telling(
                work, settlement_id, acquirer, settings.batch_page_items, settings.forward_backoff
            )
        if telling is None:
            return
        replies = await _tell(acquirers, telling)
        async with database.transaction() as work:
            goes_on = await record_told(work, telling, replies)
        if not goes_on:
            return


async def _tell(acquirers: Acquirers, telling: Telling) -> list[Message]:
    """The replies up to the first message that has none, or none that decides anything."""
    replies: list[Message] = []
    for message in telling.messages():
        reply = await acquirers.tell(telling.batch.acquirer, message)
        if reply is None:
            break
        replies.append(reply)
        if telling.items and item_told(reply) is ItemTold.ASK_AGAIN:
            break
    return replies


def batch_jobs(database: Database, acquirers: Acquirers, settings: PaymentsSettings) -> list[Job]:
    """The timer of batches; it runs on one replica at a time."""
    return [
        Job("payments.batches", settings.batches_every_s, lambda: settle_batches(database, acquirers, settings)),
    ]
