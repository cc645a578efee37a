"""What people and client generators read: every route described, every refusal documented as what it is."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from libs.web.problems import PROBLEM_JSON
from tests.contract.documents import DOCUMENTS, NOT_CALLED, OPERATIONS, documented
from tests.contract.recipes import RECIPES

Json = dict[str, Any]
PROBLEM = {"$ref": "#/components/schemas/Problem"}
ALL = dict(documented())


@pytest.mark.parametrize("label", ALL)
def test_operation_has_a_summary_and_a_tag(label: str) -> None:
    operation = ALL[label]
    assert re.fullmatch(r"[A-Z].{3,79}[^.]", operation["summary"]), operation["summary"]
    assert operation["tags"]


@pytest.mark.parametrize("service", DOCUMENTS)
def test_operation_ids_are_unique_and_short(service: str) -> None:
    operations = [each for path in DOCUMENTS[service]["paths"].values() for each in path.values()]
    ids = Counter(each["operationId"] for each in operations)
    assert [name for name, count in ids.items() if count > 1] == []
    assert [name for name in ids if not re.fullmatch(r"[a-z][a-z0-9_]{2,49}", name)] == []


@pytest.mark.parametrize("label", ALL)
def test_every_refusal_is_documented_as_a_problem(label: str) -> None:
    refusals = {status: said for status, said in ALL[label]["responses"].items() if status >= "400"}
    if label.endswith("/readyz"):
        # No refusal: it says what is missing, in the same form as when all is well.
        del refusals["503"]
    for status, said in refusals.items():
        assert said["content"] == {PROBLEM_JSON: {"schema": PROBLEM}}, status
    assert all(said["description"] for said in refusals.values())


@pytest.mark.parametrize(
    ("label", "refusals"),
    [
        ("GET /sales/healthz", []),
        ("GET /identity/v1/jwks.json", [503]),
        ("GET /sales/v1/sales", [401, 403, 422, 503]),
        ("GET /sales/v1/sales/{sale_id}", [401, 403, 404, 422, 503]),
        ("POST /sales/v1/sales", [400, 401, 403, 404, 409, 413, 415, 422, 503]),
        ("POST /identity/v1/office-sign-ons", [400, 401, 403, 404, 409, 413, 415, 422, 429, 503]),
        ("POST /catalog/v1/imports", [400, 401, 403, 404, 409, 413, 422, 503]),
        ("DELETE /identity/v1/api-keys/{key_id}", [401, 403, 404, 409, 422, 503]),
    ],
)
def test_only_refusals_that_can_come_are_documented(label: str, refusals: list[int]) -> None:
    assert [int(status) for status in ALL[label]["responses"] if status >= "400"] == refusals


@pytest.mark.parametrize("service", DOCUMENTS)
def test_the_problem_is_described_and_what_is_never_sent_is_not(service: str) -> None:
    schemas = DOCUMENTS[service]["components"]["schemas"]
    assert set(schemas["Problem"]["properties"]) == {"type", "title", "status", "detail", "instance", "errors"}
    assert set(schemas["FieldError"]["properties"]) == {"field", "message"}
    assert "HTTPValidationError" not in schemas
    assert "ValidationError" not in schemas


@pytest.mark.parametrize("service", DOCUMENTS)
def test_every_reference_leads_somewhere(service: str) -> None:
    document = DOCUMENTS[service]
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert {*_references(document)} - known == set()


def test_every_operation_has_a_recipe_and_no_recipe_is_left_over() -> None:
    health = {label for label in OPERATIONS if label.endswith(("/healthz", "/readyz"))}
    assert set(OPERATIONS) - health == set(RECIPES)
    assert set(OPERATIONS) | set(NOT_CALLED) == set(ALL)


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for part in value.values() for found in _references(part)]
    return [found for part in value for found in _references(part)] if isinstance(value, list) else []
