"""NiceGUI, set up once for the process, with every page of ours registered.

NiceGUI has one application for each process. Ours is mounted below /backoffice; whoever needs pages of their own in the
same process (embedded mode) mounts the same application elsewhere and registers paths that differ from these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

from fastapi import FastAPI
from nicegui import app as nicegui_app
from nicegui import ui
from starlette.types import ASGIApp

from services.backoffice.pages import (
    acquirer,
    day_close,
    live,
    payment,
    rights,
    settlement,
    slips,
    transactions,
    unresolved,
)

PAGES = (acquirer, day_close, live, payment, rights, settlement, slips, transactions, unresolved)
"""Imported, so that their routes are registered."""

RECONNECT_S = 10.0


@asynccontextmanager
async def working() -> AsyncIterator[ASGIApp]:
    """NiceGUI's application for the block, started."""
    _set_up()
    # Its own lifespan. The one that `run_with` gives to the outer application first looks through every object of the
    # process for a server to shut down, which would hold up the tills that the same process serves.
    async with nicegui_app.router.lifespan_context(nicegui_app):
        yield nicegui_app


@cache
def _set_up() -> None:
    """Tell NiceGUI once how it is to be; it asks for an outer application, which is not served."""
    ui.run_with(
        FastAPI(openapi_url=None),
        title="Tillstream",
        favicon=(Path(__file__).parent / "assets" / "icon.svg").read_text(encoding="utf-8"),
        viewport="width=device-width, initial-scale=1",
        language="en-GB",
        # Nothing here is bound to plain attributes that would have to be looked at all the time.
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_S,
        tailwind=False,
        show_welcome_message=False,
    )
