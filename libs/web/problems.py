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
from libs.persistence import Origin, Unstorable
from libs.persistence.failures import is_passing
from libs.telemetry.redaction import redact_text
from libs.web.unstorable import unstorable_field

JSON = "application/json"
PROBLEM_JSON = "application/problem+json"
CORRELATION_HEADER = "X-Correlation-Id"
TYPE_ROOT = "https://tillstream.example/problems/"
TOO_LARGE = "The request is too large. Send less at once."
RETRY_AFTER_S = 1
# Whoever sends a list of a thousand lines, all wrong, has enough to do with the first of them.
MOST_FIELD_ERRORS = 100

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


def origin_in(request: Request) -> Origin | None:
    """The trail of a request; None before it has got one."""
    origin: Origin | None = getattr(request.state, "origin", None)
    return origin


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
    origin = origin_in(request)
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
    field = await unstorable_field(request) if isinstance(error, Unstorable) else error.field
    errors = [{"field": field, "message": error.sentence}] if field else []
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
    found = error.errors()
    if any(item["loc"] == ("body",) for item in found) and _is_not_json(request):
        sent = request.headers.get("content-type", "no Content-Type")
        return problem_response(
            request, 415, "unsupported-media-type", f"A body with {sent} is not read here. Send JSON as {JSON}."
        )
    errors = [{"field": _field(item), "message": _message(item)} for item in found]
    first = f"{errors[0]['field']}: {errors[0]['message']}" if errors else "the request is not valid"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return problem_response(request, 422, "invalid-request", first + more, errors=errors[:MOST_FIELD_ERRORS])


def _is_not_json(request: Request) -> bool:
    """Whether there is a body that does not say of itself that it is JSON."""
    if request.headers.get("content-length", "0") == "0" and "transfer-encoding" not in request.headers:
        return False
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return not (media_type == JSON or media_type.endswith("+json"))


def _message(item: Any) -> str:
    if item["loc"] == ("body",) and item["type"] in ("model_attributes_type", "model_type"):
        return "Send a JSON object"
    return str(item["msg"]).removeprefix("Value error, ")


def _field(item: Any) -> str:
    location: tuple[Any, ...] = item["loc"]
    path = location[1:] if len(location) > 1 and location[0] == "body" else location
    # A member may be named with the empty text; a person has to see that, too. One named with a card's number is a till
    # gone wrong, and nothing repeats that number (PCI DSS 4.0, 3.3.1).
    return ".".join(redact_text(str(part)) or '""' for part in path)


async def _http_error(request: Request, error: Exception) -> Response:
    """What the framework itself refuses, in whole sentences."""
    assert isinstance(error, HTTPException)
    headers = dict(error.headers) if error.headers else None
    slug, detail = "bad-request" if error.status_code < 500 else "unavailable", str(error.detail)
    if error.status_code == 404:
        slug, detail = "not-found", f"There is nothing at {request.url.path}. The service's /docs list what there is."
    elif error.status_code == 405:
        allowed = (headers or {}).get("Allow", "other methods")
        slug, detail = "method-not-allowed", f"{request.method} is not possible here; {allowed} is."
    elif error.status_code == 413:
        slug, detail = "too-large", TOO_LARGE
    elif error.status_code == 400:
        detail = f"The request cannot be read: {detail}. Send what the service's /docs describe."
    return problem_response(request, error.status_code, slug, detail, headers=headers)


async def _unexpected(request: Request, error: Exception) -> Response:
    _log.error("request_failed", path=request.url.path, exc_info=error)
    if is_passing(error):
        return problem_response(
            request,
            503,
            "unavailable",
            "The database does not answer for the moment; nothing was changed. Send the same request again.",
            headers={"Retry-After": str(RETRY_AFTER_S)},
        )
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
