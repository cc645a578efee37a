"""Imports: their files, their progress and what they refused."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, case, delete, func, insert, select, tuple_, update

from libs.persistence import Connection
from services.catalog.domain.import_rows import RowRefusal
from services.catalog.domain.import_state import MOST_ATTEMPTS, BatchResult, ImportProgress, ImportState
from services.catalog.storage.tables import import_refusals, imports

_PROGRESS = [column for column in imports.c if column.name != "file"]
_OPEN = imports.c.state.in_([ImportState.WAITING, ImportState.RUNNING])


def _progress(row: Row[Any]) -> ImportProgress:
    return ImportProgress(**{**row._asdict(), "state": ImportState(row.state)})


class ImportRepository:
    """Reads and writes imports on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def insert(self, progress: ImportProgress, file: bytes) -> None:
        """Store a new import with its file."""
        values = {name: getattr(progress, name) for name in ImportProgress.__dataclass_fields__}
        await self._connection.execute(insert(imports).values(**values, file=file))

    async def find(self, import_id: UUID, *, for_update: bool = False) -> ImportProgress | None:
        """The import without its file, or None."""
        statement = select(*_PROGRESS).where(imports.c.id == import_id)
        row = (await self._connection.execute(statement.with_for_update() if for_update else statement)).first()
        return None if row is None else _progress(row)

    async def file(self, import_id: UUID) -> bytes | None:
        """The uploaded file; None once it has been forgotten."""
        return (await self._connection.execute(select(imports.c.file).where(imports.c.id == import_id))).scalar()

    async def next_open(self) -> ImportProgress | None:
        """The oldest import that is not over."""
        statement = select(*_PROGRESS).where(_OPEN).order_by(imports.c.created_at, imports.c.id).limit(1)
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _progress(row)

    async def page(self, before: tuple[datetime, UUID] | None, limit: int) -> list[ImportProgress]:
        """Up to `limit` imports, the latest first."""
        statement = select(*_PROGRESS).order_by(imports.c.created_at.desc(), imports.c.id.desc()).limit(limit)
        if before is not None:
            statement = statement.where(tuple_(imports.c.created_at, imports.c.id) < before)
        return [_progress(row) for row in await self._connection.execute(statement)]

    async def begin_attempt(self, import_id: UUID, now: datetime) -> ImportState:
        """Count a turn of work on the import; it has failed once too many turns got nowhere."""
        statement = (
            update(imports)
            .where(imports.c.id == import_id, _OPEN)
            .values(
                attempts=imports.c.attempts + 1,
                started_at=func.coalesce(imports.c.started_at, now),
                state=case((imports.c.attempts >= MOST_ATTEMPTS, ImportState.FAILED), else_=ImportState.RUNNING),
                finished_at=case((imports.c.attempts >= MOST_ATTEMPTS, now), else_=None),
                failure=case(
                    (
                        imports.c.attempts >= MOST_ATTEMPTS,
                        f"It stopped {MOST_ATTEMPTS} times at the same place. What it did before is kept; "
                        "look at the log of the catalog service, and upload the file again.",
                    ),
                    else_=None,
                ),
            )
            .returning(imports.c.state)
        )
        row = (await self._connection.execute(statement)).first()
        return ImportState.FAILED if row is None else ImportState(row.state)

    async def advance(self, import_id: UUID, rows: int, result: BatchResult, refused: int, now: datetime) -> None:
        """Count a batch; the import is finished when it was the last."""
        done = imports.c.done_rows + rows
        over = done >= imports.c.total_rows
        await self._connection.execute(
            update(imports)
            .where(imports.c.id == import_id)
            .values(
                done_rows=done,
                created_rows=imports.c.created_rows + result.created_rows,
                changed_rows=imports.c.changed_rows + result.changed_rows,
                unchanged_rows=imports.c.unchanged_rows + result.unchanged_rows,
                refused_rows=imports.c.refused_rows + refused,
                attempts=0,
                state=case((over, ImportState.FINISHED), else_=ImportState.RUNNING),
                finished_at=case((over, now), else_=None),
            )
        )

    async def fail(self, import_id: UUID, sentence: str, now: datetime) -> None:
        """End the import; what it did so far is kept."""
        await self._connection.execute(
            update(imports)
            .where(imports.c.id == import_id)
            .values(state=ImportState.FAILED, failure=sentence, finished_at=now)
        )

    async def add_refusals(self, import_id: UUID, refusals: Sequence[RowRefusal]) -> None:
        """Keep why rows were refused."""
        rows = [
            {
                "import_id": import_id,
                "row_number": refusal.row_number,
                "column_name": refusal.column,
                "value": refusal.value,
                "message": refusal.message,
            }
            for refusal in refusals
        ]
        if rows:
            await self._connection.execute(insert(import_refusals), rows)

    async def refusals(self, import_id: UUID, after: int | None, limit: int) -> list[RowRefusal]:
        """Up to `limit` refusals behind row `after`, in the order of the file."""
        table = import_refusals
        statement = select(table).where(table.c.import_id == import_id).order_by(table.c.row_number).limit(limit)
        if after is not None:
            statement = statement.where(table.c.row_number > after)
        return [
            RowRefusal(row.row_number, row.column_name, row.value, row.message)
            for row in await self._connection.execute(statement)
        ]

    async def forget_files_before(self, moment: datetime) -> int:
        """Drop the files of imports that were over before `moment`; how many."""
        statement = update(imports).where(imports.c.finished_at < moment, imports.c.file.is_not(None))
        return (await self._connection.execute(statement.values(file=None))).rowcount

    async def forget_before(self, moment: datetime) -> int:
        """Delete imports that were over before `moment`, with their reports; how many."""
        return (await self._connection.execute(delete(imports).where(imports.c.finished_at < moment))).rowcount
