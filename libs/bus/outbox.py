"""The outbox: messages are rows written in the business transaction that caused them."""

from __future__ import annotations

import asyncio
from typing import Any

from pydantic_core import to_json
from sqlalchemy import DateTime, LargeBinary, SmallInteger, Table, Text, Uuid, bindparam, cast, column, func, select
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.sql.dml import Insert

from libs.bus.sealing import MessageTooLarge, seal
from libs.bus.tracing import current_traceparent
from libs.persistence import Outgoing, UnitOfWork

__all__ = ["MessageTooLarge", "Outbox"]

_COLUMNS: dict[str, Any] = {
    "id": Uuid(),
    "partition": SmallInteger(),
    "key": Text(),
    "type": Text(),
    "kind": Text(),
    "routing_key": Text(),
    "body": LargeBinary(),
    "expires_at": DateTime(timezone=True),
}


class Outbox:
    """Writes outgoing messages (the `OutboxWriter` of a `Database`) and wakes the relay after the commit.

    `service` becomes the CloudEvents `source` (`/sales`).
    """

    def __init__(self, service: str, table: Table, *, message_limit_bytes: int = 4_000_000) -> None:
        self._source = f"/{service}"
        self._message_limit_bytes = message_limit_bytes
        self._insert_one = _insert_one(table)
        self._insert_many = _insert_many(table)
        self.wake = asyncio.Event()

    async def write(self, work: UnitOfWork) -> None:
        """Insert the rows for `work.outgoing`, in order, in one statement.

        Raises MessageTooLarge, MalformedEnvelope or InvalidTopology for a message that could not be delivered.
        """
        traceparent = current_traceparent() or work.origin.traceparent
        rows = [self._row(work, outgoing, traceparent) for outgoing in work.outgoing]
        if len(rows) == 1:
            # As nearly every transaction has one message, it goes without the arrays that many of them need.
            await work.connection.execute(self._insert_one, {**rows[0], "created_at": work.now})
            return
        parameters: dict[str, Any] = {name: [row[name] for row in rows] for name in _COLUMNS}
        headers = f"[{','.join(row['headers'] for row in rows)}]"
        await work.connection.execute(self._insert_many, {**parameters, "headers": headers, "created_at": work.now})

    def committed(self) -> None:
        """Wake the relay."""
        self.wake.set()

    def _row(self, work: UnitOfWork, outgoing: Outgoing, traceparent: str | None) -> dict[str, Any]:
        sealed = seal(
            outgoing,
            work.origin,
            source=self._source,
            now=work.now,
            traceparent=traceparent,
            limit_bytes=self._message_limit_bytes,
        )
        row: dict[str, Any] = {name: getattr(sealed, name) for name in _COLUMNS}
        row["headers"] = to_json(sealed.headers).decode()
        return row


def _insert_one(table: Table) -> Insert:
    values = [bindparam(name, type_=type_) for name, type_ in _COLUMNS.items()]
    headers = cast(bindparam("headers", type_=Text()), JSONB)
    created_at = bindparam("created_at", type_=DateTime(timezone=True))
    return insert(table).from_select([*_COLUMNS, "headers", "created_at"], select(*values, headers, created_at))


def _insert_many(table: Table) -> Insert:
    arrays = [bindparam(name, type_=ARRAY(type_)) for name, type_ in _COLUMNS.items()]
    rows = func.unnest(*arrays).table_valued(*_COLUMNS, with_ordinality="ordinality", name="rows").render_derived()
    # As one JSON text: an array of texts full of quotes costs more to escape than all the rest of the statement.
    all_headers = func.jsonb_array_elements(cast(bindparam("headers", type_=Text()), JSONB))
    headers = all_headers.table_valued(
        column("headers", JSONB), with_ordinality="ordinality", name="headers"
    ).render_derived()
    created_at = cast(bindparam("created_at"), DateTime(timezone=True))
    chosen = [*(rows.c[name] for name in _COLUMNS), headers.c.headers, created_at]
    joined = rows.join(headers, rows.c.ordinality == headers.c.ordinality)
    # Ordered, so that `seq` follows the order in which the messages were emitted.
    statement = select(*chosen).select_from(joined).order_by(rows.c.ordinality)
    return insert(table).from_select([*_COLUMNS, "headers", "created_at"], statement)
