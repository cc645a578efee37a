"""The chain's own receipt layouts, and its logo."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.sales.storage.tables import receipt_layouts, receipt_logo

ANY_LANGUAGE = ""


@dataclass(frozen=True, slots=True)
class StoredLayout:
    """A layout of the chain's own. `language` is empty where it is for every language without one of its own."""

    kind: str
    language: str
    template: str
    version: int
    changed_at: datetime
    changed_by: UUID


class LayoutRepository:
    """Reads and writes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def revision(self) -> tuple[object, ...]:
        """What changes with every layout and with the logo."""
        table = receipt_layouts
        query = select(table.c.kind, table.c.language, table.c.changed_at).order_by(table.c.kind, table.c.language)
        layouts = (await self._connection.execute(query)).all()
        return (*(tuple(row) for row in layouts), await self._connection.scalar(select(receipt_logo.c.changed_at)))

    async def all(self) -> list[StoredLayout]:
        """Every layout of the chain's own."""
        return [StoredLayout(**row._mapping) for row in await self._connection.execute(select(receipt_layouts))]

    async def get(self, kind: str, language: str) -> StoredLayout | None:
        """The layout of exactly this kind and language."""
        table = receipt_layouts
        query = select(table).where(table.c.kind == kind, table.c.language == language)
        row = (await self._connection.execute(query)).first()
        return None if row is None else StoredLayout(**row._mapping)

    async def put(self, kind: str, language: str, template: str, *, by: UUID, now: datetime) -> StoredLayout:
        """Store a layout in place of the one before."""
        table = receipt_layouts
        statement = insert(table).values(
            kind=kind, language=language, template=template, version=1, changed_at=now, changed_by=by
        )
        changed = statement.on_conflict_do_update(
            index_elements=[table.c.kind, table.c.language],
            set_={"template": template, "version": table.c.version + 1, "changed_at": now, "changed_by": by},
        )
        row = (await self._connection.execute(changed.returning(table))).one()
        return StoredLayout(**row._mapping)

    async def remove(self, kind: str, language: str) -> None:
        """Go back to the shipped layout; nothing happens if there is none of the chain's own."""
        table = receipt_layouts
        await self._connection.execute(delete(table).where(table.c.kind == kind, table.c.language == language))

    async def logo(self) -> bytes | None:
        """The logo, a PNG."""
        png = await self._connection.scalar(select(receipt_logo.c.png))
        return None if png is None else bytes(png)

    async def put_logo(self, png: bytes, *, by: UUID, now: datetime) -> None:
        """Store a logo in place of the one before."""
        values = {"png": png, "changed_at": now, "changed_by": by}
        statement = insert(receipt_logo).values(id=1, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=[receipt_logo.c.id], set_=values))

    async def remove_logo(self) -> None:
        """Print without a logo."""
        await self._connection.execute(delete(receipt_logo))
