"""An acquirer on the live page: its two links, what waits, and the switch that a person may throw."""

from __future__ import annotations

from collections.abc import Awaitable

from nicegui import ui

from libs.contracts.permissions import Permission
from services.backoffice.domain.figures import NOTHING, Figures, age_since
from services.backoffice.domain.links import LINK_NAMES, LinkFacts, other_link, state_of_acquirer, state_of_link
from services.backoffice.domain.wording import Tone, Worded
from services.backoffice.gateways.concentrator import Acquirer, Link
from services.backoffice.pages.desk import Desk
from services.backoffice.pages.parts import Cell, Column, Words, badge, box, button, facts, notice, table
from services.backoffice.pages.questions import Question, ask
from services.backoffice.pages.refreshed import Refreshed

_COLUMNS = (
    Column("Link"),
    Column("State"),
    Column("Used"),
    Column("Outstanding", "figures"),
    Column("Failures", "figures"),
)


class AcquirerCard:
    """Drawn once; what changes is drawn anew inside."""

    def __init__(self, desk: Desk, acquirer: Acquirer) -> None:
        self._desk = desk
        self._acquirer = acquirer
        card = box("section", "card")
        card.props["aria-label"] = acquirer.title
        with card:
            self._changing = Refreshed[tuple[Acquirer, str]](lambda now: self._draw(*now))
            with box("div", "actions start"):
                ui.link("Events and waiting messages", f"/payments/acquirers/{acquirer.name}").classes("aside")
                if desk.session.may(Permission.PAYMENTS_CONFIGURE.value):
                    button("Switch link…", self._switch)
                    self._back = button("Back to automatic…", self._take_back)
                    self._back.set_visibility(False)
        self.show(acquirer)

    def show(self, acquirer: Acquirer) -> None:
        """Show how it is now."""
        self._acquirer = acquirer
        oldest = acquirer.oldest_waiting_at
        self._changing.show((acquirer, age_since(oldest, self._desk.now()) if oldest else NOTHING))
        if self._desk.session.may(Permission.PAYMENTS_CONFIGURE.value):
            self._back.set_visibility(acquirer.choice is not None)

    def _draw(self, acquirer: Acquirer, oldest: str) -> None:
        with box("div", "card-heading"):
            Words("h2", acquirer.title)
            badge(state_of_acquirer(_facts(acquirer)))
        if acquirer.choice is not None:
            choice = acquirer.choice
            at = Figures.neutral().moment(choice.chosen_at)
            link = LINK_NAMES.get(choice.link, choice.link).lower()
            notice(f"Kept on the {link} by {choice.chosen_by_name} since {at} UTC: {choice.reason}", Tone.WARNING)
        table(_COLUMNS, [_row(link) for link in acquirer.links], empty="It has no links.", classes="compact")
        facts(
            [
                ("Reversals waiting", _count(acquirer.waiting_reversals, Tone.WARNING)),
                ("Completions waiting", _count(acquirer.waiting_completions, Tone.WARNING)),
                ("Oldest waiting", oldest),
                ("Refused", _count(acquirer.refused_count, Tone.ALARM)),
            ]
        )

    async def _switch(self) -> None:
        to = other_link(_facts(self._acquirer))
        answers = await ask(
            f"Switch {self._acquirer.title}",
            "New messages go by the link you choose, and stay there until somebody takes the choice back: it no longer "
            "switches by itself. What is outstanding is finished where it was sent.",
            [
                Question("link", "Link", choices=LINK_NAMES, value=to),
                Question("reason", "Why"),
            ],
            "Switch",
            danger=True,
        )
        if answers is not None:
            await self._do(self._desk.concentrator.choose(self._acquirer.name, answers["link"], answers["reason"]))

    async def _take_back(self) -> None:
        answers = await ask(
            f"Leave {self._acquirer.title} to itself",
            "It goes back to the primary link as soon as that works, and switches by itself from then on.",
            [],
            "Back to automatic",
        )
        if answers is not None:
            await self._do(self._desk.concentrator.leave_to_itself(self._acquirer.name))

    async def _do(self, request: Awaitable[None]) -> None:
        if await self._desk.done(request):
            ui.notify("Payments has been told. The links follow within seconds.", type="positive")
            found = await self._desk.tried(self._desk.concentrator.acquirers())
            for each in found or ():
                if each.name == self._acquirer.name:
                    self.show(each)


def _facts(acquirer: Acquirer) -> tuple[LinkFacts, ...]:
    return tuple(
        LinkFacts(link.name, len(link.replicas), link.connected, sum(each.active for each in link.replicas))
        for link in acquirer.links
    )


def _row(link: Link) -> list[Cell]:
    processes = link.replicas
    state = state_of_link(LinkFacts(link.name, len(processes), link.connected, 0))

    def name() -> None:
        with box("div", "stacked"):
            Words("span", LINK_NAMES.get(link.name, link.name))
            Words("span", link.address, "dim")

    return [
        name,
        state,
        Worded("Active", Tone.BUSY) if link.active else "Stands by",
        str(sum(each.outstanding for each in processes)),
        str(sum(each.failures + each.unreadable for each in processes)),
    ]


def _count(number: int, tone: Tone) -> Cell:
    return Worded(str(number), tone) if number else "0"
