"""NiceGUI comes into the process with the first page that somebody opens: a till's start does not wait for it."""

from __future__ import annotations

import asyncio
import importlib
from contextlib import AsyncExitStack

from starlette.types import ASGIApp

PAGES = "services.backoffice.pages.mounted"


class LazyPages:
    """The pages' application, made when it is first asked for."""

    def __init__(self) -> None:
        self._app: ASGIApp | None = None
        self._opening = asyncio.Lock()
        self._open = AsyncExitStack()

    async def opened(self) -> ASGIApp:
        """The application at work; imported and started by whoever asks first."""
        async with self._opening:
            if self._app is None:
                module = await asyncio.to_thread(importlib.import_module, PAGES)
                app: ASGIApp = await self._open.enter_async_context(module.working())
                self._app = app
            return self._app

    async def close(self) -> None:
        """Stop what was started."""
        self._app = None
        await self._open.aclose()
