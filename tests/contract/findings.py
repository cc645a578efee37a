"""Whether an answer is what the document promises, and what is wrong with it otherwise."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from schemathesis import Response
from schemathesis.checks import not_a_server_error
from schemathesis.core import NOT_SET
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from libs.web.problems import PROBLEM_JSON, TYPE_ROOT, Problem
from tests.contract.documents import Request

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]
REFUSAL_CHECKS = [negative_data_rejection, missing_required_header]
# A set with a repetition in it is the same set: taken, although JSON Schema has no word for "may repeat".
HARMLESS = "uniqueItems"


class Findings:
    """What is wrong with the answers of one operation, each kind once."""

    def __init__(self) -> None:
        self.texts: dict[tuple[str, ...], str] = {}
        self.answers: Counter[int] = Counter()

    def check(self, case: Request, response: Response, *, must_be_refused: bool = False) -> None:
        """Note whatever is wrong with an answer; `must_be_refused` says that the request breaks the document."""
        self.answers[response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS + (REFUSAL_CHECKS if must_be_refused else []))
        except FailureGroup as group:
            for failure in group.exceptions:
                if HARMLESS not in str(failure):
                    self.add(type(failure).__name__, str(failure), case, response)
        if 400 <= response.status_code < 500:
            for complaint in complaints_about(response):
                self.add("problem", complaint, case, response)

    def add(self, kind: str, text: str, case: Request, response: Response) -> None:
        key = (kind, str(response.status_code), text.split("\n\n")[0])
        asked = f"  asked: {shown(case)}\n  answer: {response.status_code} {response.content[:500]!r}"
        self.texts.setdefault(key, f"{kind}: {text}\n{asked}")

    def report(self) -> None:
        """Fail with all of it, if there is any."""
        assert not self.texts, "\n\n".join([f"{len(self.texts)} findings; {self.answers}", *self.texts.values()])


def complaints_about(response: Response) -> Iterator[str]:
    """How a refusal's document falls short of RFC 9457 as `libs.web.problems` promises it."""
    media_type = (response.headers.get("content-type") or [""])[0]
    if media_type != PROBLEM_JSON:
        yield f"a refusal of media type {media_type!r}"
        return
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError as error:
        yield f"not a problem document: {error}"
        return
    if problem.status != response.status_code:
        yield f"a problem of status {problem.status}"
    if not problem.type.startswith(TYPE_ROOT) or not problem.detail or not problem.instance:
        yield "a problem without type, detail or instance"
    if problem.status == 422 and not any(each.field and each.message for each in problem.errors):
        yield f"a 422 that names no field: {problem.type}"


def shown(case: Request) -> str:
    """The request in one line."""
    body = "" if case.body is NOT_SET else " " + _text(case.body)
    return f"{case.method} {case.formatted_path} {case.query or ''} {dict(case.headers) or ''}{body}"[:1500]


def _text(body: Any) -> str:
    try:
        return json.dumps(body, ensure_ascii=True)
    except (TypeError, ValueError):
        return repr(body)
