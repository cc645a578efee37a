"""Leases: one holder at a time for a named piece of work, with an expiry that frees it if the holder dies.

Expiry is judged by the database's clock alone, so replicas need not agree on the time. A lease is a hint that keeps
two replicas from doing the same work; what they do must be harmless if both do it for a moment.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import BindParameter, Column, MetaData, Table, Text, and_, delete, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.sql.expression import bindparam

from libs.persistence.columns import timestamp
from libs.persistence.identity import new_id


def lease_table(metadata: MetaData, schema: str | None) -> Table:
    """The table of leases of one service: few rows, one per name ever used, so it needs no index but its key."""
    return Table(
        "leases",
        metadata,
        Column("name", Text, primary_key=True),
        Column("holder", Text, nullable=False),
        timestamp("expires_at"),
        schema=schema,
    )


class Leases:
    """The leases of one holder, i.e. of one running replica of a service."""

    def __init__(self, engine: AsyncEngine, table: Table, *, holder: str | None = None) -> None:
        self._engine = engine
        # For what is one statement: begin and commit would be two more round trips.
        self._autocommit = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._table = table
        self.holder = holder or str(new_id())

    async def take(self, name: str, duration_s: float) -> bool:
        """Acquire the lease, or renew it if it is ours, for `duration_s` from now. False if another holds it."""
        async with self._autocommit.connect() as connection:
            return bool(await self._take(connection, [name], duration_s))

    async def take_share(self, names: Sequence[str], *, group: str, duration_s: float) -> frozenset[str]:
        """Hold a fair share of `names` for `duration_s` and return it; call it again well before they expire.

        Every live holder in `group` gets at most ceil(len(names) / holders): what is above our share is released
        (the caller must have stopped working on it by the next call), and free or expired names are taken up to it.
        """
        table = self._table
        member = f"{group}/member/"
        async with self._engine.begin() as connection:
            await self._take(connection, [member + self.holder], duration_s)
            rows = await connection.execute(
                select(table.c.name, table.c.holder).where(
                    table.c.expires_at > func.clock_timestamp(),
                    or_(table.c.name == func.any(_names("names")), table.c.name.startswith(member, autoescape=True)),
                ),
                {"names": list(names)},
            )
            live = {row.name: row.holder for row in rows}
            members = sum(1 for name in live if name.startswith(member))
            share = -(-len(names) // max(members, 1))
            mine = [name for name in names if live.get(name) == self.holder]
            free = [name for name in names if name not in live]
            wanted = (mine + free)[:share]
            await self._release(connection, mine[share:])
            return frozenset(await self._take(connection, wanted, duration_s))

    async def release(self, *names: str) -> None:
        """Give up leases; those that are not ours are left alone."""
        async with self._autocommit.connect() as connection:
            await self._release(connection, names)

    async def leave(self, names: Sequence[str], *, group: str) -> None:
        """Give up every share of `names` and the membership of `group`, so that others take over at once."""
        await self.release(*names, f"{group}/member/{self.holder}")

    async def _take(self, connection: AsyncConnection, names: Sequence[str], duration_s: float) -> list[str]:
        if not names:
            return []
        table = self._table
        expires_at = func.clock_timestamp() + timedelta(seconds=duration_s)
        # Sorted, so that two holders that want the same names lock the rows in one order and cannot deadlock.
        wanted = func.unnest(_names("names")).table_valued("name").render_derived()
        statement = insert(table).from_select(
            ["name", "holder", "expires_at"],
            select(wanted.c.name, bindparam("me", type_=Text), expires_at).order_by(wanted.c.name),
        )
        statement = statement.on_conflict_do_update(
            index_elements=[table.c.name],
            set_={"holder": statement.excluded.holder, "expires_at": statement.excluded.expires_at},
            where=or_(table.c.holder == statement.excluded.holder, table.c.expires_at <= func.clock_timestamp()),
        )
        rows = await connection.execute(statement.returning(table.c.name), {"names": list(names), "me": self.holder})
        return [row.name for row in rows]

    async def _release(self, connection: AsyncConnection, names: Sequence[str]) -> None:
        if not names:
            return
        table = self._table
        await connection.execute(
            delete(table).where(and_(table.c.name == func.any(_names("names")), table.c.holder == self.holder)),
            {"names": list(names)},
        )

    async def forget_expired(self, older_than_s: float) -> int:
        """Delete leases that expired more than `older_than_s` ago (dead members); the number deleted."""
        table = self._table
        limit = func.clock_timestamp() - timedelta(seconds=older_than_s)
        async with self._autocommit.connect() as connection:
            result = await connection.execute(delete(table).where(table.c.expires_at < limit))
            return result.rowcount


def _names(parameter: str) -> BindParameter[Sequence[str]]:
    return bindparam(parameter, type_=ARRAY(Text))
