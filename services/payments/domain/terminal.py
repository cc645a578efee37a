"""Terminals: those wired to a gateway, those that stand alone, and which one a payment goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from libs.contracts.refusal import Conflict


@dataclass(frozen=True, slots=True)
class Terminal:
    """A payment terminal of a store. `gateway_id` is None for one that stands alone: a person works it (rule 20)."""

    terminal_id: UUID
    store_id: UUID
    name: str
    gateway_id: UUID | None
    till_ids: tuple[UUID, ...]
    active: bool
    state: str = "ready"
    driver: str | None = None

    @property
    def standalone(self) -> bool:
        """Whether there is no wire to it."""
        return self.gateway_id is None


class NoTerminal(Conflict):
    """There is no terminal for the payment; the sentence says what to do."""

    type = "no-terminal"


def choose_terminal(terminals: Sequence[Terminal], till_id: UUID, wanted: str | None, default: UUID | None) -> Terminal:
    """The terminal for a payment at a till: the wanted one, else the till's default, else the till's own.

    `terminals` are those of the till's store. A wired terminal serves the tills that its gateway gives it; one that
    stands alone serves any till of the store that names it. Raises NoTerminal.
    """
    usable = [each for each in terminals if each.active and (each.standalone or till_id in each.till_ids)]
    if wanted is not None:
        named = [each for each in usable if each.name == wanted]
        if not named:
            names = ", ".join(sorted(each.name for each in usable)) or "none"
            raise NoTerminal(f"This till has no payment terminal {wanted!r}; it has: {names}.", field="terminal")
        return named[0]
    for each in usable:
        if each.terminal_id == default:
            return each
    wired = sorted((each for each in usable if not each.standalone), key=lambda each: each.name)
    if not wired:
        raise NoTerminal(
            "This till has no payment terminal. Take another tender, or ask the office to connect one or to set a"
            " standalone terminal as the till's default.",
            field="terminal",
        )
    return wired[0]
