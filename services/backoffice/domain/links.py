"""How an acquirer's links are, in a word: what an operator has to know at a glance."""

from __future__ import annotations

from dataclasses import dataclass

from services.backoffice.domain.wording import Tone, Worded

LINK_NAMES = {"primary": "Primary", "backup": "Backup"}


@dataclass(frozen=True, slots=True)
class LinkFacts:
    """A link over all processes of payments: how many there are, are connected, and send by it."""

    name: str
    processes: int
    connected: int
    active: int


def state_of_link(link: LinkFacts) -> Worded:
    """The state of one link. Not every process needs to be connected, but each should."""
    if link.processes == 0:
        return Worded("Not used yet", Tone.QUIET)
    if link.connected == 0:
        return Worded("Not connected", Tone.ALARM)
    if link.connected < link.processes:
        return Worded(f"Connected {link.connected} of {link.processes}", Tone.WARNING)
    return Worded("Connected", Tone.GOOD)


def state_of_acquirer(links: tuple[LinkFacts, ...]) -> Worded:
    """Whether cards can be authorised: by the first link, only by the other one, or not at all."""
    active = [link for link in links if link.active]
    if not any(link.connected for link in links):
        return Worded("No link", Tone.ALARM) if any(link.processes for link in links) else Worded("Idle", Tone.QUIET)
    if not active:
        return Worded("No active link", Tone.ALARM)
    if len(active) > 1:
        return Worded("Switching", Tone.WARNING)
    if active[0].connected == 0:
        return Worded("Active link lost", Tone.ALARM)
    if active[0].name != "primary":
        return Worded("On the backup", Tone.WARNING)
    return Worded("On the primary", Tone.GOOD)


def other_link(links: tuple[LinkFacts, ...]) -> str:
    """The link that a switch would lead to: the one that is not active now."""
    return "primary" if any(link.active and link.name == "backup" for link in links) else "backup"
