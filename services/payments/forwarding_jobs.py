"""Store and forward at work: what acquirers have not confirmed is told until they have, terminal by terminal."""

from __future__ import annotations

from uuid import UUID

from libs.host.service import Job
from libs.persistence import Database
from libs.testkit.faults import fault_point
from services.payments.gateways.acquirer.concentrator import Concentrator
from services.payments.settings import PaymentsSettings
from services.payments.side_by_side import all_of
from services.payments.storage.stored_messages import StoredMessageRepository
from services.payments.use_cases.forward_stored import begin_attempt, record_reply


async def forward(database: Database, concentrator: Concentrator, settings: PaymentsSettings) -> None:
    """Tell everything that is due, each terminal's first at the same time, and go on while acquirers answer."""
    answered = True
    while answered:
        async with database.reading() as connection:
            due = await StoredMessageRepository(connection).due(database.clock(), settings.forward_at_once)
        told = await all_of(_tell(database, concentrator, settings, each) for each in due)
        answered = any(told)


async def _tell(database: Database, concentrator: Concentrator, settings: PaymentsSettings, message_id: UUID) -> bool:
    """One attempt; whether the acquirer replied."""
    async with database.transaction() as work:
        attempt = await begin_attempt(work, message_id, concentrator.reversal_types, settings.forward_backoff)
    if attempt is None:
        return False
    fault_point("payments_after_forwarding_noted")
    reply = await concentrator.tell(attempt.acquirer, attempt.message)
    if reply is None:
        return False
    fault_point("payments_after_forwarded")
    async with database.transaction() as work:
        await record_reply(work, message_id, reply, settings.limits)
    return True


def forwarding_jobs(database: Database, concentrator: Concentrator, settings: PaymentsSettings) -> list[Job]:
    """The timer of store and forward; it runs on one replica at a time, so that each terminal's order holds."""
    return [
        Job("payments.forward", settings.forward_every_s, lambda: forward(database, concentrator, settings)),
    ]
