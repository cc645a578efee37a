"""Payments / Day close: end the terminals' days, follow what does not agree, and find the reports."""

from __future__ import annotations

import asyncio
from functools import partial

from nicegui import ui

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import NOTHING, Figures
from services.backoffice.domain.wording import SETTLEMENT_STATES, TERMINAL_KINDS, Tone, Worded, plain, worded
from services.backoffice.gateways.identity import Store
from services.backoffice.gateways.payments import Settlement, Terminal
from services.backoffice.pages import forms
from services.backoffice.pages.desk import Desk, Premises
from services.backoffice.pages.differences import differences_table
from services.backoffice.pages.frame import page
from services.backoffice.pages.parts import Cell, Column, Words, box, button, heading, link, notice, stacked, table
from services.backoffice.pages.questions import ask
from services.backoffice.pages.slip_totals import ask_totals

PATH = "/payments/day-close"
NEWEST = 40
_TERMINALS = (
    Column("Terminal"),
    Column("To settle", "figures"),
    Column("Undecided", "figures"),
    Column("Last end of day"),
    Column(""),
)
_REPORTS = (Column("Ended"), Column("Terminal"), Column("State"), Column("Differences", "figures"), Column(""))


@page(PATH, "Day close", Permission.PAYMENTS_READ)
async def day_close(desk: Desk) -> None:
    """Of one store."""
    premises = await desk.premises()
    store = desk.chosen_store(premises)
    if store is None:
        notice("No store is shown: the day close needs identity.read.", Tone.WARNING)
        return
    figures = premises.figures(store.id)
    if len(premises.stores) > 1:
        with forms.form(desk, PATH):
            forms.store_choice({str(each.id): each.name for each in premises.stores.values()}, str(store.id))
            forms.submit("Show")
    terminals, settlements, differences = await asyncio.gather(
        desk.payments.terminals(store.id),
        desk.payments.settlements(store.id, NEWEST + 1),
        desk.payments.differences(store.id, unclosed=True),
    )
    newest = settlements[:NEWEST]
    heading("Terminals", f"{store.name}, {figures.day(figures.today(desk.now()))}")
    table(
        _TERMINALS,
        [_terminal(desk, store, each, newest, figures, premises) for each in terminals if each.active],
        empty="This store has no payment terminal.",
    )
    heading("Differences to follow")
    differences_table(desk, differences, figures, empty="Nothing is open: what was settled agrees, or was explained.")
    heading("Ends of day", f"the newest {NEWEST}" if len(settlements) > NEWEST else "")
    table(_REPORTS, [_report(each, figures) for each in newest], empty="No terminal's day has been ended yet.")


def _terminal(
    desk: Desk, store: Store, terminal: Terminal, newest: list[Settlement], figures: Figures, premises: Premises
) -> list[Cell]:
    last = next((each for each in newest if each.terminal_id == terminal.terminal_id), None)
    tills = ", ".join(premises.till_name(till_id) for till_id in terminal.till_ids)
    undecided = terminal.undecided_count
    may = desk.session.may(Permission.PAYMENTS_SETTLE.value)

    def act() -> None:
        if may:
            button("End the day…", partial(_end_day, desk, store, terminal))

    def since() -> None:
        with box("div", "stacked"):
            if last is None:
                Words("span", "never")
                return
            ui.link(figures.moment(last.requested_at), f"/payments/settlements/{last.settlement_id}")
            Words("span", worded(SETTLEMENT_STATES, last.state).text, "dim")

    return [
        stacked(terminal.name, tills or TERMINAL_KINDS.get(terminal.kind, plain(terminal.kind))),
        figures.count(terminal.unsettled_count),
        link(figures.count(undecided), "/payments/unresolved") if undecided else "0",
        since,
        act if may else NOTHING,
    ]


async def _end_day(desk: Desk, store: Store, terminal: Terminal) -> None:
    totals = None
    if terminal.standalone:
        typed = await ask_totals(terminal.name, store.currency)
        if typed is None:
            return
        totals = [each.body() for each in typed]
    else:
        answers = await ask(
            f"End the day of {terminal.name}",
            f"The terminal closes its day and tells its totals; {terminal.unsettled_count} of our payments are "
            "compared with them by card scheme. After it the terminal cannot be asked about this day any more.",
            [],
            "End the day",
        )
        if answers is None:
            return
    made = await desk.wished(
        ("end of day", terminal.terminal_id, repr(totals)),
        lambda key: desk.payments.end_day(terminal.terminal_id, store.currency, totals, key=key),
    )
    if made is not None:
        ui.navigate.to(f"/payments/settlements/{made.settlement_id}")


def _report(settlement: Settlement, figures: Figures) -> list[Cell]:
    count = settlement.difference_count
    return [
        figures.moment(settlement.requested_at),
        settlement.terminal,
        worded(SETTLEMENT_STATES, settlement.state),
        Worded(str(count), Tone.WARNING) if count and settlement.state != "closed" else str(count),
        link("Report", f"/payments/settlements/{settlement.settlement_id}"),
    ]
