"""What a payment terminal's driver can carry out, as its manifest says, and what a cashier hears of the rest. Pure.

Nothing that is asked for may be left out silently: a payment in instalments that is charged at once, or cash-back that
no terminal has booked, is found by the customer, later.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

from device_gateway.domain.card_operations import NotSent
from libs.contracts.terminals import TerminalAction

TerminalCapability = Literal[
    "purchase",
    "refund",
    "reversal",
    "pre_authorisation",
    "increment",
    "completion",
    "pre_authorisation_cancel",
    "balance",
    "last_slip",
    "end_of_day",
    "diagnosis",
    "cash_back",
    "tip",
    "instalments",
]
"""The actions of `TerminalAction`, but the inquiry, which every driver answers; and what may come with a purchase."""

PURCHASE_SHARES: frozenset[TerminalCapability] = frozenset({"cash_back", "tip", "instalments"})
"""What a terminal can only do with a purchase (cash-back: retail rule 15)."""

_CHARGES: frozenset[TerminalAction] = frozenset({"purchase", "pre_authorisation", "completion", "increment"})
_SENTENCES: dict[str, str] = {
    "purchase": "This terminal cannot take a payment.",
    "refund": "This terminal cannot give money back to a card: give it back in another way.",
    "reversal": "This terminal cannot undo a payment: give the money back by a refund.",
    "pre_authorisation": "This terminal cannot reserve an amount on a card: take the payment itself.",
    "increment": "This terminal cannot raise what is reserved on a card: reserve the rest anew.",
    "completion": "This terminal cannot book what it has not reserved itself: take the payment itself.",
    "pre_authorisation_cancel": "This terminal cannot release what is reserved on a card: ask the bank to.",
    "balance": "This terminal cannot tell what is on a card.",
    "last_slip": "This terminal cannot print its last slip again from the till: print it at the terminal.",
    "end_of_day": "This terminal's day cannot be closed from the till: close it at the terminal.",
    "diagnosis": "This terminal cannot be examined from the till.",
    "cash_back": "This terminal cannot hand out cash-back: take the payment without it.",
    "tip": "This terminal cannot take a tip: take the payment without it.",
    "instalments": "This terminal cannot take a payment in instalments: take it at once, or in another way.",
}


def not_supported(capability: TerminalCapability) -> NotSent:
    """The answer to what a terminal cannot do, for a cashier; its code is e.g. `instalments-not-supported`."""
    return NotSent(_SENTENCES[capability], f"{capability.replace('_', '-')}-not-supported")


def refused_before_sending(
    action: TerminalAction,
    *,
    cash_back_minor: int,
    tip_minor: int,
    instalments: int | None,
    capabilities: Collection[TerminalCapability],
) -> NotSent | None:
    """Why an operation must not be given to a terminal of these capabilities; None if it may be.

    What gives money back may hold a tip: whoever takes none can still give it back.
    """
    if action == "inquiry":
        return None
    if action not in capabilities:
        return not_supported(action)
    if cash_back_minor and (action != "purchase" or "cash_back" not in capabilities):
        return not_supported("cash_back")
    if tip_minor and action in _CHARGES and "tip" not in capabilities:
        return not_supported("tip")
    if instalments is not None and (action != "purchase" or "instalments" not in capabilities):
        return not_supported("instalments")
    return None
