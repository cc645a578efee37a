"""What an acquirer's books say stands against what payments says, intent by intent, once nothing is undecided."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Row, text

from libs.persistence import Database
from tests.integration.payments.acquirer.host import Books

_TAKEN = frozenset({"approved", "captured", "part_refunded", "refunded"})
_NOTHING = frozenset({"created", "awaiting_card", "declined", "reversed", "voided"})

_INTENTS = """
select intent_id, kind, state, approved_minor, refunded_minor, refund_pending_minor from intents
where terminal_kind = 'concentrated' and kind <> 'pre_authorisation'
"""
_MESSAGES = """
select m.intent_id, m.message_id, m.acquirer, t.terminal_number, lpad(m.trace_number::text, 6, '0') as trace, m.state,
  m.amount_minor, m.reversed, i.original_intent_id
from acquirer_messages m join acquirer_terminals t using (terminal_id, acquirer) join intents i using (intent_id)
where i.kind <> 'pre_authorisation'
"""
_WAITING = "select count(*) from stored_messages where state = 'waiting'"
_UNDECIDED = "select count(*) from operations where moves_money and state in ('open', 'unknown') and gateway_id is null"


async def undecided(database: Database) -> int:
    """How many messages wait to be confirmed, and operations for their outcome."""
    async with database.reading() as connection:
        waiting = (await connection.execute(text(_WAITING))).scalar_one()
        return int(waiting + (await connection.execute(text(_UNDECIDED))).scalar_one())


async def disagreements(database: Database, books: Mapping[str, Books]) -> list[str]:
    """Every difference in words; `books` by acquirer. Terminals' numbers are those of the charges in them."""
    async with database.reading() as connection:
        intents = {row.intent_id: row for row in await connection.execute(text(_INTENTS))}
        messages = list(await connection.execute(text(_MESSAGES)))
    found: list[str] = []
    known: set[tuple[str, str, str]] = set()
    charged = dict.fromkeys(intents, 0)
    standing: dict[UUID, list[int]] = {intent_id: [] for intent_id in intents}
    given_back: dict[UUID, int] = {}
    standing_at = {acquirer: book.standing for acquirer, book in books.items()}
    for row in messages:
        key = (row.terminal_number, row.trace)
        known.add((row.acquirer, *key))
        amount_minor = standing_at[row.acquirer].get(key)
        charged[row.intent_id] += key in books[row.acquirer].charged
        found += _of_message(row, amount_minor)
        if amount_minor is not None:
            standing[row.intent_id].append(amount_minor)
            if row.original_intent_id is not None:
                given_back[row.original_intent_id] = given_back.get(row.original_intent_id, 0) + amount_minor
    for intent_id, intent in intents.items():
        found += _of_intent(intent, standing[intent_id], given_back.get(intent_id, 0))
    found += [f"intent {intent_id} was charged {times} times" for intent_id, times in charged.items() if times > 1]
    for acquirer, book in books.items():
        found += [f"{acquirer} was asked twice for {terminal} {trace}" for terminal, trace in book.twice]
        for terminal, trace in book.charged:
            if (acquirer, terminal, trace) not in known:
                found.append(f"{acquirer} has {terminal} {trace}, which was never stored before it was sent")
    if await undecided(database):
        found.append("something still waits to be decided")
    return found


def _of_message(row: Row[Any], amount_minor: int | None) -> list[str]:
    stands = row.state == "approved" and not row.reversed
    if stands == (amount_minor is not None) and (amount_minor is None or amount_minor == row.amount_minor):
        return []
    undone = ", reversed" if row.reversed else ""
    return [
        f"message {row.trace} of intent {row.intent_id} is {row.state}{undone} of {row.amount_minor};"
        f" {amount_minor} stands at {row.acquirer}"
    ]


def _of_intent(intent: Row[Any], standing: list[int], given_back_minor: int) -> list[str]:
    said = f"intent {intent.intent_id} ({intent.kind}) is {intent.state}"
    if intent.state in _TAKEN and standing != [intent.approved_minor]:
        return [f"{said} of {intent.approved_minor}; {standing} stands"]
    if intent.state in _NOTHING and standing:
        return [f"{said}; {standing} stands"]
    if intent.state not in _TAKEN | _NOTHING:
        return [f"{said}, which decides nothing; {standing} stands"]
    if intent.refund_pending_minor or intent.refunded_minor != given_back_minor:
        return [f"{said}, {intent.refunded_minor} given back; {given_back_minor} of it stands as refunds"]
    return []
