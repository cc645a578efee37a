"""The frame around every page: who is signed on, where one is, where one can go; and what is shown when it fails."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from nicegui import ui
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from libs.contracts.permissions import Permission
from services.backoffice.domain.wording import Tone
from services.backoffice.gateways.api_client import ApiFailure, SignedOff
from services.backoffice.pages.desk import Desk
from services.backoffice.pages.front import sign_on_path
from services.backoffice.pages.parts import Words, box, notice

PAGE_TIMEOUT_S = 30.0
_ASSETS = Path(__file__).parent / "assets"

Draw = Callable[[Desk], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Place:
    """An entry of the navigation, shown to who may see what it leads to."""

    title: str
    path: str
    permission: Permission


PLACES = (
    Place("Live", "/payments/live", Permission.PAYMENTS_READ),
    Place("Unresolved", "/payments/unresolved", Permission.PAYMENTS_READ),
    Place("Transactions", "/payments/transactions", Permission.PAYMENTS_READ),
    Place("Day close", "/payments/day-close", Permission.PAYMENTS_READ),
    Place("Rights", "/rights", Permission.IDENTITY_READ),
)


def page(path: str, title: str, permission: Permission, *, within: str | None = None) -> Callable[[Draw], Draw]:
    """Register a page. Whoever lacks `permission` is told so instead; `within` is its entry in the navigation."""

    def register(draw: Draw) -> Draw:
        @ui.page(path, title=f"{title} · Tillstream", response_timeout=PAGE_TIMEOUT_S)
        async def shown(request: Request) -> Response | None:
            desk = Desk(request)
            with _frame(desk, title, within or path):
                if not desk.session.may(permission.value):
                    notice(f"You may not see this: it needs {permission.value}. Ask who gives out roles.", Tone.WARNING)
                    return None
                try:
                    await draw(desk)
                except SignedOff:
                    return RedirectResponse(sign_on_path(desk.root, desk.here), status_code=303)
                except ApiFailure as failure:
                    notice(failure.sentence, Tone.ALARM)
            return None

        return draw

    return register


@contextmanager
def _frame(desk: Desk, title: str, here: str) -> Iterator[None]:
    ui.add_head_html(f'<link rel="stylesheet" href="{desk.root}/assets/pages.css?{_version()}">')
    ui.colors(primary="#0f5c5a", negative="#b42318", positive="#067647", warning="#b54708", info="#175cd3")
    with box("header", "top no-print"):
        with box("div", "top-line"):
            ui.element("img").props(f'src="{desk.root}/assets/icon.svg" alt="" width="28" height="28"')
            Words("strong", "Tillstream")
            Words("span", "Back office", "dim")
            with box("form", "who").props(f'method="post" action="{desk.root}/sign-off"'):
                Words("span", desk.session.name)
                Words("button", "Sign off").props('type="submit"')
        with box("nav", "places").props('aria-label="Pages"'):
            for place in PLACES:
                if desk.session.may(place.permission.value):
                    entry = ui.link(place.title, place.path)
                    if place.path == here:
                        entry.props('aria-current="page"')
    with box("main", "page"):
        Words("h1", title)
        yield


@lru_cache(maxsize=1)
def _version() -> str:
    """Changes with the style sheet, so that browsers fetch a new one."""
    return sha256((_ASSETS / "pages.css").read_bytes()).hexdigest()[:12]
