"""Whatever goes wrong, the answer is a problem document with a sentence that says what to do."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import psycopg
import pytest
from fastapi import FastAPI
from pydantic import Field
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from libs.persistence import Unstorable
from libs.web.authentication import RequestBody
from libs.web.problems import MOST_FIELD_ERRORS, install_problem_handlers

pytestmark = pytest.mark.anyio


class LineBody(RequestBody):
    quantity: int = Field(ge=1)
    note: str = ""


class OrderBody(RequestBody):
    lines: list[LineBody]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    install_problem_handlers(app)

    @app.get("/away/{how}")
    async def away(how: str) -> None:
        raise {
            "gone": OperationalError("select 1", {}, psycopg.OperationalError("server closed the connection")),
            "deadlock": OperationalError("select 1", {}, psycopg.errors.DeadlockDetected("deadlock detected")),
            "pool": PoolTimeout("QueuePool limit reached"),
        }[how]

    @app.get("/bug")
    async def bug() -> None:
        raise ZeroDivisionError

    @app.post("/orders/{code}")
    async def order(code: str, body: OrderBody, q: str = "") -> None:
        raise Unstorable("A value cannot be stored.")

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def problem(response: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["type"] == f"https://tillstream.example/problems/{slug}"
    return document


@pytest.mark.parametrize("how", ["gone", "deadlock", "pool"])
async def test_a_database_that_is_away_is_503_and_says_when_to_try_again(http: httpx.AsyncClient, how: str) -> None:
    response = await http.get(f"/away/{how}")
    assert "Send the same request again" in problem(response, 503, "unavailable")["detail"]
    assert response.headers["retry-after"] == "1"


async def test_a_mistake_of_ours_is_500_and_gives_nothing_away(http: httpx.AsyncClient) -> None:
    response = await http.get("/bug")
    assert "ZeroDivision" not in problem(response, 500, "unexpected")["detail"]


@pytest.mark.parametrize(
    ("path", "lines", "field"),
    [
        ("/orders/a", [{"quantity": 1}, {"quantity": 1, "note": "x\x00y"}], "lines.1.note"),
        ("/orders/a", [{"quantity": 1, "note": "all right"}, {"quantity": 2**63}], "lines.1.quantity"),
        ("/orders/a%00b", [], "path.code"),
        ("/orders/a?q=%00", [], "query.q"),
    ],
)
async def test_a_value_that_cannot_be_stored_is_named(
    http: httpx.AsyncClient, path: str, lines: list[dict[str, Any]], field: str
) -> None:
    document = problem(await http.post(path, json={"lines": lines}), 422, "unstorable-value")
    assert document["errors"] == [{"field": field, "message": "A value cannot be stored."}]


async def test_a_request_that_is_wrong_throughout_gets_a_bounded_answer(http: httpx.AsyncClient) -> None:
    document = problem(await http.post("/orders/a", json={"lines": [{}] * 5_000}), 422, "invalid-request")
    assert document["detail"] == "lines.0.quantity: Field required (and 4999 more)"
    assert len(document["errors"]) == MOST_FIELD_ERRORS
    assert document["errors"][99] == {"field": "lines.99.quantity", "message": "Field required"}


async def test_a_member_without_a_name_is_named_all_the_same(http: httpx.AsyncClient) -> None:
    document = problem(await http.post("/orders/a", json={"lines": [], "": 1}), 422, "invalid-request")
    assert document["errors"] == [{"field": '""', "message": "Extra inputs are not permitted"}]


async def test_a_path_or_method_that_is_not_there_is_told_in_a_sentence(http: httpx.AsyncClient) -> None:
    nowhere = problem(await http.get("/nowhere"), 404, "not-found")
    assert nowhere["detail"] == "There is nothing at /nowhere. The service's /docs list what there is."
    wrong = await http.delete("/orders/a")
    assert problem(wrong, 405, "method-not-allowed")["detail"] == "DELETE is not possible here; POST is."
    assert wrong.headers["allow"] == "POST"


async def test_a_body_that_is_no_json_is_refused_with_its_place(http: httpx.AsyncClient) -> None:
    for text in ("{", "", "nonsense"):
        response = await http.post("/orders/a", content=text, headers={"Content-Type": "application/json"})
        assert problem(response, 422, "invalid-request")["errors"]
