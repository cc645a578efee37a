"""Lists of what acquirers have not confirmed or have refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import any_, bindparam, select, text, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.types import Uuid

from libs.persistence import Connection
from services.payments.storage.concentrator_tables import acquirer_messages, stored_messages
from services.payments.storage.tables import terminals


@dataclass(frozen=True, slots=True)
class UndoneMessage:
    """A reversal or a completion in store and forward, with what it is about."""

    message_id: UUID
    acquirer: str
    terminal_name: str
    kind: str
    state: str
    attempts: int
    code: str | None
    amount_minor: int
    currency: str
    created_at: datetime
    next_at: datetime | None
    intent_id: UUID


class UndoneMessageRepository:
    """Reads stored messages on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(
        self,
        store_ids: Sequence[UUID] | None,
        after: tuple[datetime, UUID] | None,
        limit: int,
        *,
        state: str | None,
        acquirer: str | None,
    ) -> list[UndoneMessage]:
        """What waits or was refused at terminals of these stores (None: of all), the oldest first."""
        stored, about = stored_messages.c, acquirer_messages.c
        order = (stored.created_at, stored.message_id)
        statement = (
            select(
                stored.message_id,
                stored.acquirer,
                terminals.c.name.label("terminal_name"),
                stored.kind,
                stored.state,
                stored.attempts,
                stored.code,
                about.amount_minor,
                about.currency,
                stored.created_at,
                stored.next_at,
                stored.intent_id,
            )
            .join(acquirer_messages, about.message_id == stored.about_message_id)
            .join(terminals, terminals.c.terminal_id == stored.terminal_id)
            .where(text("stored_messages.state IN ('waiting', 'refused')"))
        )
        if state is not None:
            statement = statement.where(stored.state == state)
        if acquirer is not None:
            statement = statement.where(stored.acquirer == acquirer)
        if store_ids is not None:
            stores = bindparam("stores", list(store_ids), ARRAY(Uuid()))
            statement = statement.where(terminals.c.store_id == any_(stores))
        if after is not None:
            statement = statement.where(tuple_(*order) > after)
        rows = await self._connection.execute(statement.order_by(*order).limit(limit))
        return [UndoneMessage(**row._mapping) for row in rows]
