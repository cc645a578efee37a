"""Each replica tells how it sees its links to acquirers, and follows what operators want of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Protocol

import structlog

from libs.persistence import UnitOfWork
from services.payments.domain.concentrator.links import LinkName, Links, NoBackup
from services.payments.gateways.acquirer import LinkView
from services.payments.storage.links import LinkChoice, LinkEvent, LinkReport, LinkRepository

_log = structlog.get_logger(__name__)


class WatchedAcquirer(Protocol):
    """An acquirer whose links are watched."""

    name: str

    @property
    def links(self) -> Links:
        """Which link is in use, and the health of both."""

    def view(self) -> list[LinkView]:
        """Its links as they are now."""

    def switch(self, name: LinkName) -> None:
        """Use one link whatever happens. Raises NoBackup."""

    def release(self) -> None:
        """Leave the choice to the rules again."""


async def report_links(
    work: UnitOfWork,
    replica: str,
    acquirers: Collection[WatchedAcquirer],
    events: Sequence[LinkEvent],
    kept_s: float,
) -> Mapping[str, LinkChoice]:
    """Tell how this replica sees its links and what happened to them, and forget replicas that say nothing any more.

    What operators want is the answer, by acquirer.
    """
    repository = LinkRepository(work.connection)
    await repository.report([_report(work, replica, each.name, view) for each in acquirers for view in each.view()])
    await repository.forget(work.now - timedelta(seconds=kept_s))
    await repository.add_events(events)
    return await repository.choices()


def follow_choices(acquirers: Collection[WatchedAcquirer], choices: Mapping[str, LinkChoice]) -> None:
    """Switch what an operator wants on another link, and leave what nobody wants any more to the rules."""
    for acquirer in acquirers:
        choice, links = choices.get(acquirer.name), acquirer.links
        if choice is None:
            if links.pinned:
                acquirer.release()
        elif not links.pinned or links.active is not choice.link:
            try:
                acquirer.switch(choice.link)
            except NoBackup:
                # The backup was taken out of acquirers.toml after it was chosen.
                _log.warning("chosen_link_absent", acquirer=acquirer.name, link=choice.link.value)


def _report(work: UnitOfWork, replica: str, acquirer: str, view: LinkView) -> LinkReport:
    return LinkReport(
        acquirer=acquirer,
        link=view.name.value,
        replica=replica,
        address=view.address,
        active=view.active,
        connected=view.connected,
        outstanding=view.outstanding,
        failures=view.failures,
        sent=view.sent,
        answered=view.answered,
        late_or_foreign=view.late_or_foreign,
        unreadable=view.unreadable,
        seen_at=work.now,
    )
