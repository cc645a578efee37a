"""Payments / Unresolved: what nothing but an inquiry or a person resolves, the oldest first."""

from __future__ import annotations

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import age
from services.backoffice.domain.wording import INTENT_KINDS, INTENT_STATES, plain, worded
from services.backoffice.gateways.payments import Intent
from services.backoffice.pages.desk import Desk, Premises
from services.backoffice.pages.frame import page
from services.backoffice.pages.parts import Cell, Column, Words, link, pager, stacked, table

_COLUMNS = (
    Column("Waiting"),
    Column("Store and till"),
    Column("Terminal"),
    Column("State"),
    Column("Amount", "figures"),
    Column("Card"),
    Column("Why"),
    Column(""),
)


@page("/payments/unresolved", "Unresolved payments", Permission.PAYMENTS_READ)
async def unresolved(desk: Desk) -> None:
    """The list; each leads to the page where it can be resolved."""
    premises = await desk.premises()
    cursor = desk.query.get("cursor")
    intents, next_cursor = await desk.payments.unresolved(cursor, desk.settings.table_rows)
    Words(
        "p",
        "Of these nobody knows yet whether the card was charged. Terminals are asked again by themselves; what stays "
        "here needs a look at the slip.",
        "lead",
    )
    table(
        _COLUMNS,
        [_row(intent, premises) for intent in intents],
        empty="Nothing is unresolved. Every payment's outcome is known.",
    )
    pager("/payments/unresolved?", next_cursor, cursor)


def _row(intent: Intent, premises: Premises) -> list[Cell]:
    figures = premises.figures(intent.store_id)
    card = intent.card
    return [
        stacked(age(intent.unresolved_s or 0), figures.moment(intent.created_at)),
        stacked(premises.store_name(intent.store_id), premises.till_name(intent.till_id)),
        intent.terminal or "–",
        worded(INTENT_STATES, intent.state),
        stacked(figures.money(intent.amount_minor, intent.currency), INTENT_KINDS.get(intent.kind, plain(intent.kind))),
        stacked(card.masked_number or "–", (card.scheme or "").upper()) if card else "–",
        intent.reason or "–",
        link("Resolve", f"/payments/intents/{intent.intent_id}"),
    ]
