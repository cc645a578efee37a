"""Remembered answers: one row for each (caller, idempotency key), written in the transaction of the effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, Table, Text, delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from libs.persistence.columns import timestamp


def idempotency_table(metadata: MetaData, schema: str) -> Table:
    """The table of remembered answers of one service."""
    return Table(
        "idempotency_keys",
        metadata,
        Column("caller", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("request_hash", LargeBinary, nullable=False),
        Column("status", Integer, nullable=False),
        Column("body", LargeBinary, nullable=False),
        timestamp("created_at"),
        Index("idempotency_keys_created_at", "created_at"),
        schema=schema,
    )


@dataclass(frozen=True, slots=True)
class RememberedAnswer:
    """What was answered before."""

    request_hash: bytes
    status: int
    body: bytes


class IdempotencyStore:
    """Reads and writes remembered answers on one connection."""

    def __init__(self, table: Table) -> None:
        self._table = table

    async def begin(self, connection: AsyncConnection, caller: str, key: str) -> tuple[bool, RememberedAnswer | None]:
        """Claim the key for this transaction and look for an answer.

        Returns (claimed, answer): not claimed means that the same key is being worked on at this moment.
        """
        table = self._table
        lock = func.pg_try_advisory_xact_lock(func.hashtextextended(f"idempotency {table.schema} {caller} {key}", 0))
        claimed = (await connection.execute(select(lock))).scalar_one()
        if not claimed:
            return False, None
        # A statement of its own, after the lock: only then does it see what the lock's last holder committed.
        row = (
            await connection.execute(
                select(table.c.request_hash, table.c.status, table.c.body).where(
                    table.c.caller == caller, table.c.key == key
                )
            )
        ).first()
        return True, None if row is None else RememberedAnswer(row.request_hash, row.status, row.body)

    async def remember(
        self, connection: AsyncConnection, caller: str, key: str, answer: RememberedAnswer, now: datetime
    ) -> None:
        """Store the answer; it becomes visible with the effect, at commit."""
        await connection.execute(
            insert(self._table).values(
                caller=caller,
                key=key,
                request_hash=answer.request_hash,
                status=answer.status,
                body=answer.body,
                created_at=now,
            )
        )

    async def forget_before(self, connection: AsyncConnection, moment: datetime) -> int:
        """Delete answers older than `moment`; returns how many."""
        result = await connection.execute(delete(self._table).where(self._table.c.created_at < moment))
        return result.rowcount
