"""One acquirer: what happened to its links, and the messages that wait or were refused."""

from __future__ import annotations

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import NOTHING, Figures, age_since
from services.backoffice.domain.wording import LINK_EVENTS, STORED_MESSAGE_STATES, plain, worded
from services.backoffice.gateways.concentrator import LinkEvent, StoredMessage
from services.backoffice.pages.desk import Desk
from services.backoffice.pages.frame import page
from services.backoffice.pages.parts import Cell, Column, Words, heading, link, pager, stacked, table

_MESSAGES = (
    Column("Since"),
    Column("What"),
    Column("State"),
    Column("Amount", "figures"),
    Column("Tries", "figures"),
    Column("Next try"),
    Column("Payment"),
)
_EVENTS = (Column("When"), Column("What"), Column("Link"), Column("Process"), Column("By"), Column("Why"))


@page("/payments/acquirers/{name}", "Acquirer", Permission.PAYMENTS_READ, within="/payments/live")
async def acquirer(desk: Desk) -> None:
    """Times are in UTC: an acquirer serves stores in several time zones."""
    name, cursor = desk.path["name"], desk.query.get("cursor")
    rows = desk.settings.table_rows
    waiting = await desk.concentrator.stored_messages(name, "waiting", rows)
    refused = await desk.concentrator.stored_messages(name, "refused", rows)
    events, next_cursor = await desk.concentrator.events(name, cursor, rows)
    titles = {each.name: each.title for each in await desk.concentrator.acquirers()}
    Words("p", f"{titles.get(name, name)}. Times are in UTC.", "lead")
    for title, messages, empty in (
        ("Refused messages", refused, "The acquirer has refused nothing."),
        ("Waiting messages", waiting, "Nothing waits: everything has reached the acquirer."),
    ):
        heading(title)
        table(_MESSAGES, [_message(each, desk) for each in messages], empty=empty)
    heading("What happened to the links")
    table(_EVENTS, [_event(each) for each in events], empty="Nothing has happened yet.")
    pager(f"/payments/acquirers/{name}?", next_cursor, cursor)


def _message(message: StoredMessage, desk: Desk) -> list[Cell]:
    figures = Figures.neutral()
    return [
        stacked(age_since(message.created_at, desk.now()), figures.moment(message.created_at)),
        stacked(plain(message.kind), message.terminal_name),
        worded(STORED_MESSAGE_STATES, message.state),
        figures.money(message.amount_minor, message.currency),
        stacked(str(message.attempts), f"code {message.code}" if message.code else ""),
        figures.moment(message.next_at) if message.next_at else NOTHING,
        link("Show", f"/payments/intents/{message.intent_id}") if message.intent_id else NOTHING,
    ]


def _event(event: LinkEvent) -> list[Cell]:
    return [
        Figures.neutral().exact_moment(event.at),
        LINK_EVENTS.get(event.event, plain(event.event)),
        plain(event.link) if event.link else NOTHING,
        event.replica or NOTHING,
        event.actor_name or "by itself",
        event.reason or NOTHING,
    ]
