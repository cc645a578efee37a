"""What lies before the pages: sign-on and sign-off without a script, files, and a gate that only a session opens.

The browser holds a random key in a cookie that no script reads; the person's token stays in this process. Requests
that change something must come from our own pages: the cookie is SameSite, and `Sec-Fetch-Site` or `Origin` is checked
for forms and for the socket, too (OWASP, "Cross-Site Request Forgery Prevention Cheat Sheet").
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Message, Receive, Scope, Send

from services.backoffice.gateways.api_client import ApiFailure, Refused, SignedOff
from services.backoffice.gateways.transactions import Transactions
from services.backoffice.office import Office
from services.backoffice.pages.lazy import LazyPages
from services.backoffice.sessions import Session
from services.backoffice.use_cases.sign_off import sign_off
from services.backoffice.use_cases.sign_on import sign_on

COOKIE = "tillstream_backoffice"
ROOT = "backoffice_root"
"""In a request's scope: the path that all of ours begin with, /backoffice."""
HOME = "/payments/live"
LARGEST_FORM_BYTES = 4_096
NOT_ALLOWED = 1008
"""Policy violation (RFC 6455, section 7.4.1): before the handshake it is a plain 403."""

_HERE = Path(__file__).parent
_FORM_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
# NiceGUI's pages are made of inline scripts and compiled templates; nothing comes from, or goes to, anywhere else.
_PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; object-src 'none'; form-action 'self'; "
    "frame-ancestors 'none'; base-uri 'self'"
)
_HEADERS = {"x-content-type-options": "nosniff", "referrer-policy": "same-origin", "x-frame-options": "DENY"}


