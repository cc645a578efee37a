"""What has been told of products and what is still due, and the position of the changes feed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import BigInteger, Select, Text, Uuid, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.catalog.storage.arrays import rows_of
from services.catalog.storage.tables import feed_position, product_announcements


@dataclass(frozen=True, slots=True)
class DueAnnouncement:
    """What is still to be told of one product, and how many of its events there have been."""

    product_id: UUID
    sequence: int
    product_due: bool
    prices_due: bool


class AnnouncementRepository:
    """Reads and writes announcements on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def mark_due(self, product_id: UUID, *, product: bool, prices: bool) -> DueAnnouncement:
        """Note that a product must be told of, and hold its place: events leave in the order of this lock."""
        table = product_announcements
        statement = insert(table).values(
            product_id=product_id, sequence=0, change_number=0, product_due=product, prices_due=prices
        )
        row = (
            await self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[table.c.product_id],
                    set_={
                        "product_due": or_(table.c.product_due, statement.excluded.product_due),
                        "prices_due": or_(table.c.prices_due, statement.excluded.prices_due),
                    },
                ).returning(table.c.product_id, table.c.sequence, table.c.product_due, table.c.prices_due)
            )
        ).one()
        return DueAnnouncement(row.product_id, row.sequence, row.product_due, row.prices_due)

    async def mark_all_due(self, product_ids: Select[tuple[UUID]], *, product: bool, prices: bool) -> None:
        """Note that all products which the query selects must be told of, in one statement."""
        table = product_announcements
        # Ordered, so that two such statements wait for each other instead of deadlocking.
        selected = product_ids.subquery()
        statement = insert(table).from_select(
            ["product_id", "sequence", "change_number", "product_due", "prices_due"],
            select(selected.c[0], literal(0), literal(0), literal(product), literal(prices)).order_by(selected.c[0]),
        )
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[table.c.product_id],
                set_={
                    "product_due": or_(table.c.product_due, statement.excluded.product_due),
                    "prices_due": or_(table.c.prices_due, statement.excluded.prices_due),
                },
            )
        )

    async def take_due(self, limit: int) -> list[DueAnnouncement]:
        """Lock up to `limit` products that must be told of and that nobody else is telling of."""
        table = product_announcements
        statement = (
            select(table.c.product_id, table.c.sequence, table.c.product_due, table.c.prices_due)
            .where(or_(table.c.product_due, table.c.prices_due))
            .order_by(table.c.product_id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        rows = await self._connection.execute(statement)
        return [DueAnnouncement(row.product_id, row.sequence, row.product_due, row.prices_due) for row in rows]

    async def settle(self, told: Mapping[UUID, tuple[int, str]]) -> None:
        """Store what the products were told of: their new sequence and feed item; each gets a place in the feed."""
        first = await take_positions(self._connection, len(told))
        table = product_announcements
        rows = rows_of(
            product_id=(Uuid(), told),
            sequence=(BigInteger(), (sequence for sequence, _ in told.values())),
            item=(Text(), (item for _, item in told.values())),
            change_number=(BigInteger(), range(first, first + len(told))),
        )
        await self._connection.execute(
            update(table)
            .where(table.c.product_id == rows.c.product_id)
            .values(
                sequence=rows.c.sequence,
                item=rows.c.item,
                change_number=rows.c.change_number,
                product_due=False,
                prices_due=False,
            )
        )

    async def changed_after(self, position: int, limit: int) -> list[tuple[int, str]]:
        """Up to `limit` (change number, feed item) behind `position`, in the order of the changes."""
        table = product_announcements
        statement = (
            select(table.c.change_number, table.c.item)
            .where(table.c.change_number > position)
            .order_by(table.c.change_number)
            .limit(limit)
        )
        return [(row.change_number, row.item) for row in await self._connection.execute(statement)]

    async def items_after(self, product_id: UUID | None, limit: int) -> list[tuple[UUID, str | None]]:
        """Up to `limit` (product id, feed item) behind a product; the item is None if it was never told of."""
        table = product_announcements
        statement = select(table.c.product_id, table.c.item).order_by(table.c.product_id).limit(limit)
        if product_id is not None:
            statement = statement.where(table.c.product_id > product_id)
        return [(row.product_id, row.item) for row in await self._connection.execute(statement)]


async def take_positions(connection: Connection, count: int) -> int:
    """The first of `count` further numbers of the changes feed.

    Call it last in a transaction: it keeps all other changes of the catalogue waiting until the commit, which is what
    makes numbers appear in their order.
    """
    statement = insert(feed_position).values(id=1, position=count)
    row = (
        await connection.execute(
            statement.on_conflict_do_update(
                index_elements=[feed_position.c.id], set_={"position": feed_position.c.position + count}
            ).returning(feed_position.c.position)
        )
    ).one()
    position: int = row.position
    return position - count + 1


async def current_position(connection: Connection) -> int:
    """The number of the latest change that readers can see; 0 before the first."""
    row = (await connection.execute(select(feed_position.c.position))).first()
    return 0 if row is None else int(row.position)
