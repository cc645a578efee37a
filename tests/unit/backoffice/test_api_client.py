"""What becomes of the services' answers: values, refusals in their own words, and silence."""

from __future__ import annotations

import json
from uuid import UUID

import httpx
import pytest
import respx

from services.backoffice.gateways.api_client import ApiClient, Facts, NotAnswering, Refused, SignedOff

BASE = "http://edge.test"
PATH = "/payments/v1/things"


class Thing(Facts):
    name: str
    count: int = 0


@pytest.fixture
async def client() -> ApiClient:
    return ApiClient(httpx.AsyncClient(base_url=BASE), lambda: "the-token", 1.0)


@respx.mock
async def test_the_token_and_what_is_given_are_sent_and_unknown_members_do_no_harm(client: ApiClient) -> None:
    route = respx.get(f"{BASE}{PATH}").respond(json={"name": "a", "count": 2, "newer": True})
    assert await client.get(Thing, PATH, state="open", till_id=None, scheme="") == Thing(name="a", count=2)
    sent = route.calls.last.request
    assert sent.headers["Authorization"] == "Bearer the-token"
    assert dict(sent.url.params) == {"state": "open"}


@respx.mock
async def test_a_wish_carries_its_key(client: ApiClient) -> None:
    route = respx.post(f"{BASE}{PATH}").respond(201, json={"name": "made"})
    await client.send(Thing, "POST", PATH, {"name": "made"}, key=UUID(int=7))
    assert route.calls.last.request.headers["Idempotency-Key"] == str(UUID(int=7))
    assert json.loads(route.calls.last.request.content) == {"name": "made"}


@respx.mock
async def test_a_list_is_read_to_its_end_and_never_for_ever(client: ApiClient) -> None:
    endless = respx.get(f"{BASE}{PATH}").respond(json={"items": [{"name": "a"}], "next_cursor": "more"})
    assert len(await client.all(Thing, PATH)) == 20
    assert endless.call_count == 20
    endless.side_effect = [
        httpx.Response(200, json={"items": [{"name": "a"}], "next_cursor": "two"}),
        httpx.Response(200, json={"items": [{"name": "b"}], "next_cursor": None}),
    ]
    assert [each.name for each in await client.all(Thing, PATH)] == ["a", "b"]


@respx.mock
async def test_a_refusal_keeps_its_kind_sentence_and_fields(client: ApiClient) -> None:
    problem = {
        "type": "https://tillstream.example/problems/intent-decided",
        "detail": "The payment is decided already.",
        "errors": [{"field": "note", "message": "too long"}],
    }
    respx.get(f"{BASE}{PATH}").respond(409, json=problem)
    with pytest.raises(Refused) as refused:
        await client.get(Thing, PATH)
    assert (refused.value.status, refused.value.kind) == (409, "intent-decided")
    assert refused.value.sentence == "The payment is decided already."
    assert [(each.field, each.message) for each in refused.value.errors] == [("note", "too long")]


@respx.mock
async def test_an_expired_token_is_a_sign_off(client: ApiClient) -> None:
    respx.get(f"{BASE}{PATH}").respond(401, json={"detail": "The sign-on has expired. Sign on again."})
    with pytest.raises(SignedOff, match="expired"):
        await client.get(Thing, PATH)


@respx.mock
@pytest.mark.parametrize(
    "answer", [httpx.Response(502, text="<html>"), httpx.Response(404, text="no problem document")]
)
async def test_an_answer_that_is_no_problem_document_is_no_refusal(client: ApiClient, answer: httpx.Response) -> None:
    respx.get(f"{BASE}{PATH}").mock(return_value=answer)
    with pytest.raises(NotAnswering, match="The service payments cannot do this"):
        await client.get(Thing, PATH)


@respx.mock
async def test_silence_and_nonsense_are_told_apart_from_refusals(client: ApiClient) -> None:
    route = respx.get(f"{BASE}{PATH}").mock(side_effect=httpx.ReadTimeout("slow"))
    with pytest.raises(NotAnswering, match="does not answer"):
        await client.get(Thing, PATH)
    route.side_effect = None
    route.respond(json={"count": "many"})
    with pytest.raises(NotAnswering, match="does not understand"):
        await client.get(Thing, PATH)


@respx.mock
async def test_who_has_gone_sends_nothing(client: ApiClient) -> None:
    def gone() -> str:
        raise SignedOff("Your sign-on has ended. Sign on again.")

    route = respx.get(f"{BASE}{PATH}").respond(json={"name": "a"})
    with pytest.raises(SignedOff):
        await ApiClient(httpx.AsyncClient(base_url=BASE), gone, 1.0).get(Thing, PATH)
    assert route.call_count == 0
