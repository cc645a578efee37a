"""Terminals: those wired to a gateway, those that stand alone, the concentrator's, and which one a payment goes to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from libs.contracts.refusal import Conflict


class TerminalKind(StrEnum):
    """How a card gets from the terminal to its bank.

    `wired`: a device gateway owns it. `standalone`: a person works it and types what its slip says (retail rule 20).
    `concentrated`: the card is keyed or read at the till, and payments itself asks the acquirer's host.
    """

    WIRED = "wired"
    STANDALONE = "standalone"
    CONCENTRATED = "concentrated"


@dataclass(frozen=True, slots=True)
class Terminal:
    """A payment terminal of a store. `gateway_id` is there for wired ones only."""

    terminal_id: UUID
    store_id: UUID
    name: str
    gateway_id: UUID | None
    till_ids: tuple[UUID, ...]
    active: bool
    state: str = "ready"
    driver: str | None = None
    kind: TerminalKind = TerminalKind.WIRED

    @property
    def standalone(self) -> bool:
        """Whether a person works it."""
        return self.kind is TerminalKind.STANDALONE

    @property
    def concentrated(self) -> bool:
        """Whether payments itself asks the acquirer."""
        return self.kind is TerminalKind.CONCENTRATED

    def serves(self, till_id: UUID) -> bool:
        """Whether a till can use it: a wired one serves the tills that its gateway gives it, others the whole store."""
        return self.active and (self.kind is not TerminalKind.WIRED or till_id in self.till_ids)


class NoTerminal(Conflict):
    """There is no terminal for the payment; the sentence says what to do."""

    type = "no-terminal"


def choose_terminal(terminals: Sequence[Terminal], till_id: UUID, wanted: str | None, default: UUID | None) -> Terminal:
    """The terminal for a payment at a till: the wanted one, else the till's default, else the till's own.

    `terminals` are those of the till's store. A wired terminal serves the tills that its gateway gives it; the others
    serve any till of the store that names them or has them as its default. Raises NoTerminal.
    """
    usable = [each for each in terminals if each.serves(till_id)]
    if wanted is not None:
        named = [each for each in usable if each.name == wanted]
        if not named:
            names = ", ".join(sorted(each.name for each in usable)) or "none"
            raise NoTerminal(f"This till has no payment terminal {wanted!r}; it has: {names}.", field="terminal")
        return named[0]
    for each in usable:
        if each.terminal_id == default:
            return each
    wired = sorted((each for each in usable if each.kind is TerminalKind.WIRED), key=lambda each: each.name)
    if not wired:
        raise NoTerminal(
            "This till has no payment terminal. Take another tender, or ask the office to connect one or to set a"
            " standalone terminal as the till's default.",
            field="terminal",
        )
    return wired[0]