class Front:
    """The application below /backoffice/ that is no API."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._pages = LazyPages()
        self._routes = Starlette(
            routes=[
                Route("/", self._home, methods=["GET"]),
                Route("/sign-on", self._ask, methods=["GET"]),
                Route("/sign-on", self._sign_on, methods=["POST"]),
                Route("/sign-off", self._sign_off, methods=["POST"]),
                Route("/payments/transactions.csv", self._transactions_file, methods=["GET"]),
                Mount("/assets", StaticFiles(directory=_HERE / "assets")),
                Mount("/", app=self._gate),
            ]
        )

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; everything inside learns where we are mounted."""
        await self._routes({**scope, ROOT: scope.get("root_path", "")}, receive, send)

    @asynccontextmanager
    async def lifespan(self) -> AsyncIterator[None]:
        """Close the pages at the end, if anybody has opened one."""
        try:
            yield
        finally:
            await self._pages.close()

    async def _gate(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let signed-on people through to the pages; everybody to the framework's own static files."""
        connection = HTTPConnection(scope)
        session = self._session(connection)
        if scope["type"] == "websocket":
            if session is None or not is_from_here(connection):
                await send({"type": "websocket.close", "code": NOT_ALLOWED})
                return
        elif session is None and not _is_static(scope):
            await _to_sign_on(scope)(scope, receive, send)
            return
        elif scope["method"] not in ("GET", "HEAD") and not is_from_here(connection):
            await _elsewhere()(scope, receive, send)
            return
        scope["state"] = {**scope.get("state", {}), "office": self._office, "session": session}
        app = await self._pages.opened()
        static = _is_static(scope)
        await app(scope, receive, send if static else _OnTheWayOut(send, _root(scope)))

    async def _home(self, request: Request) -> Response:
        return RedirectResponse(_root(request.scope) + HOME, status_code=303)

    async def _ask(self, request: Request) -> Response:
        if self._session(request) is not None:
            return RedirectResponse(_root(request.scope) + _wanted(request.query_params.get("to")), status_code=303)
        return _form(request, to=_wanted(request.query_params.get("to")), ended="ended" in request.query_params)

    async def _sign_on(self, request: Request) -> Response:
        if not is_from_here(request):
            return _elsewhere()
        fields = await _fields(request)
        if fields is None:
            return PlainTextResponse("The form is too large.", status_code=413)
        code, to = fields.get("staff_code", "").strip(), _wanted(fields.get("to"))
        try:
            session = await sign_on(self._office, code, fields.get("password", ""), request.cookies.get(COOKIE))
        except ApiFailure as failure:
            return _form(request, to=to, code=code, refusal=_why(failure), status=_status(failure))
        answer = RedirectResponse(_root(request.scope) + to, status_code=303)
        answer.set_cookie(
            COOKIE,
            session.key,
            path=_root(request.scope) or "/",
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="lax",
        )
        return answer

    async def _sign_off(self, request: Request) -> Response:
        if not is_from_here(request):
            return _elsewhere()
        session = self._session(request)
        if session is not None:
            await sign_off(self._office, session)
        answer = RedirectResponse(_root(request.scope) + "/sign-on", status_code=303)
        answer.delete_cookie(COOKIE, path=_root(request.scope) or "/")
        return answer

    async def _transactions_file(self, request: Request) -> Response:
        """The report's CSV, passed on from payments as it comes."""
        session = self._session(request)
        if session is None:
            return _to_sign_on(request.scope)
        try:
            file = await Transactions(self._office.client(session)).file(dict(request.query_params))
        except SignedOff:
            self._office.sessions.end(session.key)
            return _to_sign_on(request.scope)
        except Refused as refusal:
            return PlainTextResponse(refusal.sentence, status_code=refusal.status)
        except ApiFailure as failure:
            return PlainTextResponse(failure.sentence, status_code=502)

        async def passed_on() -> AsyncIterator[bytes]:
            try:
                async for chunk in file.aiter_bytes():
                    yield chunk
            finally:
                await file.aclose()

        name = file.headers.get("content-disposition", 'attachment; filename="transactions.csv"')
        headers = {"content-disposition": name, "cache-control": "no-store", **_HEADERS}
        return StreamingResponse(passed_on(), media_type="text/csv; charset=utf-8", headers=headers)

    def _session(self, connection: HTTPConnection) -> Session | None:
        return self._office.sessions.find(connection.cookies.get(COOKIE))


def is_from_here(connection: HTTPConnection) -> bool:
    """Whether one of our own pages sent the request. Browsers say so in every form and socket that is not our own."""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = connection.headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == connection.headers.get("host")


def sign_on_path(root: str, to: str) -> str:
    """Where to sign on, to come back to the page `to`."""
    return f"{root}/sign-on?ended=1&to={quote(to, safe='/')}"


def _wanted(to: str | None) -> str:
    """A page of ours to go on to; anything that could lead elsewhere is the first page."""
    if (
        not to
        or to == "/"
        or not to.startswith("/")
        or to.startswith("//")
        or "\\" in to
        or any(ord(each) < 32 for each in to)
    ):
        return HOME
    return to


def _root(scope: Scope) -> str:
    root: str = scope[ROOT]
    return root


def _is_static(scope: Scope) -> bool:
    inner = scope["path"].removeprefix(scope.get("root_path", ""))
    return scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and inner.startswith("/_nicegui/")


def _to_sign_on(scope: Scope) -> Response:
    root = _root(scope)
    inner = scope["path"].removeprefix(root) or "/"
    query = scope.get("query_string", b"").decode("latin-1")
    to = inner + (f"?{query}" if query else "")
    return RedirectResponse(f"{root}/sign-on?to={quote(to, safe='/')}", status_code=303)


def _elsewhere() -> Response:
    return PlainTextResponse("This was not sent from one of our own pages. Open the page and try again.", 403)


class _OnTheWayOut:
    """Gives every page its headers; a page that there is not is told in our own words."""

    def __init__(self, send: Send, root: str) -> None:
        self._send = send
        self._root = root
        self._replaced = False

    async def __call__(self, message: Message) -> None:
        """Pass a message on."""
        if message["type"] == "http.response.start":
            self._replaced = message["status"] == 404
            if self._replaced:
                await self._say_missing()
                return
            added = {**_HEADERS, "content-security-policy": _PAGE_POLICY, "cache-control": "no-store"}
            kept = [(name, value) for name, value in message["headers"] if name.decode("latin-1").lower() not in added]
            message["headers"] = [*kept, *((name.encode(), value.encode()) for name, value in added.items())]
        if not self._replaced:
            await self._send(message)

    async def _say_missing(self) -> None:
        body = _template("missing.html").render(root=self._root).encode()
        headers = {**_HEADERS, "content-security-policy": _FORM_POLICY, "cache-control": "no-store"}
        headers |= {"content-type": "text/html; charset=utf-8", "content-length": str(len(body))}
        listed = [(name.encode(), value.encode()) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": 404, "headers": listed})
        await self._send({"type": "http.response.body", "body": body})


async def _fields(request: Request) -> dict[str, str] | None:
    """The fields of a small form; None for one that is too large."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM_BYTES:
            return None
    parsed = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    return {name: values[0] for name, values in parsed.items()}


def _form(
    request: Request,
    *,
    to: str,
    code: str = "",
    refusal: str | None = None,
    ended: bool = False,
    status: int = 200,
) -> Response:
    facts: dict[str, Any] = {"root": _root(request.scope), "to": to, "code": code, "refusal": refusal, "ended": ended}
    headers = {**_HEADERS, "content-security-policy": _FORM_POLICY, "cache-control": "no-store"}
    return HTMLResponse(_template("sign_on.html").render(facts), status_code=status, headers=headers)


def _why(failure: ApiFailure) -> str:
    if isinstance(failure, Refused) and failure.status == 422:
        return "Give your staff code and your password."
    return failure.sentence


def _status(failure: ApiFailure) -> int:
    if isinstance(failure, SignedOff):
        return 401
    return failure.status if isinstance(failure, Refused) else 502


@lru_cache(maxsize=4)
def _template(name: str) -> Template:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template(name)
