"""Payments / Live: the acquirers' links and the stores' terminals, looked at again every few seconds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from nicegui import ui

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import Figures
from services.backoffice.domain.wording import (
    INTENT_STATES,
    TERMINAL_KINDS,
    TERMINAL_STATES,
    Tone,
    Worded,
    plain,
    worded,
)
from services.backoffice.gateways.api_client import ApiFailure, SignedOff
from services.backoffice.gateways.concentrator import Acquirer
from services.backoffice.gateways.identity import Store
from services.backoffice.gateways.payments import Terminal
from services.backoffice.gateways.transactions import Transaction, Wanted
from services.backoffice.pages.acquirer_card import AcquirerCard
from services.backoffice.pages.desk import Desk, Premises
from services.backoffice.pages.frame import page
from services.backoffice.pages.parts import Cell, Column, Words, box, heading, link, notice, stacked, table
from services.backoffice.pages.refreshed import Refreshed

STORES_AT_ONCE = 8
RECENT_ROWS = 500
RECENT = timedelta(minutes=30)
CHANGING = timedelta(minutes=5)
"""A payment is decided, or counted as undecided, within this time."""
_COLUMNS = (
    Column("Terminal"),
    Column("Tills"),
    Column("State"),
    Column("Last payment"),
    Column("Undecided", "figures"),
    Column("To settle", "figures"),
)


@dataclass(frozen=True)
class _StoreNow:
    """A store's terminals, each with its last payment today."""

    store: Store
    terminals: tuple[Terminal, ...]
    last: tuple[tuple[UUID, Transaction], ...]


@page("/payments/live", "Live", Permission.PAYMENTS_READ)
async def live(desk: Desk) -> None:
    """Acquirers first: when a link is down, every terminal behind it is."""
    premises = await desk.premises()
    stores = _chosen(desk, premises)
    clock = premises.figures(stores[0].id if stores else None)
    as_of = Refreshed[datetime | str](lambda at: _as_of(at, clock), "as-of")
    with box("div", "cards"):
        cards = {each.name: AcquirerCard(desk, each) for each in await desk.concentrator.acquirers()}
    if cards:
        heading("Stores")
    _store_links(premises, stores)
    tables = {store.id: Refreshed[_StoreNow](lambda now: _store(now, premises), "store") for store in stores}
    watched = [_Watched(desk, store) for store in stores]
    if not stores:
        notice("No store is shown: seeing stores and terminals needs identity.read.", Tone.WARNING)

    async def look() -> None:
        try:
            acquirers, now = await asyncio.gather(
                desk.concentrator.acquirers(),
                asyncio.gather(*(each.look() for each in watched)),
            )
        except SignedOff:
            desk.leave()
            return
        except ApiFailure as failure:
            as_of.show(failure.sentence)
            return
        _show(desk, acquirers, cards)
        for each in now:
            tables[each.store.id].show(each)
        as_of.show(desk.now())

    await look()
    ui.timer(desk.settings.live_refresh_s, look, immediate=False)


def _show(desk: Desk, acquirers: tuple[Acquirer, ...], cards: dict[str, AcquirerCard]) -> None:
    if {each.name for each in acquirers} != set(cards):
        # An acquirer was added or taken away: rare enough to begin anew.
        ui.navigate.to(desk.here)
    for acquirer in acquirers:
        if acquirer.name in cards:
            cards[acquirer.name].show(acquirer)


def _as_of(at: datetime | str, clock: Figures) -> None:
    if isinstance(at, str):
        notice(f"This is not up to date. {at}", Tone.ALARM)
        return
    Words("p", f"As of {clock.time_of_day(at)}, looked at again every few seconds.", "dim")


def _chosen(desk: Desk, premises: Premises) -> list[Store]:
    active = [store for store in premises.stores.values() if store.active]
    wanted = desk.query.get("store")
    return [store for store in active if str(store.id) == wanted] or active[:STORES_AT_ONCE]


def _store_links(premises: Premises, shown: list[Store]) -> None:
    """Where there are many stores only some are looked at at once; the others are a click away."""
    active = [store for store in premises.stores.values() if store.active]
    if len(active) <= STORES_AT_ONCE:
        return
    with box("nav", "chips").props('aria-label="Stores"'):
        for store in active:
            chip = ui.link(store.name, f"/payments/live?store={store.id}")
            if store in shown:
                chip.props('aria-current="true"')


class _Watched:
    """A store that is looked at again and again: first at what is recent, then only at what may have changed."""

    def __init__(self, desk: Desk, store: Store) -> None:
        self._desk = desk
        self._store = store
        self._last: dict[UUID, Transaction] = {}
        self._since = RECENT

    async def look(self) -> _StoreNow:
        """The store as it is now. Raises what the APIs' client raises."""
        now = self._desk.now()
        wanted = Wanted(self._store.id, now - self._since, now + CHANGING)
        terminals, (recent, _) = await asyncio.gather(
            self._desk.payments.terminals(self._store.id), self._desk.transactions.page(wanted, None, RECENT_ROWS)
        )
        self._since = CHANGING
        for each in recent:
            if each.terminal_id is not None:
                known = self._last.get(each.terminal_id)
                if known is None or known.at <= each.at:
                    self._last[each.terminal_id] = each
        self._last = {key: each for key, each in self._last.items() if each.at >= now - RECENT}
        return _StoreNow(self._store, tuple(terminals), tuple(sorted(self._last.items(), key=lambda pair: pair[0])))


def _store(now: _StoreNow, premises: Premises) -> None:
    last = dict(now.last)
    figures = premises.figures(now.store.id)
    Words("h3", now.store.name)
    table(
        _COLUMNS,
        [_row(terminal, last.get(terminal.terminal_id), premises, figures) for terminal in now.terminals],
        empty="This store has no payment terminal.",
    )
    served = {till_id for terminal in now.terminals if terminal.active for till_id in terminal.till_ids}
    without = [
        till.name
        for till in premises.tills.values()
        if till.store_id == now.store.id and till.active and till.id not in served
    ]
    if without:
        Words("p", f"Without a terminal of their own: {', '.join(without)}.", "dim below")


def _row(terminal: Terminal, last: Transaction | None, premises: Premises, figures: Figures) -> list[Cell]:
    tills = ", ".join(premises.till_name(till_id) for till_id in terminal.till_ids)
    state = worded(TERMINAL_STATES, terminal.state) if terminal.active else Worded("Taken away", Tone.QUIET)
    undecided = terminal.undecided_count
    return [
        stacked(terminal.name, terminal.driver or TERMINAL_KINDS.get(terminal.kind, plain(terminal.kind))),
        tills or "all of the store",
        state,
        _last(last, figures) if last else "none for 30 min",
        link(figures.count(undecided), "/payments/unresolved") if undecided else "0",
        figures.count(terminal.unsettled_count),
    ]


def _last(last: Transaction, figures: Figures) -> Cell:
    money = figures.money(last.amount_minor, last.currency)
    return stacked(f"{money}, {worded(INTENT_STATES, last.state).text.lower()}", figures.time_of_day(last.at))
