"""Keeping messages that could not be handled: deferred with a time for the next attempt, or dead for an operator."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from pydantic_core import from_json, to_json

from libs.bus.backoff import pause_s
from libs.bus.envelope import Envelope, MalformedEnvelope, to_headers
from libs.bus.failures import describe, is_permanent
from libs.bus.inbox_rows import InboxRow, InboxRows, storable
from libs.bus.metrics import BusMetrics
from libs.bus.settings import BusSettings
from libs.contracts.operations import MessageDead
from libs.persistence import Database, Origin, UnitOfWork

log = structlog.get_logger(__name__)

LONGEST_TYPE = 200


class Parking:
    """Writes what the consumers of one service could not handle, each call in a transaction of its own."""

    def __init__(
        self, database: Database, rows: InboxRows, settings: BusSettings, *, service: str, metrics: BusMetrics
    ) -> None:
        self._database = database
        self._rows = rows
        self._settings = settings
        self._service = service
        self._metrics = metrics

    async def keep(self, consumer: str, envelope: Envelope, error: Exception) -> None:
        """Store a message whose first attempt failed, unless the inbox has it by now."""
        now = self._database.clock()
        row = InboxRow(
            message_id=envelope.id,
            consumer=consumer,
            position=0,
            key=envelope.partition_key,
            type=envelope.type,
            status="deferred",
            attempts=1,
            deaths=0,
            next_attempt_at=now + self._pause(1),
            headers=to_headers(envelope),
            body=envelope.body,
            last_error=storable(describe(error)),
            received_at=now,
        )
        if self._is_fatal(error, 1):
            row = replace(row, status="dead", deaths=1, next_attempt_at=self._release_at(now))
        await self._insert(row, Origin(envelope.correlation_id, envelope.id, envelope.traceparent), blocks=True)

    async def keep_malformed(
        self, consumer: str, headers: Mapping[str, Any], body: bytes, error: MalformedEnvelope
    ) -> None:
        """Store a message whose envelope cannot be read as dead; it belongs to no key and blocks nothing."""
        # JSON can hold a null character, PostgreSQL's jsonb cannot.
        text = to_json(dict(headers), fallback=str, bytes_mode="base64").replace(b"\\u0000", b"\\ufffd")
        message_id = f"malformed-{hashlib.sha256(text + body).hexdigest()[:32]}"
        claimed = headers.get("ce-type")
        now = self._database.clock()
        row = InboxRow(
            message_id=message_id,
            consumer=consumer,
            position=0,
            key=message_id,
            type=storable(claimed)[:LONGEST_TYPE] if isinstance(claimed, str) and claimed else "unknown",
            status="dead",
            attempts=1,
            deaths=1,
            next_attempt_at=None,
            headers=from_json(text),
            body=body,
            last_error=storable(describe(error)),
            received_at=now,
        )
        await self._insert(row, Origin(), blocks=False)

    async def postpone(self, parked: InboxRow, error: Exception) -> None:
        """Record another failed attempt at a parked message."""
        async with self._database.transaction(Origin(causation_id=parked.message_id)) as work:
            row = await self._rows.claim(work.connection, parked.message_id, parked.consumer, wait=True)
            if row is None or row.status != "deferred":
                return
            attempts = row.attempts + 1
            now = self._database.clock()
            row = replace(row, attempts=attempts, last_error=storable(describe(error)))
            if self._is_fatal(error, attempts):
                row = replace(row, status="dead", deaths=row.deaths + 1, next_attempt_at=self._release_at(now))
            else:
                row = replace(row, next_attempt_at=now + self._pause(attempts))
            await self._rows.change(
                work.connection,
                row.message_id,
                row.consumer,
                status=row.status,
                attempts=row.attempts,
                deaths=row.deaths,
                last_error=row.last_error,
                next_attempt_at=row.next_attempt_at,
            )
            if row.status == "dead":
                await self._announce(work, row)

    async def release(self, dead: InboxRow) -> bool:
        """Let the messages behind a dead one go on; it stays dead and can be replayed. True if one of them is due."""
        async with self._database.transaction() as work:
            row = await self._rows.claim(work.connection, dead.message_id, dead.consumer)
            if row is None or row.status != "dead":
                return False
            await self._rows.lock_key(work.connection, row.consumer, row.key)
            await self._rows.change(work.connection, row.message_id, row.consumer, blocks=False, next_attempt_at=None)
            log.warning("dead_message_freed_its_key", consumer=row.consumer, id=row.message_id, key=row.key)
            return await self._rows.promote(work.connection, row.consumer, row.key, work.now)

    async def _insert(self, row: InboxRow, origin: Origin, *, blocks: bool) -> None:
        async with self._database.transaction(origin) as work:
            kept = await self._rows.keep(work.connection, row, blocks=blocks)
            if kept and row.status == "dead":
                await self._announce(work, row)
        if kept and row.status == "deferred":
            log.warning(
                "message_deferred", consumer=row.consumer, id=row.message_id, type=row.type, error=row.last_error
            )
            self._metrics.deferred.labels(self._service, row.consumer).inc()

    async def _announce(self, work: UnitOfWork, row: InboxRow) -> None:
        """Tell the operators that a message is dead, in the transaction that makes it so."""
        log.error("message_dead", consumer=row.consumer, id=row.message_id, type=row.type, error=row.last_error)
        self._metrics.dead.labels(self._service, row.consumer).inc()
        if row.type == MessageDead.message.type:
            # A consumer that cannot handle this very news would otherwise cause it again and again.
            return
        work.emit(
            MessageDead(
                message_id=row.message_id,
                service=self._service,
                consumer=row.consumer,
                message_type=row.type,
                key=row.key,
                attempts=row.attempts,
                error=row.last_error or "",
                died_at=work.now,
            ),
            sequence=await self._rows.deaths(work.connection, row.message_id),
        )

    def _is_fatal(self, error: Exception, attempts: int) -> bool:
        return is_permanent(error) or attempts >= self._settings.attempts

    def _pause(self, attempts: int) -> timedelta:
        settings = self._settings
        return timedelta(
            seconds=pause_s(attempts, first_s=settings.attempt_backoff_s, limit_s=settings.attempt_backoff_limit_s)
        )

    def _release_at(self, now: datetime) -> datetime | None:
        limit_s = self._settings.dead_blocks_key_for_s
        return None if limit_s is None else now + timedelta(seconds=limit_s)
