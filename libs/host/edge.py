"""The front door of one process that runs several services: `/sales/...` goes to sales, and so on."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from libs.web.problems import problem_response

NO_SUCH_SERVICE = 1008
"""Policy violation (RFC 6455, section 7.4.1): before the handshake it is a plain 403."""


class Edge:
    """An ASGI application that passes a request on by the first word of its path; in compose a proxy does the same.

    Applications may be added while it runs. `/` lists them; any other first word is a 404 problem.
    """

    def __init__(self) -> None:
        self.apps: dict[str, ASGIApp] = {}
        self.summaries: dict[str, str] = {}

    def add(self, name: str, app: ASGIApp, summary: str) -> None:
        """Serve `app` under `/<name>/`."""
        self.apps[name] = app
        self.summaries[name] = summary

    def remove(self, name: str) -> None:
        """Serve it no longer; nothing happens if it is not served."""
        self.apps.pop(name, None)
        self.summaries.pop(name, None)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. Lifespans are entered by the host, not here."""
        if scope["type"] not in ("http", "websocket"):
            return
        service = scope["path"].split("/", 2)[1] if scope["path"].startswith("/") else ""
        app = self.apps.get(service)
        if app is None and scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": NO_SUCH_SERVICE})
            return
        if app is None:
            app = _index(self.summaries) if scope["path"] == "/" else _unknown(scope, service, self.apps)
        await app(scope, receive, send)


def _index(summaries: Mapping[str, str]) -> Response:
    return JSONResponse(
        {
            name: {"summary": summary, "docs": f"/{name}/docs", "openapi": f"/{name}/openapi.json"}
            for name, summary in sorted(summaries.items())
        }
    )


def _unknown(scope: Scope, service: str, apps: Mapping[str, ASGIApp]) -> Response:
    detail = f"There is no service {service!r} here; the services are {', '.join(sorted(apps))}."
    return problem_response(Request(scope), 404, "not-found", detail)
