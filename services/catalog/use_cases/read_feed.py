"""What tills and other services read: a snapshot of the catalogue, and everything that changed since.

Each item is the whole latest state of one thing, in the words of the events, so that it can be stored over whatever
was known of it before.
"""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.contracts.refusal import Conflict
from libs.persistence import Connection
from services.catalog.storage.announcements import AnnouncementRepository, current_position
from services.catalog.storage.rules import RuleRepository, StoredLayouts, StoredPromotion, StoredTaxCategory

_ALL_RULES = 100_000


class PositionAhead(Conflict):
    """The reader has seen changes that this catalogue does not have: it was restored from a backup."""

    type = "position-ahead"


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes in their order, as JSON. `position` is where to ask next; `more` says that there is more already."""

    items: list[str]
    position: int
    more: bool


async def snapshot_position(connection: Connection) -> int:
    """The position to ask for changes after a snapshot: taken before the snapshot's first item is read.

    What changes while the snapshot is read comes again as a change, so together they are consistent.
    """
    return await current_position(connection)


async def snapshot_rules(connection: Connection) -> list[str]:
    """Tax categories, layouts and promotions, as JSON."""
    return [_rule_item(rule) for _, rule in await RuleRepository(connection).changed_after(-1, _ALL_RULES)]


async def snapshot_products(connection: Connection, after: UUID | None, limit: int) -> tuple[list[str], UUID | None]:
    """Up to `limit` products with their prices, as JSON, and the product to go on behind; None at the end.

    A product that a bulk change made and that was not told of yet is left out: it comes as a change.
    """
    found = await AnnouncementRepository(connection).items_after(after, limit)
    last = found[-1][0] if len(found) == limit else None
    return [item for _, item in found if item is not None], last


async def read_changes(connection: Connection, after: int, limit: int) -> Changes:
    """Up to `limit` changes behind the position `after`, each thing once in its latest state. Raises PositionAhead."""
    # First of all: whatever has a number up to this one is committed, and what commits later has a higher one.
    newest = await current_position(connection)
    if after > newest:
        raise PositionAhead(
            f"Position {after} is ahead of this catalogue, which is at {newest}: take a new snapshot.",
            field="after",
            current_position=newest,
        )
    if after == newest:
        return Changes([], after, more=False)
    rules = await RuleRepository(connection).changed_after(after, limit)
    found = [(number, _rule_item(rule)) for number, rule in rules]
    found += await AnnouncementRepository(connection).changed_after(after, limit)
    visible = sorted((each for each in found if each[0] <= newest), key=lambda each: each[0])
    shown = visible[:limit]
    # Without a cut every change up to `newest` has been looked at; some may have moved on to a later number.
    position = shown[-1][0] if len(shown) == limit else newest
    items = [f'{{"position":{number},{item[1:]}' for number, item in shown]
    return Changes(items, position, more=position < newest)


def _rule_item(rule: StoredTaxCategory | StoredPromotion | StoredLayouts) -> str:
    facts = rule.changed()
    kind = facts.message.type.split(".")[2].removesuffix("_changed")
    return f'{{"kind":"{kind}","{kind}":{facts.model_dump_json()}}}'
