"""Errors as RFC 9457 problem documents: a stable `type`, and a sentence a person can act on."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from libs.contracts.refusal import Refusal

PROBLEM_JSON = "application/problem+json"
TYPE_ROOT = "https://tillstream.example/problems/"

_log = structlog.get_logger(__name__)


class FieldError(BaseModel):
    """One wrong field: its dotted path in the request and what would be right."""

    field: str
    message: str


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str = Field(description="A stable identifier of the kind of problem.", examples=[TYPE_ROOT + "not-found"])
    title: str
    status: int
    detail: str = Field(description="What went wrong and what would be right.")
    instance: str | None = Field(default=None, description="The correlation id to quote when asking for help.")
    errors: list[FieldError] = Field(default_factory=list)


PROBLEM_RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "content": {PROBLEM_JSON: {}}, "description": description}
    for status, description in (
        (400, "The request cannot be read."),
        (401, "Nobody is signed on, or the token has expired."),
        (403, "The caller lacks a permission; a manager's approval may lend it."),
        (404, "There is no such thing."),
        (409, "It conflicts with the present state."),
        (413, "The request is too large."),
        (415, "The media type is not supported."),
        (422, "A value is wrong; `errors` names the field."),
        (429, "Too many requests or tries."),
        (503, "Something this needs is away for the moment."),
    )
}


def problem_response(
    request: Request,
    status: int,
    slug: str,
    detail: str,
    *,
    errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None,
    **facts: Any,
) -> Response:
    """A problem+json response."""
    origin = getattr(request.state, "origin", None)
    document: dict[str, Any] = {
        **facts,
        "type": TYPE_ROOT + slug,
        "title": slug.replace("-", " ").capitalize(),
        "status": status,
        "detail": detail,
        "instance": origin.correlation_id if origin else None,
        "errors": errors or [],
    }
    return JSONResponse(document, status_code=status, media_type=PROBLEM_JSON, headers=headers)


async def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    errors = [{"field": error.field, "message": error.sentence}] if error.field else []
    headers = {}
    if "retry_after_s" in error.facts:
        headers["Retry-After"] = str(error.facts["retry_after_s"])
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    return problem_response(
        request, error.status, error.type, error.sentence, errors=errors, headers=headers, **error.facts
    )


async def _invalid_request(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = [
        {"field": ".".join(str(part) for part in _path(item)), "message": str(item["msg"]).replace("Value error, ", "")}
        for item in error.errors()
    ]
    first = f"{errors[0]['field']}: {errors[0]['message']}" if errors else "the request is not valid"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return problem_response(request, 422, "invalid-request", first + more, errors=errors)


def _path(item: Any) -> tuple[Any, ...]:
    location: tuple[Any, ...] = item["loc"]
    return location[1:] if len(location) > 1 and location[0] == "body" else location


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    slug = {
        404: "not-found",
        405: "method-not-allowed",
        413: "too-large",
        415: "unsupported-media-type",
    }.get(error.status_code, "bad-request" if error.status_code < 500 else "unavailable")
    return problem_response(
        request, error.status_code, slug, str(error.detail), headers=dict(error.headers) if error.headers else None
    )


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("request_failed", path=request.url.path, exc_info=error)
    return problem_response(
        request,
        500,
        "unexpected",
        "Something went wrong on our side; nothing was changed. Quote `instance` when you ask for help.",
    )


def install_problem_handlers(app: FastAPI) -> None:
    """Make every error of `app` a problem document."""
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)
