"""One card payment: where it stands, what happened, and each way to resolve it."""

from __future__ import annotations

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import NOTHING, Figures, age
from services.backoffice.domain.wording import (
    INTENT_KINDS,
    INTENT_STATES,
    OPERATION_STATES,
    Tone,
    Worded,
    plain,
    worded,
)
from services.backoffice.gateways.payments import HistoryLine, IntentDetail, Operation
from services.backoffice.pages.desk import Desk, Premises
from services.backoffice.pages.frame import page
from services.backoffice.pages.parts import Cell, Column, facts, heading, link, notice, stacked, table
from services.backoffice.pages.resolving import resolution

_ANOMALY = Worded("Did not fit", Tone.WARNING)


@page("/payments/intents/{intent_id}", "Payment", Permission.PAYMENTS_READ, within="/payments/unresolved")
async def payment(desk: Desk) -> None:
    """Everything that is known of it."""
    premises = await desk.premises()
    intent = await desk.payments.intent(desk.path["intent_id"])
    figures = premises.figures(intent.store_id)
    _summary(intent, premises, figures)
    resolution(desk, intent, figures)
    heading("History")
    table(
        (Column("When"), Column("Became"), Column("By"), Column("Why")),
        [_history(line, figures) for line in intent.history],
        empty="Nothing has happened yet.",
    )
    heading("Asked of the terminal")
    table(
        (Column("When"), Column("What"), Column("Outcome"), Column("Amount", "figures"), Column("What it said")),
        [_operation(each, figures) for each in intent.operations],
        empty="The terminal has not been asked for anything.",
    )


def _summary(intent: IntentDetail, premises: Premises, figures: Figures) -> None:
    references = intent.references
    card = intent.card
    pairs: list[tuple[str, Cell]] = [
        ("State", worded(INTENT_STATES, intent.state)),
        (INTENT_KINDS.get(intent.kind, plain(intent.kind)), figures.money(intent.amount_minor, intent.currency)),
        ("Taken", figures.money(intent.captured_minor, intent.currency)),
        ("Given back", figures.money(intent.refunded_minor, intent.currency)),
        ("Store and till", f"{premises.store_name(intent.store_id)}, {premises.till_name(intent.till_id)}"),
        ("Terminal", intent.terminal or NOTHING),
        ("Begun", figures.exact_moment(intent.created_at)),
        ("Card", " ".join(filter(None, [(card.scheme or "").title(), card.masked_number])) if card else NOTHING),
        ("Approval code", (references.approval_code if references else None) or NOTHING),
        ("Host's reference", (references.retrieval_reference if references else None) or NOTHING),
        ("Slips", link("Show and print", f"/payments/intents/{intent.intent_id}/slips")),
    ]
    if intent.unresolved_s is not None:
        pairs.insert(1, ("Waiting for", age(intent.unresolved_s)))
    if intent.next_inquiry_at is not None:
        pairs.append(("Asked again", figures.exact_moment(intent.next_inquiry_at)))
    facts(pairs)
    if intent.reason:
        notice(intent.reason)


def _history(line: HistoryLine, figures: Figures) -> list[Cell]:
    by = line.by_name + (f", approved by {line.approved_by_name}" if line.approved_by_name else "")
    return [
        figures.exact_moment(line.at),
        _became(line),
        stacked(by, plain(line.by_kind)),
        line.reason or NOTHING,
    ]


def _became(line: HistoryLine) -> Worded:
    if line.kind == "transition":
        return worded(INTENT_STATES, line.to_state)
    return _ANOMALY if line.kind == "anomaly" else Worded(plain(line.kind), Tone.QUIET)


def _operation(operation: Operation, figures: Figures) -> list[Cell]:
    answer = operation.answer or {}
    said = answer.get("reason")
    return [
        figures.exact_moment(operation.requested_at),
        stacked(plain(operation.action), operation.terminal),
        worded(OPERATION_STATES, operation.state),
        figures.money(operation.amount_minor, operation.currency) if operation.amount_minor else NOTHING,
        said if isinstance(said, str) and said else NOTHING,
    ]
