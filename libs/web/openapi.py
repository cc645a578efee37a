"""The OpenAPI document of a service, made to say exactly what happens: which refusals a route can give, and as what.

FastAPI documents an error's model as `application/json`, and the same errors for every route; people then program
against answers that never come.
"""

from __future__ import annotations

import re
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from libs.web.problems import JSON, PROBLEM_JSON, Problem
from libs.web.too_large import with_problem_when_too_large

_REFERENCE = "#/components/schemas/{model}"
_PROBLEM = {PROBLEM_JSON: {"schema": {"$ref": _REFERENCE.format(model=Problem.__name__)}}}
# FastAPI's own description of a refused request, which is never sent: ours is a Problem.
_NEVER_SENT = ("HTTPValidationError", "ValidationError")

_REFUSALS = {
    400: "The request cannot be read.",
    401: "Nobody is signed on, or the token has expired.",
    403: "The caller lacks a permission; a manager's approval may lend it.",
    404: "There is no such thing.",
    409: "It conflicts with the present state.",
    413: "The request is too large.",
    415: "The body is of another media type than the route reads.",
    422: "A value is wrong; `errors` names the field.",
    429: "Too many requests or tries; `Retry-After` says how long to wait.",
    503: "Something this needs is away for the moment; try again.",
}

ABOUT = """Every refusal is a problem document (RFC 9457): switch on its `type`, show its `detail` to people.

Amounts are whole numbers in minor units of the currency; quantities and percentages are decimal strings. Lists come in
pages: give `next_cursor` back as `cursor`. Where a route takes an `Idempotency-Key`, the same key gets the same answer.
"""


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that gives refusals beyond what follows from its form, e.g. 429."""
    return {status: {"description": _REFUSALS[status], "content": _PROBLEM} for status in statuses}


def operation_id(route: APIRoute) -> str:
    """A short name, unique in the service: clients generated from the document call it that."""
    group = str(route.tags[0]) if route.tags else "other"
    return re.sub(r"[^a-z0-9]+", "_", f"{group} {route.name}".lower())


class DescribedApp(FastAPI):
    """A FastAPI application that refuses everything with a problem, and whose document is precise about that."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        outgoing = with_problem_when_too_large(scope, receive, send) if scope["type"] == "http" else send
        await super().__call__(scope, receive, outgoing)

    def openapi(self) -> dict[str, Any]:
        """The document, made once."""
        known = self.openapi_schema
        if known is not None:
            return known
        document = super().openapi()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name in _NEVER_SENT:
            schemas.pop(name, None)
        problem = Problem.model_json_schema(ref_template=_REFERENCE)
        schemas.update(problem.pop("$defs"))
        schemas[Problem.__name__] = problem
        for operations in document["paths"].values():
            for method, operation in operations.items():
                _document_refusals(method, operation)
        return document


def _document_refusals(method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    for status in _possible(method, operation):
        # The 422 is FastAPI's; what a route says of any other status is its own.
        if status == 422 or str(status) not in responses:
            responses[str(status)] = {"description": _REFUSALS[status], "content": _PROBLEM}
    operation["responses"] = dict(sorted(responses.items()))


def _possible(method: str, operation: dict[str, Any]) -> list[int]:
    """The refusals that follow from what a route takes and does."""
    has_body = "requestBody" in operation
    parameters = operation.get("parameters", ())
    # Health is told without a look at anything that could be refused or away.
    statuses = [] if operation.get("tags") == ["health"] else [503]
    if has_body:
        statuses += [400, 413]
    if JSON in operation.get("requestBody", {}).get("content", {}):
        statuses.append(415)
    if "security" in operation:
        statuses += [401, 403]
    if has_body or any(parameter["in"] == "path" for parameter in parameters):
        statuses.append(404)
    if method != "get":
        statuses.append(409)
    if has_body or parameters:
        statuses.append(422)
    return statuses
