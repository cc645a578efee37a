"""The ways to resolve a payment: ask the terminal, say what its slip says, or give the money back."""

from __future__ import annotations

import re

from nicegui import ui

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import Figures
from services.backoffice.domain.wording import INTENT_STATES, Tone, worded
from services.backoffice.gateways.payments import Intent, IntentDetail
from services.backoffice.pages.desk import Desk
from services.backoffice.pages.parts import Words, box, button, heading, notice
from services.backoffice.pages.questions import Question, ask

_CONFIRMABLE = ("unknown", "awaiting_confirmation")
_REVERSIBLE = ("unknown", "approved", "reversal_refused")
_RESULT_SHOWN_S = 1.5


def resolution(desk: Desk, intent: IntentDetail, figures: Figures) -> None:
    """The buttons for what can be done now, and may be done by this person."""
    confirmable = intent.state in _CONFIRMABLE
    reversible = intent.state in _REVERSIBLE
    if not (confirmable or reversible):
        return
    if not desk.session.may(Permission.PAYMENTS_RESOLVE.value):
        notice("Resolving it needs payments.resolve, which your roles do not hold.")
        return
    heading("Resolve it")
    amount = figures.money(intent.amount_minor, intent.currency)
    with box("div", "actions start"):
        if intent.state == "unknown":
            button("Ask the terminal now", lambda: _inquire(desk, intent), main=True)
        may_confirm = intent.standalone or desk.session.may(Permission.PAYMENTS_CONFIRM.value)
        if confirmable and may_confirm:
            button("The slip says approved…", lambda: _confirm(desk, intent, amount))
            button("Nothing was taken…", lambda: _declined(desk, intent, amount))
        if reversible:
            button("Give the money back…", lambda: _reverse(desk, intent, amount), danger=True)
    if confirmable and not may_confirm:
        Words("p", "Confirming by the slip needs payments.confirm: a manager does it here.", "dim")


async def _inquire(desk: Desk, intent: Intent) -> None:
    _tell(desk, await desk.tried(desk.payments.inquire(intent.intent_id)), "The terminal is being asked")


async def _confirm(desk: Desk, intent: Intent, amount: str) -> None:
    answers = await ask(
        "The slip says approved",
        f"Only with the terminal's slip before you: it shows that {amount} were charged. Your name is kept with it.",
        [
            Question("code", "Approval code", _code_is_right, "As on the slip: up to 12 letters and digits", 12),
            Question("four", "Last four digits of the card", _four_are_right, "Never more of them", 4),
            Question("note", "Note (optional)", lambda value: None),
        ],
        "Confirm the payment",
    )
    if answers is not None:
        code, four, note = answers["code"], answers["four"], answers["note"] or None
        after = await desk.wished(
            ("confirm", code, four, note),
            lambda key: desk.payments.confirm(intent.intent_id, code, four, note, key=key),
        )
        _tell(desk, after, "The payment is confirmed")


async def _declined(desk: Desk, intent: Intent, amount: str) -> None:
    answers = await ask(
        "Nothing was taken",
        f"Only if it is certain that {amount} were not charged: the slip or the terminal's display says so.",
        [Question("note", "How you know")],
        "Close it as not charged",
        danger=True,
    )
    if answers is not None:
        note = answers["note"]
        after = await desk.wished(
            ("declined", note), lambda key: desk.payments.confirm_declined(intent.intent_id, note, key=key)
        )
        _tell(desk, after, "The payment is closed as not charged")


async def _reverse(desk: Desk, intent: Intent, amount: str) -> None:
    answers = await ask(
        "Give the money back",
        f"If {amount} were charged, they go back to the card. While that is unknown the terminal is asked first.",
        [Question("reason", "Why")],
        "Give it back",
        danger=True,
    )
    if answers is not None:
        reason = answers["reason"]
        after = await desk.wished(
            ("reverse", reason), lambda key: desk.payments.reverse(intent.intent_id, reason, key=key)
        )
        _tell(desk, after, "The reversal is under way")


def _tell(desk: Desk, after: Intent | None, words: str) -> None:
    """Say what came of it, then show the payment as it is now. What failed has been told already."""
    if after is None:
        return
    state = worded(INTENT_STATES, after.state)
    decided = state.tone in (Tone.GOOD, Tone.QUIET)
    ui.notify(f"{words}. Now: {state.text.lower()}.", type="positive" if decided else "info")
    ui.timer(_RESULT_SHOWN_S, lambda: ui.navigate.to(desk.here), once=True)


def _code_is_right(value: str) -> str | None:
    return None if re.fullmatch(r"[A-Za-z0-9]{1,12}", value.strip()) else "Up to 12 letters and digits, as on the slip"


def _four_are_right(value: str) -> str | None:
    return None if re.fullmatch(r"[0-9]{4}", value.strip()) else "Exactly four digits"
