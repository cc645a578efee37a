"""Imports as HTTP tells them."""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import BaseModel, Field

from libs.contracts.values import Instant
from services.catalog.domain.import_rows import RowRefusal
from services.catalog.domain.import_state import ImportProgress, ImportState


class ImportAnswer(BaseModel):
    """An import and how far it has come: `done` of `total` rows, each counted once as what became of it."""

    import_id: UUID
    state: ImportState
    dry_run: bool = Field(description="It only reports: nothing is changed.")
    file_name: str | None
    encoding: str
    delimiter: str
    price_list: str | None
    total: int
    done: int
    created: int
    changed: int
    unchanged: int
    refused: int
    failure: str | None = Field(description="Why it ended before its last row.")
    created_by: UUID
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None

    @classmethod
    def of(cls, progress: ImportProgress) -> Self:
        """The answer for an import."""
        return cls(
            import_id=progress.id,
            state=progress.state,
            dry_run=progress.dry_run,
            file_name=progress.file_name,
            encoding=progress.encoding,
            delimiter=progress.delimiter,
            price_list=progress.price_list,
            total=progress.total_rows,
            done=progress.done_rows,
            created=progress.created_rows,
            changed=progress.changed_rows,
            unchanged=progress.unchanged_rows,
            refused=progress.refused_rows,
            failure=progress.failure,
            created_by=progress.created_by,
            created_at=progress.created_at,
            started_at=progress.started_at,
            finished_at=progress.finished_at,
        )


class RefusalAnswer(BaseModel):
    """Why a row was not taken. `row` is its number in the file, the header being 1; `message` says what is right."""

    row: int
    column: str
    value: str
    message: str

    @classmethod
    def of(cls, refusal: RowRefusal) -> Self:
        """The answer for a refusal."""
        return cls(row=refusal.row_number, column=refusal.column, value=refusal.value, message=refusal.message)
