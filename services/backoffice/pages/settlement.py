"""The day close report of one terminal: theirs beside ours by scheme, the differences, and room to sign."""

from __future__ import annotations

from nicegui import ui

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import NOTHING, Figures
from services.backoffice.domain.wording import (
    BATCH_STATES,
    INTENT_KINDS,
    INTENT_STATES,
    SETTLEMENT_STATES,
    Tone,
    Worded,
    plain,
    worded,
)
from services.backoffice.gateways.payments import Batch, Report, SchemeTotal, Settlement
from services.backoffice.pages.desk import Desk, Premises
from services.backoffice.pages.differences import differences_table
from services.backoffice.pages.frame import page
from services.backoffice.pages.parts import Cell, Column, Words, box, button, facts, heading, notice, stacked, table

_RUNNING = ("requested",)
_TOTALS = (
    Column("Scheme"),
    Column("Payments, ours", "figures"),
    Column("Payments, theirs", "figures"),
    Column("Taken, ours", "figures"),
    Column("Taken, theirs", "figures"),
    Column("Given back, ours", "figures"),
    Column("Given back, theirs", "figures"),
)
_BATCHES = (
    Column("Acquirer"),
    Column("State"),
    Column("Items", "figures"),
    Column("Ours", "figures"),
    Column("Theirs", "figures"),
    Column("Balance"),
)
_LINES = (
    Column("When"),
    Column("Till"),
    Column("Card"),
    Column("Approval code"),
    Column("State"),
    Column("Amount", "figures"),
)
LINES_SHOWN = 200
_NONE = SchemeTotal(scheme="")


@page(
    "/payments/settlements/{settlement_id}", "Day close report", Permission.PAYMENTS_READ, within="/payments/day-close"
)
async def settlement(desk: Desk) -> None:
    """Made to be printed: the navigation and the buttons are left out on paper."""
    premises = await desk.premises()
    found = await desk.payments.report(desk.path["settlement_id"])
    figures = premises.figures(found.store_id)
    store = premises.stores.get(found.store_id)
    with box("div", "actions start no-print"):
        button("Print", lambda: ui.run_javascript("window.print()"), main=True)
    facts(
        [
            ("Store", f"{store.name} ({store.code})" if store else premises.store_name(found.store_id)),
            ("Terminal", found.terminal),
            ("State", worded(SETTLEMENT_STATES, found.state)),
            ("Day ended", figures.exact_moment(found.requested_at)),
            ("Ended by", found.requested_by_name or NOTHING),
            ("Closed", figures.exact_moment(found.closed_at) if found.closed_at else NOTHING),
            ("Currency", found.currency),
        ]
    )
    Words("p", f"Printed by {desk.session.name}, {figures.exact_moment(desk.now())}.", "dim only-print")
    if found.reason:
        notice(found.reason, Tone.ALARM if found.state == "failed" else Tone.QUIET)
    if found.state in _RUNNING:
        _follow(desk, found)
        return
    heading("By card scheme")
    table(_TOTALS, _lines(found, figures), empty="There was nothing to settle.", classes="totals")
    heading("Differences")
    differences_table(desk, list(found.differences), figures, empty="None: the terminal's totals and ours agree.")
    if found.batches:
        heading("With the acquirers")
        table(_BATCHES, [_batch(each, found, figures) for each in found.batches], empty="")
    _payments(found, premises, figures)
    with box("div", "signatures only-print"):
        Words("span", "Date and signature")
        Words("span", "Checked by")


def _follow(desk: Desk, found: Settlement) -> None:
    """Look again until the terminal has answered."""
    notice("The terminal is ending its day. This page looks again by itself.", Tone.BUSY)

    async def look() -> None:
        now = await desk.tried(desk.payments.settlement(found.settlement_id))
        if now is not None and now.state not in _RUNNING:
            ui.navigate.to(desk.here)

    ui.timer(desk.settings.live_refresh_s, look, immediate=False)


def _lines(found: Settlement, figures: Figures) -> list[list[Cell]]:
    ours = {each.scheme: each for each in found.our_totals}
    theirs = {each.scheme: each for each in found.terminal_totals}
    schemes = sorted({*ours, *theirs})
    lines = [_line(name.title(), ours.get(name, _NONE), theirs.get(name, _NONE), found, figures) for name in schemes]
    if len(schemes) > 1:
        lines.append(_line("All", _sum(list(ours.values())), _sum(list(theirs.values())), found, figures))
    return lines


def _line(name: str, ours: SchemeTotal, theirs: SchemeTotal, found: Settlement, figures: Figures) -> list[Cell]:
    return [
        name,
        figures.count(ours.sale_count),
        figures.count(theirs.sale_count),
        figures.money(ours.sale_minor, found.currency),
        figures.money(theirs.sale_minor, found.currency),
        figures.money(ours.refund_minor, found.currency),
        figures.money(theirs.refund_minor, found.currency),
    ]


def _batch(batch: Batch, found: Report, figures: Figures) -> list[Cell]:
    theirs = batch.their_totals
    told = f"{batch.uploaded_count} of {batch.item_count} told one by one" if batch.uploaded_count else ""
    return [
        stacked(batch.title, f"code {batch.code}" if batch.code else ""),
        worded(BATCH_STATES, batch.state),
        stacked(figures.count(batch.item_count), told),
        figures.money(batch.totals.net_minor, found.currency),
        figures.money(theirs.net_minor, found.currency) if theirs else NOTHING,
        Worded("Does not agree", Tone.WARNING) if batch.out_of_balance else Worded("Agrees", Tone.GOOD),
    ]


def _payments(found: Report, premises: Premises, figures: Figures) -> None:
    """The first of the day's payments; all of them are in the transactions."""
    shown = found.lines[:LINES_SHOWN]
    note = f"the first {len(shown)} of {figures.count(found.line_count)}" if len(shown) < found.line_count else ""
    heading("Payments of the day", note)
    table(
        _LINES,
        [
            [
                figures.exact_moment(each.at),
                stacked(premises.till_name(each.till_id), INTENT_KINDS.get(each.kind, plain(each.kind))),
                stacked(each.masked_number or NOTHING, (each.scheme or "").title()),
                each.approval_code or NOTHING,
                worded(INTENT_STATES, each.state),
                figures.money(-each.amount_minor if each.kind == "refund" else each.amount_minor, each.currency),
            ]
            for each in shown
        ],
        empty="No payment belongs to this day.",
    )


def _sum(totals: list[SchemeTotal]) -> SchemeTotal:
    return SchemeTotal(
        scheme="",
        sale_count=sum(each.sale_count for each in totals),
        sale_minor=sum(each.sale_minor for each in totals),
        refund_count=sum(each.refund_count for each in totals),
        refund_minor=sum(each.refund_minor for each in totals),
    )
