"""A card slip in our own words, where no terminal gave one: for concentrated and standalone terminals.

At most 42 columns, which is what 80 mm paper has in its usual font. In English; the date has its offset from UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from libs.money import Money

COLUMNS = 42


class SlipKind(StrEnum):
    """What took place: money was taken, what was taken was given up, or money was given back."""

    PAYMENT = "payment"
    VOID = "void"
    REFUND = "refund"


class SlipCopy(StrEnum):
    """Whose copy it is."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"


_TITLES = {SlipKind.PAYMENT: "CARD PAYMENT", SlipKind.VOID: "CARD PAYMENT VOIDED", SlipKind.REFUND: "CARD REFUND"}
_COPIES = {SlipCopy.CUSTOMER: "CUSTOMER COPY", SlipCopy.MERCHANT: "MERCHANT COPY"}


@dataclass(frozen=True, slots=True)
class SlipFacts:
    """What a slip says. `amount_minor` is the whole, with `cash_back_minor` and `tip_minor` in it; `at` has an offset.

    `terminal` is the number under which the acquirer knows the terminal, else its name; `masked_number` is all that is
    known of the card's number.
    """

    kind: SlipKind
    at: datetime
    currency: str
    amount_minor: int
    terminal: str
    merchant: str | None = None
    cash_back_minor: int = 0
    tip_minor: int = 0
    scheme: str | None = None
    masked_number: str | None = None
    entry_mode: str | None = None
    approval_code: str | None = None
    retrieval_reference: str | None = None
    trace: str | None = None
    acquirer: str | None = None


def compose_slip(facts: SlipFacts, copy: SlipCopy) -> tuple[str, ...]:
    """The lines of one copy. Parts that are not known are left out."""
    amount = Money(facts.amount_minor, facts.currency)
    lines = [_TITLES[facts.kind].center(COLUMNS).rstrip(), ""]
    lines += _pairs(("Merchant", facts.merchant), ("Terminal", facts.terminal), ("Acquirer", facts.acquirer))
    lines += _pairs(("Date", facts.at.isoformat(sep=" ", timespec="seconds")))
    lines += _pairs(("Card", facts.scheme and facts.scheme.upper()), ("Number", facts.masked_number))
    lines += _pairs(("Read", facts.entry_mode))
    lines += _pairs(
        ("Approval code", facts.approval_code), ("Reference", facts.retrieval_reference), ("Trace", facts.trace)
    )
    lines.append("-" * COLUMNS)
    for name, minor in (("Cash-back", facts.cash_back_minor), ("Tip", facts.tip_minor)):
        if minor:
            lines += _pairs((f"with {name.lower()}", _written(Money(minor, facts.currency))))
    lines += _pairs(("TOTAL", _written(amount)))
    lines.append("-" * COLUMNS)
    return (*lines, _COPIES[copy].center(COLUMNS).rstrip())


def _written(money: Money) -> str:
    return f"{money.currency} {money.decimal()}"


def _pairs(*pairs: tuple[str, str | None]) -> list[str]:
    lines: list[str] = []
    for name, value in pairs:
        if not value:
            continue
        if len(name) + 1 + len(value) <= COLUMNS:
            lines.append(name + value.rjust(COLUMNS - len(name)))
        else:
            # What is too long for one row has rows of its own below its name; nothing is cut off.
            lines.append(name)
            lines += [value[start : start + COLUMNS] for start in range(0, len(value), COLUMNS)]
    return lines
