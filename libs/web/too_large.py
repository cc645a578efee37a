"""Starlette answers a body of too many bytes in plain text, past every exception handler; here it becomes a problem."""

from __future__ import annotations

from fastapi import Request
from starlette.types import Message, Receive, Scope, Send

from libs.web.problems import CORRELATION_HEADER, TOO_LARGE, origin_in, problem_response


def with_problem_when_too_large(scope: Scope, receive: Receive, send: Send) -> Send:
    """A `send` that puts a problem document in the place of a plain 413."""
    replaced = False

    async def send_problem(message: Message) -> None:
        nonlocal replaced
        if message["type"] == "http.response.start" and message["status"] == 413 and _is_plain(message):
            replaced = True
            request = Request(scope)
            origin = origin_in(request)
            headers = {CORRELATION_HEADER: origin.correlation_id} if origin else None
            await problem_response(request, 413, "too-large", TOO_LARGE, headers=headers)(scope, receive, send)
        elif not replaced:
            await send(message)

    return send_problem


def _is_plain(message: Message) -> bool:
    return any(
        name.lower() == b"content-type" and value.startswith(b"text/plain") for name, value in message["headers"]
    )
