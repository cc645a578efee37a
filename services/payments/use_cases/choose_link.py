"""An operator chooses the link to an acquirer, or leaves the choice to the rules again."""

from __future__ import annotations

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Invalid, NotFound
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.payments.domain.card_data import demand_no_card_number
from services.payments.domain.concentrator.links import LinkName, Links
from services.payments.storage.links import LinkChoice, LinkEvent, LinkRepository

CHOSEN, RELEASED = "chosen", "released"


class NoBackupLink(Invalid):
    """The acquirer has one link only."""

    type = "no-backup-link"


class NoLinkChosen(NotFound):
    """Nobody has chosen the acquirer's link: the rules choose it."""

    type = "no-link-chosen"


async def choose_link(
    work: UnitOfWork, caller: Principal, acquirer: str, links: Links, link: LinkName, reason: str
) -> LinkChoice:
    """Have every replica use one link until the choice is taken back. Raises Forbidden or NoBackupLink."""
    caller.demand(Permission.PAYMENTS_CONFIGURE)
    demand_no_card_number(reason, "reason")
    if link is LinkName.BACKUP and not links.has_backup:
        raise NoBackupLink(f"{acquirer} has no backup link.", field="link")
    choice = LinkChoice(acquirer, link, reason, caller.id, caller.name, work.now)
    repository = LinkRepository(work.connection)
    await repository.choose(choice)
    await repository.add_events([_event(work, caller, acquirer, link, CHOSEN, reason)])
    return choice


async def release_link(work: UnitOfWork, caller: Principal, acquirer: str) -> None:
    """Leave the choice of the link to the rules again. Raises Forbidden or NoLinkChosen."""
    caller.demand(Permission.PAYMENTS_CONFIGURE)
    repository = LinkRepository(work.connection)
    chosen = await repository.release(acquirer)
    if chosen is None:
        raise NoLinkChosen(f"Nobody has chosen the link to {acquirer}.", field="name")
    await repository.add_events([_event(work, caller, acquirer, chosen, RELEASED, None)])


def _event(
    work: UnitOfWork, caller: Principal, acquirer: str, link: LinkName, event: str, reason: str | None
) -> LinkEvent:
    return LinkEvent(
        new_id(),
        acquirer,
        link,
        event,
        work.now,
        actor_id=caller.id,
        actor_name=caller.name,
        reason=reason,
    )
