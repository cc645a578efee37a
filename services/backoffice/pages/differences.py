"""Differences: each is explained by somebody and closed by somebody, with words that are kept."""

from __future__ import annotations

from functools import partial

from nicegui import ui

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import Figures
from services.backoffice.domain.wording import DIFFERENCE_KINDS, DIFFERENCE_STATES, plain, worded
from services.backoffice.gateways.payments import Difference
from services.backoffice.pages.desk import Desk
from services.backoffice.pages.parts import Cell, Column, Words, box, button, stacked, table
from services.backoffice.pages.questions import Question, ask

_COLUMNS = (
    Column("What"),
    Column("Ours", "figures"),
    Column("Theirs", "figures"),
    Column("Between", "figures"),
    Column("State"),
    Column("Said about it"),
    Column(""),
)


def differences_table(desk: Desk, differences: list[Difference], figures: Figures, *, empty: str) -> None:
    """The differences, with what can be done about each by who may."""
    table(_COLUMNS, [_row(desk, each, figures) for each in differences], empty=empty)


def _row(desk: Desk, difference: Difference, figures: Figures) -> list[Cell]:
    code = difference.currency

    def said() -> None:
        with box("div", "stacked"):
            for words in filter(None, (difference.explanation, difference.closing_reason)):
                Words("span", words)
            if difference.intent_id is not None:
                ui.link("Payment", f"/payments/intents/{difference.intent_id}")
            if difference.settlement_id is not None and desk.path.get("settlement_id") is None:
                ui.link("Day close report", f"/payments/settlements/{difference.settlement_id}")

    def act() -> None:
        if difference.state == "closed" or not desk.session.may(Permission.PAYMENTS_SETTLE.value):
            return
        with box("div", "actions no-print"):
            button("Explain…", partial(_explain, desk, difference))
            if difference.state == "explained":
                button("Close…", partial(_close, desk, difference))

    return [
        stacked(
            DIFFERENCE_KINDS.get(difference.kind, plain(difference.kind)),
            difference.acquirer or (difference.scheme or "").title(),
        ),
        stacked(figures.money(difference.ours_minor, code), f"{difference.our_count} ×"),
        stacked(figures.money(difference.theirs_minor, code), f"{difference.their_count} ×"),
        figures.money(difference.theirs_minor - difference.ours_minor, code),
        worded(DIFFERENCE_STATES, difference.state),
        said,
        act,
    ]


async def _explain(desk: Desk, difference: Difference) -> None:
    answers = await ask(
        "Explain the difference",
        "What it comes from. A better explanation may follow until it is closed.",
        [Question("words", "Explanation", value=difference.explanation or "")],
        "Keep the explanation",
    )
    if answers is not None:
        words = answers["words"]
        after = await desk.wished(
            ("explain", difference.difference_id, words),
            lambda key: desk.payments.explain(difference.difference_id, words, key=key),
        )
        if after is not None:
            ui.navigate.to(desk.here)


async def _close(desk: Desk, difference: Difference) -> None:
    answers = await ask(
        "Close the difference",
        "Nothing more is to be done about it. With its last difference the day close itself is closed.",
        [Question("words", "Why nothing more is to be done")],
        "Close it",
    )
    if answers is not None:
        words = answers["words"]
        after = await desk.wished(
            ("close", difference.difference_id, words),
            lambda key: desk.payments.close(difference.difference_id, words, key=key),
        )
        if after is not None:
            ui.navigate.to(desk.here)
