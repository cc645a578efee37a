"""The same payments without us: a bare client of the acquirer, and the rows that one payment writes by bare psycopg."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from libs.persistence import new_id
from tests.bench.bare_acquirer_link import BareLink

_LOCK = "select terminal_id from payments.intents where intent_id = %s for update"
_COUNT = """
update payments.acquirer_terminals set last_trace_number = last_trace_number %% 999999 + 1
where terminal_id = %s and acquirer = %s returning last_trace_number
"""
_MARK = """
update payments.intents set state = %(state)s, version = version + 1, operation_id = %(operation_id)s,
  first_operation_id = %(operation_id)s, card = %(card)s, refs = %(refs)s, approval_code = %(approval_code)s,
  retrieval_reference = %(retrieval_reference)s, approved_minor = %(approved_minor)s, changed_at = now()
where intent_id = %(intent_id)s
"""
_DECIDE_MESSAGE = """
update payments.acquirer_messages set state = 'approved', approved_minor = %(approved_minor)s,
  approval_code = %(approval_code)s, answered_at = now() where message_id = %(message_id)s
"""
_DECIDE_OPERATION = """
update payments.operations set state = 'approved', answer = %(answer)s, answered_at = now()
where operation_id = %(operation_id)s
"""
_TABLES = {"acquirer_messages": "intent_id", "operations": "intent_id", "intent_history": "intent_id"}
_JSON = frozenset({"headers", "answer", "card", "refs"})
Row = dict[str, Any]


@dataclass(frozen=True)
class Captured:
    """The rows of one approved payment as the service wrote them; the outbox in the order of its writing."""

    intent: Row
    message: Row
    operation: Row
    sent: Row
    approved: Row
    outbox: list[Row]


def capture(database_url: str) -> Captured:
    """The rows of the last payment that was approved."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        intent = connection.execute(
            "select * from payments.intents where state = 'approved' order by changed_at desc limit 1"
        ).fetchone()
        assert intent is not None
        rows = {
            table: [
                _plain(row)
                for row in connection.execute(
                    sql.SQL("select * from payments.{} where {} = %s").format(
                        sql.Identifier(table), sql.Identifier(column)
                    ),
                    [intent["intent_id"]],
                )
            ]
            for table, column in _TABLES.items()
        }
        outbox = connection.execute(
            "select * from payments.outbox where key = %s order by seq", [str(intent["intent_id"])]
        ).fetchall()
    history = {row["to_state"]: row for row in rows["intent_history"]}
    return Captured(
        _plain(intent),
        rows["acquirer_messages"][0],
        rows["operations"][0],
        history["sent"],
        history["approved"],
        # As sent already, or the service's relay would publish these rows while they are measured.
        [_plain({**row, "sent_at": row["created_at"]}, without=("seq",)) for row in outbox],
    )


def _plain(row: Row, *, without: Sequence[str] = ()) -> Row:
    return {
        name: Jsonb(value) if name in _JSON and value is not None else value
        for name, value in row.items()
        if name not in without
    }


async def replay(
    database_url: str,
    link: BareLink,
    captured: Captured,
    tenders: Sequence[Sequence[str]],
    connections: int,
    measured_s: float,
) -> float:
    """Payments per second: each is a transaction, an exchange with the acquirer, and a second transaction."""
    pool: asyncio.Queue[psycopg.AsyncConnection[Any]] = asyncio.Queue()
    for _ in range(connections):
        pool.put_nowait(await psycopg.AsyncConnection.connect(database_url))
    end = time.perf_counter() + measured_s
    try:
        counts = await asyncio.gather(*(_till(pool, link, captured, each, end) for each in tenders))
    finally:
        for _ in range(connections):
            await (await pool.get()).close()
    return sum(counts) / measured_s


async def _till(
    pool: asyncio.Queue[psycopg.AsyncConnection[Any]],
    link: BareLink,
    captured: Captured,
    tenders: Sequence[str],
    end: float,
) -> int:
    for count, tender in enumerate(tenders):
        if time.perf_counter() >= end:
            return count
        intent_id, message_id = UUID(tender), new_id()
        connection = await pool.get()
        try:
            await _store(connection, captured, intent_id, message_id)
        finally:
            pool.put_nowait(connection)
        await link.pay(captured.intent["amount_minor"])
        connection = await pool.get()
        try:
            await _record(connection, captured, intent_id, message_id)
        finally:
            pool.put_nowait(connection)
    raise RuntimeError("too few tenders were prepared")


async def _store(
    connection: psycopg.AsyncConnection[Any], captured: Captured, intent_id: UUID, message_id: UUID
) -> None:
    message = captured.message
    async with connection.transaction():
        locked = await (await connection.execute(_LOCK, [intent_id])).fetchone()
        assert locked is not None
        await connection.execute(_COUNT, [locked[0], message["acquirer"]])
        await _insert(connection, "acquirer_messages", message, message_id=message_id, intent_id=intent_id)
        await _insert(connection, "operations", captured.operation, operation_id=message_id, intent_id=intent_id)
        changed = {**captured.intent, "state": "sent", "approved_minor": 0}
        await connection.execute(_MARK, {**changed, "intent_id": intent_id, "operation_id": message_id})
        await _insert(connection, "intent_history", captured.sent, intent_id=intent_id, entry_id=new_id())
        await _insert(connection, "outbox", captured.outbox[-3], id=new_id(), key=str(intent_id))


async def _record(
    connection: psycopg.AsyncConnection[Any], captured: Captured, intent_id: UUID, message_id: UUID
) -> None:
    async with connection.transaction():
        await connection.execute(_LOCK, [intent_id])
        await connection.execute(_DECIDE_MESSAGE, {**captured.message, "message_id": message_id})
        await connection.execute(_DECIDE_OPERATION, {**captured.operation, "operation_id": message_id})
        await connection.execute(_MARK, {**captured.intent, "intent_id": intent_id, "operation_id": message_id})
        await _insert(connection, "intent_history", captured.approved, intent_id=intent_id, entry_id=new_id())
        for row in captured.outbox[-2:]:
            await _insert(connection, "outbox", row, id=new_id(), key=str(intent_id))


async def _insert(connection: psycopg.AsyncConnection[Any], table: str, row: Row, **changes: Any) -> None:
    values = {**row, **changes}
    columns = ", ".join(values)
    named = ", ".join(f"%({name})s" for name in values)
    await connection.execute(f"insert into payments.{table} ({columns}) values ({named})", values)
