"""NiceGUI, set up once for the process, with every page of ours registered.

NiceGUI has one application for each process. Ours is mounted below /backoffice; whoever needs pages of their own in the
same process (embedded mode) mounts the same application elsewhere and registers paths that differ from these.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

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
    shell = _shell()
    async with shell.router.lifespan_context(shell):
        yield nicegui_app


@cache
def _shell() -> FastAPI:
    """What NiceGUI asks for to be set up: an application whose lifespan starts and stops it."""
    shell = FastAPI(openapi_url=None)
    ui.run_with(
        shell,
        title="Tillstream",
        viewport="width=device-width, initial-scale=1",
        language="en-GB",
        # Nothing here is bound to plain attributes that would have to be looked at all the time.
        binding_refresh_interval=None,
        reconnect_timeout=RECONNECT_S,
        tailwind=False,
        show_welcome_message=False,
    )
    return shell
