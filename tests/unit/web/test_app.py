"""What every service refuses before its own routes are asked: bodies that are too large, or no JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import APIRouter
from prometheus_client import CollectorRegistry

from libs.web.app import LARGEST_BODY_BYTES, create_service_app
from libs.web.authentication import RequestBody
from libs.web.problems import Problem

pytestmark = pytest.mark.anyio
router = APIRouter(tags=["notes"])


class NoteBody(RequestBody):
    text: str


@router.post("/notes", summary="Write a note")
async def post_note(body: NoteBody) -> int:
    return len(body.text)


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    app = create_service_app(
        name="toy",
        summary="A toy",
        context=None,
        routers=[router],
        resources={},
        checks={},
        registry=CollectorRegistry(),
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield client


def problem(response: httpx.Response, status: int, slug: str) -> Problem:
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    found = Problem.model_validate_json(response.content)
    assert found.type == f"https://tillstream.example/problems/{slug}"
    assert found.instance == response.headers["x-correlation-id"]
    return found


def note(size_bytes: int) -> bytes:
    """A body of exactly that size."""
    return b'{"text":"' + b"x" * (size_bytes - 11) + b'"}'


async def in_pieces(body: bytes) -> AsyncIterator[bytes]:
    """A body whose size is not told beforehand."""
    for start in range(0, len(body), 65_536):
        yield body[start : start + 65_536]


JSON = {"Content-Type": "application/json"}


async def test_a_body_of_the_largest_size_is_taken(http: httpx.AsyncClient) -> None:
    response = await http.post("/toy/v1/notes", content=note(LARGEST_BODY_BYTES), headers=JSON)
    assert (response.status_code, response.json()) == (200, LARGEST_BODY_BYTES - 11)


async def test_a_larger_body_is_refused_with_a_problem(http: httpx.AsyncClient) -> None:
    response = await http.post("/toy/v1/notes", content=note(LARGEST_BODY_BYTES + 1), headers=JSON)
    assert problem(response, 413, "too-large").detail == "The request is too large. Send less at once."


async def test_a_larger_body_in_pieces_is_refused_with_the_same_problem(http: httpx.AsyncClient) -> None:
    response = await http.post("/toy/v1/notes", content=in_pieces(note(LARGEST_BODY_BYTES + 1)), headers=JSON)
    assert problem(response, 413, "too-large").detail == "The request is too large. Send less at once."


@pytest.mark.parametrize("media_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x", None])
async def test_a_body_of_another_media_type_is_told_which_is_right(
    http: httpx.AsyncClient, media_type: str | None
) -> None:
    headers = {"Content-Type": media_type} if media_type else {}
    response = await http.post("/toy/v1/notes", content=b'{"text":"x"}', headers=headers)
    assert problem(response, 415, "unsupported-media-type").detail.endswith("Send JSON as application/json.")


async def test_a_body_that_is_json_but_no_object_is_told_so(http: httpx.AsyncClient) -> None:
    response = await http.post("/toy/v1/notes", content=b'["text"]', headers=JSON)
    found = problem(response, 422, "invalid-request")
    assert [(each.field, each.message) for each in found.errors] == [("body", "Send a JSON object")]
