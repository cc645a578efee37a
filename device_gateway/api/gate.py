"""Who may talk to a gateway on localhost: pages of the till, and nobody else's.

Any web page in any browser on this PC can send requests to localhost. The Host header is checked against DNS
rebinding (a foreign name that resolves to 127.0.0.1), the Origin header against foreign pages.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.web.problems import problem_response

REFUSED_PAGE = 1008
"""Policy violation (RFC 6455, section 7.4.1)."""


class Gate:
    """ASGI middleware; see the module's description. `hosts` are names without ports, `origins` whole origins."""

    def __init__(self, app: ASGIApp, *, hosts: Sequence[str], origins: Sequence[str]) -> None:
        self._app = app
        self._hosts = frozenset(host.lower() for host in hosts)
        self._origins = frozenset(origin.lower().rstrip("/") for origin in origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        trouble = self._trouble(Headers(scope=scope))
        if trouble is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": REFUSED_PAGE, "reason": trouble[:120]})
        else:
            await problem_response(Request(scope), 403, "foreign-page", trouble)(scope, receive, send)

    def _trouble(self, headers: Headers) -> str | None:
        host = headers.get("host", "")
        if _without_port(host) not in self._hosts:
            names = ", ".join(sorted(self._hosts))
            return f"This gateway is not called {host!r}. Reach it as one of {names}, or add the name to its settings."
        origin = headers.get("origin")
        if origin is None or origin.lower() in self._origins:
            return None
        parts = urlsplit(origin.lower())
        if parts.scheme in ("http", "https") and _without_port(parts.netloc) in self._hosts:
            return None
        return f"Pages of {origin} may not use this gateway. Add the origin to its settings if it is a till of yours."


def _without_port(host: str) -> str:
    name = host.lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]
