"""The queue of receipts to be mailed, and the record of copies printed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, update

from libs.persistence import Connection
from services.sales.domain.receipt_email import EmailState, ReceiptEmail
from services.sales.storage.tables import receipt_emails, reprints


class ReceiptEmailRepository:
    """Reads and writes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, email: ReceiptEmail) -> None:
        """Put it in the queue."""
        await self._connection.execute(insert(receipt_emails).values(asdict(email)))

    async def of_sale(self, sale_id: UUID, *, limit: int) -> list[ReceiptEmail]:
        """Up to `limit` mails of a receipt, in the order in which they were asked for."""
        table = receipt_emails
        query = select(table).where(table.c.sale_id == sale_id).order_by(table.c.requested_at, table.c.email_id)
        return [_email(row) for row in await self._connection.execute(query.limit(limit))]

    async def take_due(self, now: datetime, *, limit: int, again_at: datetime) -> list[ReceiptEmail]:
        """Begin a try of up to `limit` mails that are due; without `save` they are due again at `again_at`."""
        table = receipt_emails
        due = (
            select(table.c.email_id)
            .where(table.c.state == EmailState.QUEUED.value, table.c.next_attempt_at <= now)
            .order_by(table.c.next_attempt_at)
            .limit(limit)
            .with_for_update(skip_locked=True)
            .cte()
        )
        begun = (
            update(table)
            .where(table.c.email_id.in_(select(due.c.email_id)))
            .values(attempts=table.c.attempts + 1, next_attempt_at=again_at)
            .returning(table)
        )
        return [_email(row) for row in await self._connection.execute(begun)]

    async def save(self, email: ReceiptEmail) -> None:
        """Store what became of a try."""
        changes = {
            "state": email.state.value,
            "last_error": email.last_error,
            "next_attempt_at": email.next_attempt_at,
            "sent_at": email.sent_at,
        }
        await self._connection.execute(
            update(receipt_emails).where(receipt_emails.c.email_id == email.email_id).values(changes)
        )

    async def forget(self, before: datetime, row_count: int) -> int:
        """Delete up to `row_count` mails that were asked for before `before`, addresses and all; returns how many."""
        old = (
            select(receipt_emails.c.email_id)
            .where(receipt_emails.c.requested_at < before)
            .order_by(receipt_emails.c.requested_at)
            .limit(row_count)
            .with_for_update(skip_locked=True)
        )
        deleted = await self._connection.execute(
            delete(receipt_emails).where(receipt_emails.c.email_id.in_(old)).returning(receipt_emails.c.email_id)
        )
        return len(deleted.all())


@dataclass(frozen=True, slots=True)
class Reprint:
    """A copy of a receipt: who printed it and when. Copies of a receipt are numbered from 1."""

    reprint_id: UUID
    sale_id: UUID
    staff_id: UUID
    copy_number: int
    printed_at: datetime


class ReprintRepository:
    """Reads and writes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, reprint_id: UUID) -> Reprint | None:
        """The copy with this id."""
        row = (await self._connection.execute(select(reprints).where(reprints.c.reprint_id == reprint_id))).first()
        return None if row is None else Reprint(**row._mapping)

    async def count(self, sale_id: UUID) -> int:
        """How many copies of a receipt were printed."""
        query = select(func.coalesce(func.max(reprints.c.copy_number), 0)).where(reprints.c.sale_id == sale_id)
        copies: int = (await self._connection.execute(query)).scalar_one()
        return copies

    async def add(self, reprint: Reprint) -> None:
        """Record a copy; the caller has locked the sale's row, so that copies are counted one after the other."""
        await self._connection.execute(insert(reprints).values(asdict(reprint)))


def _email(row: Row[Any]) -> ReceiptEmail:
    values = dict(row._mapping)
    values["state"] = EmailState(values["state"])
    return ReceiptEmail(**values)
