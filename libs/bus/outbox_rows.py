"""The statements on the outbox that the relay and its housekeeping need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, SmallInteger, Table, Text, bindparam, delete, func, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncEngine

PENDING_COUNTED_TO = 100_000


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that has not been sent."""

    seq: int
    id: UUID
    partition: int
    key: str
    type: str
    kind: str
    routing_key: str
    headers: dict[str, str]
    body: bytes
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pending:
    """What waits in the outbox; counted up to PENDING_COUNTED_TO, so that the question stays cheap."""

    messages: int
    oldest: datetime | None


class OutboxRows:
    """Reads and marks the outbox table of one service, each statement in a transaction of its own."""

    def __init__(self, engine: AsyncEngine, table: Table) -> None:
        # The server commits each statement by itself: begin and commit would be two more round trips.
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._table = table
        partitions = (
            func.unnest(bindparam("partitions", type_=ARRAY(SmallInteger))).table_valued("partition").render_derived()
        )
        columns = [table.c[name] for name in OutboxRow.__dataclass_fields__]
        oldest = (
            select(*columns)
            .where(
                table.c.partition == partitions.c.partition,
                table.c.sent_at.is_(None),
                table.c.key != func.all(bindparam("without_keys", type_=ARRAY(Text))),
            )
            .order_by(table.c.seq)
            .limit(bindparam("limit"))
            .lateral("oldest")
        )
        # Per partition by the partial index, however long the backlog; then the oldest first whatever its partition.
        self._unsent = select(oldest).select_from(partitions.join(oldest, true())).order_by(oldest.c.seq)
        sequences = bindparam("sequences", type_=ARRAY(BigInteger))
        self._mark = (
            update(table)
            .where(table.c.seq == func.any(sequences))
            .values(sent_at=bindparam("marked_at"), failure=bindparam("outcome"))
        )

    async def unsent(self, partitions: Sequence[int], without_keys: Sequence[str], *, limit: int) -> list[OutboxRow]:
        """The oldest unsent rows of each partition, at most `limit` each, leaving out the given keys; by age."""
        async with self._engine.connect() as connection:
            rows = await connection.execute(
                self._unsent, {"partitions": list(partitions), "without_keys": list(without_keys), "limit": limit}
            )
            return [OutboxRow(*row) for row in rows]

    async def mark(self, sent: Sequence[int], undeliverable: Mapping[str, Sequence[int]], now: datetime) -> None:
        """Record rows as sent, and others as given up for a reason."""
        async with self._engine.connect() as connection:
            if sent:
                await connection.execute(self._mark, {"sequences": list(sent), "marked_at": now, "outcome": None})
            for failure, sequences in undeliverable.items():
                await connection.execute(
                    self._mark, {"sequences": list(sequences), "marked_at": now, "outcome": failure}
                )

    async def pending(self) -> Pending:
        """How much waits, and since when."""
        table = self._table
        some = select(table.c.created_at).where(table.c.sent_at.is_(None)).limit(PENDING_COUNTED_TO).subquery()
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(func.count(), func.min(some.c.created_at)).select_from(some))).one()
        return Pending(row[0], row[1])

    async def prune(self, *, sent_before: datetime, failed_before: datetime, limit: int) -> int:
        """Delete up to `limit` rows that were sent before the one time or given up before the other."""
        table = self._table
        old = (
            select(table.c.seq)
            .where(table.c.sent_at < sent_before, (table.c.failure.is_(None)) | (table.c.sent_at < failed_before))
            .order_by(table.c.sent_at)
            .limit(limit)
        )
        async with self._engine.connect() as connection:
            result = await connection.execute(delete(table).where(table.c.seq.in_(old)))
            return result.rowcount
