"""An import: a file on its way into the catalogue, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

MOST_ATTEMPTS = 5


class ImportState(StrEnum):
    """Where an import stands. Whoever finds it waiting or running may go on with it."""

    WAITING = "waiting"
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen."""
        return self in (ImportState.FINISHED, ImportState.FAILED)


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """An import without its file. Of `total_rows`, `done_rows` are committed, each of them counted once below."""

    id: UUID
    state: ImportState
    dry_run: bool
    file_name: str | None
    encoding: str
    delimiter: str
    price_list: str | None
    total_rows: int
    done_rows: int
    created_rows: int
    changed_rows: int
    unchanged_rows: int
    refused_rows: int
    attempts: int
    failure: str | None
    created_by: UUID
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of the rows of a batch."""

    created_rows: int = 0
    changed_rows: int = 0
    unchanged_rows: int = 0
