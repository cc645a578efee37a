"""Enrolment: a code against an identity, kept where only the gateway's user can read it."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from device_gateway.enrolment import enrol, enrolment_file, read_enrolment
from libs.host.errors import NotAvailable, WrongSetting

ANSWER: dict[str, Any] = {
    "gateway_id": "019a0000-0000-7000-8000-00000000000a",
    "store_id": "019a0000-0000-7000-8000-00000000000b",
    "secret": "the-secret",
    "tills": [{"till_id": "019a0000-0000-7000-8000-000000000001", "code": "1"}],
    "broker": {"url": "amqps://gateway:broker-password@pos.example.com:5671/"},
    "something_new": True,
}


def client(answer: httpx.Response | Exception) -> httpx.Client:
    def respond(request: httpx.Request) -> httpx.Response:
        assert request.url == "https://pos.example.com/identity/v1/gateway-enrolments"
        assert json.loads(request.content) == {"code": "7KQ2-93XN"}
        if isinstance(answer, Exception):
            raise answer
        return answer

    return httpx.Client(transport=httpx.MockTransport(respond))


def test_an_enrolment_is_kept_for_this_user_alone_and_read_again(tmp_path: Path) -> None:
    given = enrol("7KQ2-93XN", "https://pos.example.com/", tmp_path, client=client(httpx.Response(201, json=ANSWER)))
    path = enrolment_file(tmp_path)
    assert path == tmp_path / "gateway" / "enrolment.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = read_enrolment(tmp_path)
    assert kept == given
    assert kept is not None
    assert kept.secret.get_secret_value() == "the-secret"
    assert kept.broker is not None
    assert kept.broker.url.get_secret_value() == ANSWER["broker"]["url"]
    assert kept.server == "https://pos.example.com"
    assert "password" not in repr(kept)


def test_a_new_enrolment_takes_the_place_of_the_old_one_and_may_have_no_broker(tmp_path: Path) -> None:
    enrol("7KQ2-93XN", "https://pos.example.com", tmp_path, client=client(httpx.Response(201, json=ANSWER)))
    enrol(
        "7KQ2-93XN",
        "https://pos.example.com",
        tmp_path,
        client=client(httpx.Response(200, json=ANSWER | {"broker": None})),
    )
    kept = read_enrolment(tmp_path)
    assert kept is not None
    assert kept.broker is None


@pytest.mark.parametrize(
    ("answer", "error", "sentence"),
    [
        (
            httpx.Response(422, json={"detail": "This code was used before. Ask for a new one."}),
            WrongSetting,
            "The server https://pos.example.com refused the code: This code was used before. Ask for a new one.",
        ),
        (httpx.Response(404), WrongSetting, "HTTP 404. Ask the office for a new code."),
        (httpx.ConnectError("no route to host"), NotAvailable, "does not answer (no route to host)"),
        (httpx.Response(201, json={"id": 7}), NotAvailable, "is not an enrolment (gateway_id: Field required)"),
        (httpx.Response(200, text="<html>"), NotAvailable, "is not an enrolment"),
    ],
)
def test_what_went_wrong_is_a_sentence_and_nothing_is_kept(
    answer: httpx.Response | Exception, error: type[Exception], sentence: str, tmp_path: Path
) -> None:
    with pytest.raises(error) as wrong:
        enrol("7KQ2-93XN", "https://pos.example.com", tmp_path, client=client(answer))
    assert sentence in str(wrong.value)
    assert read_enrolment(tmp_path) is None


def test_a_damaged_enrolment_is_named_without_showing_its_secret(tmp_path: Path) -> None:
    path = enrolment_file(tmp_path)
    path.parent.mkdir()
    path.write_text('{"secret": "the-secret"}', encoding="utf-8")
    with pytest.raises(WrongSetting) as wrong:
        read_enrolment(tmp_path)
    assert "Enrol this PC again with a new code" in str(wrong.value)
    assert "the-secret" not in str(wrong.value)
