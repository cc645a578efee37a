"""Payments / Transactions: what was taken and given back by day, place and card; with totals, and as a file."""

from __future__ import annotations

from urllib.parse import urlencode

from nicegui import ui

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import NOTHING, Figures
from services.backoffice.domain.report import ALL_SCHEMES, Days, KindTotal, SchemeLine, WrongDays, by_scheme
from services.backoffice.domain.wording import INTENT_KINDS, INTENT_STATES, Tone, plain, worded
from services.backoffice.gateways.identity import Store
from services.backoffice.gateways.payments import Terminal
from services.backoffice.gateways.transactions import Total, Transaction, Wanted
from services.backoffice.pages import forms
from services.backoffice.pages.desk import Desk, Premises
from services.backoffice.pages.frame import page
from services.backoffice.pages.parts import Cell, Column, Words, box, heading, link, notice, pager, stacked, table

PATH = "/payments/transactions"
_ROWS = (
    Column("When"),
    Column("Till and terminal"),
    Column("State"),
    Column("Card"),
    Column("Approval code"),
    Column("Amount", "figures"),
    Column(""),
)
_TOTALS = (
    Column("Scheme"),
    Column("Payments", "figures"),
    Column("Taken", "figures"),
    Column("Refunds", "figures"),
    Column("Given back", "figures"),
    Column("Remains", "figures"),
)


@page(PATH, "Transactions", Permission.PAYMENTS_READ)
async def transactions(desk: Desk) -> None:
    """The address holds the filter; dates are the store's own."""
    premises = await desk.premises()
    store = desk.chosen_store(premises)
    if store is None:
        notice("No store is shown: the report needs identity.read.", Tone.WARNING)
        return
    figures = premises.figures(store.id)
    terminals = await desk.payments.terminals(store.id)
    try:
        days = Days.of(desk.query.get("from"), desk.query.get("to"), figures.today(desk.now()))
    except WrongDays as wrong:
        today = figures.today(desk.now())
        _filter(desk, premises, store, Days(today, today), terminals)
        notice(str(wrong), Tone.WARNING)
        return
    _filter(desk, premises, store, days, terminals)
    wanted = Wanted(
        store.id,
        figures.day_begins(days.first),
        figures.day_ends(days.last),
        **{name: desk.query.get(name) or None for name in ("till_id", "terminal_id", "scheme", "state")},
    )
    cursor = desk.query.get("cursor")
    rows, next_cursor = await desk.transactions.page(wanted, cursor, desk.settings.table_rows)
    _totals(await desk.transactions.totals(wanted), figures, desk, wanted)
    heading("Payments and refunds", _between(days, figures))
    table(_ROWS, [_row(each, premises, figures) for each in rows], empty="There is no transaction like this.")
    pager(f"{PATH}?{_kept(desk)}", next_cursor, cursor)


def _filter(desk: Desk, premises: Premises, store: Store, days: Days, terminals: list[Terminal]) -> None:
    tills = [till for till in premises.tills.values() if till.store_id == store.id]
    with forms.form(desk, PATH):
        forms.store_choice({str(each.id): each.name for each in premises.stores.values()}, str(store.id))
        forms.day("from", "From", days.first.isoformat())
        forms.day("to", "To", days.last.isoformat())
        forms.choice("till_id", "Till", [("", "All"), *((str(t.id), t.name) for t in tills)], desk.query.get("till_id"))
        named = [(str(each.terminal_id), each.name) for each in terminals]
        forms.choice("terminal_id", "Terminal", [("", "All"), *named], desk.query.get("terminal_id"))
        forms.line("scheme", "Scheme", desk.query.get("scheme", ""), "all")
        states = [(name, state.text) for name, state in INTENT_STATES.items()]
        forms.choice("state", "State", [("", "All"), *states], desk.query.get("state"))
        forms.submit("Show")


def _totals(totals: tuple[Total, ...], figures: Figures, desk: Desk, wanted: Wanted) -> None:
    lines = by_scheme(
        KindTotal(each.scheme, each.kind, each.currency, each.taken_count, each.taken_minor) for each in totals
    )
    with box("div", "part-heading"):
        Words("h2", "Totals by scheme")
        if lines:
            file = f"{desk.root}/payments/transactions.csv?{urlencode(wanted.query())}"
            Words("a", "Download as CSV", "download no-print").props(f'href="{file}" download')
    with box("div", "beside"):
        table(
            _TOTALS,
            [_total(line, figures) for line in lines],
            empty="Nothing was taken or given back.",
            classes="totals",
        )
        drawn = [line for line in lines if line.scheme != ALL_SCHEMES and line.taken_minor]
        if len(drawn) > 1:
            _chart(drawn, figures)


def _total(line: SchemeLine, figures: Figures) -> list[Cell]:
    return [
        line.scheme if line.scheme == ALL_SCHEMES else line.scheme.title(),
        figures.count(line.taken_count),
        figures.money(line.taken_minor, line.currency),
        figures.count(line.back_count),
        figures.money(line.back_minor, line.currency),
        figures.money(line.net_minor, line.currency),
    ]


def _chart(lines: list[SchemeLine], figures: Figures) -> None:
    """What was taken by scheme. The chart gets whole minor units; what people read is written here."""
    drawn = list(reversed(lines[:8]))
    chart = ui.echart(
        {
            "animation": False,
            "grid": {"left": 8, "right": 110, "top": 8, "bottom": 8, "containLabel": True},
            "xAxis": {"type": "value", "show": False},
            "yAxis": {
                "type": "category",
                "data": [line.scheme.title() for line in drawn],
                "axisLine": {"show": False},
                "axisTick": {"show": False},
            },
            "series": [
                {
                    "type": "bar",
                    "barMaxWidth": 22,
                    "itemStyle": {"color": "#0f5c5a", "borderRadius": [0, 4, 4, 0]},
                    "label": {"show": True, "position": "right", "color": "#16242b"},
                    "data": [
                        {
                            "value": line.taken_minor,
                            "label": {"formatter": figures.money(line.taken_minor, line.currency)},
                        }
                        for line in drawn
                    ],
                }
            ],
        }
    )
    chart.classes("chart no-print").style(f"height: {24 + 38 * len(drawn)}px")


def _row(each: Transaction, premises: Premises, figures: Figures) -> list[Cell]:
    return [
        stacked(figures.moment(each.at), INTENT_KINDS.get(each.kind, plain(each.kind))),
        stacked(premises.till_name(each.till_id), each.terminal or NOTHING),
        worded(INTENT_STATES, each.state),
        stacked(each.masked_number or NOTHING, (each.scheme or "").title()),
        each.approval_code or NOTHING,
        figures.money(-each.amount_minor if each.kind == "refund" else each.amount_minor, each.currency),
        link("Show", f"/payments/intents/{each.intent_id}"),
    ]


def _between(days: Days, figures: Figures) -> str:
    first = figures.day(days.first)
    return first if days.first == days.last else f"{first} to {figures.day(days.last)}"


def _kept(desk: Desk) -> str:
    """The filter in the address, without the page."""
    kept = {name: value for name, value in desk.query.items() if name != "cursor" and value}
    return urlencode(kept) + ("&" if kept else "")
