"""Which of an acquirer's two links is used: switch-over after failures, back again with hysteresis. No clock, no I/O.

A link fails when it cannot be connected, when it breaks, or when a health echo (0800/301) is not answered. What was
already sent is never sent again over the other link; only what has not left yet goes there (protocols.md D).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum


class LinkName(StrEnum):
    """The two links of an acquirer."""

    PRIMARY = "primary"
    BACKUP = "backup"

    @property
    def other(self) -> LinkName:
        """The other one."""
        return LinkName.BACKUP if self is LinkName.PRIMARY else LinkName.PRIMARY


class NoBackup(Exception):
    """This acquirer has one link only."""


@dataclass(frozen=True, slots=True)
class SwitchRules:
    """`failures` in a row switch over; back to the primary after `healthy_echoes` in a row, at the earliest
    `stay` after the switch.
    """

    failures: int = 3
    healthy_echoes: int = 3
    stay: timedelta = timedelta(minutes=5)

    def __post_init__(self) -> None:
        if self.failures < 1 or self.healthy_echoes < 1 or self.stay < timedelta(0):
            raise ValueError("failures and healthy_echoes are at least 1, stay is not negative.")


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """Of one link: how many failures, or healthy echoes, there were in a row."""

    failures: int = 0
    healthy: int = 0


@dataclass(frozen=True, slots=True)
class Links:
    """The state of both. `pinned`: an operator chose the link; nothing switches until it is released."""

    active: LinkName = LinkName.PRIMARY
    since: datetime | None = None
    pinned: bool = False
    has_backup: bool = True
    primary: LinkHealth = field(default_factory=LinkHealth)
    backup: LinkHealth = field(default_factory=LinkHealth)

    def health_of(self, link: LinkName) -> LinkHealth:
        """The health of a link."""
        return self.primary if link is LinkName.PRIMARY else self.backup

    def order(self) -> tuple[LinkName, ...]:
        """The links to try for a message that has not left yet: the active one, then the other unless pinned."""
        if not self.has_backup:
            return (LinkName.PRIMARY,)
        return (self.active,) if self.pinned else (self.active, self.active.other)

    def succeeded(self, link: LinkName, at: datetime, rules: SwitchRules) -> Links:
        """The link answered an echo."""
        healthy = self._with(link, LinkHealth(healthy=self.health_of(link).healthy + 1))
        return healthy._switched_back(at, rules)

    def failed(self, link: LinkName, at: datetime, rules: SwitchRules) -> Links:
        """The link could not be connected, broke, or did not answer an echo."""
        failing = self._with(link, LinkHealth(failures=self.health_of(link).failures + 1))
        return failing._switched_over(at, rules)

    def switched_by_operator(self, link: LinkName, at: datetime) -> Links:
        """An operator chose a link. Raises NoBackup."""
        if link is LinkName.BACKUP and not self.has_backup:
            raise NoBackup("This acquirer has no backup link.")
        return replace(self, active=link, since=at, pinned=True)

    def released(self) -> Links:
        """The operator leaves the choice to the rules again."""
        return replace(self, pinned=False)

    def _with(self, link: LinkName, health: LinkHealth) -> Links:
        return replace(self, primary=health) if link is LinkName.PRIMARY else replace(self, backup=health)

    def _switched_over(self, at: datetime, rules: SwitchRules) -> Links:
        if self.pinned or not self.has_backup or self.health_of(self.active).failures < rules.failures:
            return self
        # To a link that is known to be down nothing is gained by switching.
        if self.health_of(self.active.other).failures >= rules.failures:
            return self
        return replace(self, active=self.active.other, since=at)

    def _switched_back(self, at: datetime, rules: SwitchRules) -> Links:
        if self.pinned or not self.has_backup:
            return self
        if self.health_of(self.active).failures >= rules.failures:
            # Both were down, and this one is the first that works again.
            other = self.active.other
            return replace(self, active=other, since=at) if self.health_of(other).healthy else self
        settled = self.since is None or at - self.since >= rules.stay
        if self.active is LinkName.BACKUP and settled and self.primary.healthy >= rules.healthy_echoes:
            return replace(self, active=LinkName.PRIMARY, since=at)
        return self
