"""Nothing secret leaves the request that carries it: not into logs, events, the trail, answers, traces or columns."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import structlog

from libs.telemetry import configure_logging
from tests.integration.identity.installation import ADMINISTRATOR, PREFIX, Installation

CASHIER_PIN = "86420913"
NEW_PIN = "57193026"
PASSWORD = "nobody writes this down"
NEW_PASSWORD = "nor is this written anywhere"
WRONG_PIN = "20486931"
WRONG_PASSWORD = "a guess that is far off"
WRONG_CODE = "ZZZZ-YYYY-XXXX"


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """Everything that is logged, at the lowest level."""
    stream = io.StringIO()
    configure_logging("DEBUG", "json", stream)
    yield stream
    structlog.reset_defaults()
    configure_logging("WARNING")


async def live(installation: Installation) -> tuple[set[str], list[str]]:
    """Use every route that takes or gives a secret, rightly and wrongly; the secrets, and the texts of refusals."""
    made = await installation.set_up()
    store_id = made["store"]["id"]
    till_id = (await installation.add_till(store_id))["id"]
    code = await installation.enrolment_code(till_id)
    secret = (await installation.done("POST", "/enrolments", {"code": code}))["secret"]
    till = await installation.till_token(till_id, secret)
    works = {"store_ids": [store_id], "roles": ["cashier"]}
    kim = {"code": "kim", "name": "Kim", "pin": CASHIER_PIN, "password": PASSWORD} | works
    kim_id = (await installation.done("POST", "/staff", kim))["id"]
    token = await installation.signed_on(till, "kim", CASHIER_PIN)
    key = (await installation.done("POST", "/api-keys", {"name": "K", "scopes": ["sales.read"], "all_stores": True}))[
        "key"
    ]
    key_token = (await installation.done("POST", "/tokens/api-key", {"key": key}))["access_token"]
    approval = (
        await installation.done(
            "POST",
            "/approvals",
            {
                "approver_code": "root",
                "pin": ADMINISTRATOR["pin"],
                "action": "sales.void",
                "bound_to": "x",
                "reason": "test",
            },
            token=token,
        )
    )["approval"]
    pin_path, password_path = f"/staff/{kim_id}/pin", f"/staff/{kim_id}/password"
    await installation.done("PUT", pin_path, {"pin": NEW_PIN, "current_pin": CASHIER_PIN}, token=token)
    await installation.done("PUT", password_path, {"password": NEW_PASSWORD})
    wrong = [
        await installation.call("POST", "/set-up", {"setup_code": installation.setup_code}),
        await installation.sign_on(till, "kim", WRONG_PIN),
        await installation.sign_on(till, WRONG_PIN, "x"),
        await installation.call("POST", "/office-sign-ons", {"staff_code": "kim", "password": WRONG_PASSWORD}),
        await installation.call("POST", "/office-sign-ons", {"staff_code": "kim", "pin": WRONG_PASSWORD}),
        await installation.call("PUT", pin_path, {"pin": "77777777"}, token=token),
        await installation.call("PUT", pin_path, {"pin": NEW_PIN, "current_pin": WRONG_PIN}, token=token),
        await installation.call("PUT", pin_path, {"pin": {"value": WRONG_PIN}}, token=token),
        await installation.call("POST", "/enrolments", {"code": code}),
        await installation.call("POST", "/enrolments", {"code": WRONG_CODE}),
        await installation.call("POST", "/tokens/till", {"till_id": till_id, "secret": WRONG_PASSWORD}),
        await installation.call("POST", "/tokens/api-key", {"key": key + "x"}),
        await installation.call("GET", "/me", token=token[:-3]),
        await installation.http.post(PREFIX + "/sign-ons", content=f'{{"pin": "{WRONG_PIN}"'),
    ]
    assert all(answer.status_code >= 400 for answer in wrong), [answer.status_code for answer in wrong]
    secrets = {
        installation.setup_code,
        *(str(ADMINISTRATOR[name]) for name in ("pin", "password")),
        *(CASHIER_PIN, NEW_PIN, PASSWORD, NEW_PASSWORD, WRONG_PIN, WRONG_PASSWORD, WRONG_CODE, "77777777"),
        *(code, code.replace("-", ""), secret, key, token, till, key_token, approval, installation.administrator),
        *installation.services.secrets.values(),
    }
    return secrets, [answer.text for answer in wrong]


def found(secrets: set[str], text: str) -> list[str]:
    return sorted(secret for secret in secrets if secret in text)


async def test_no_secret_is_kept_or_told(installation: Installation, logged: io.StringIO) -> None:
    secrets, refusals = await live(installation)
    for refusal in refusals:
        assert found(secrets, refusal) == []
    assert found(secrets, logged.getvalue()) == []
    tables = [
        row["name"]
        for row in installation.rows(
            "select table_name as name from information_schema.tables where table_schema = 'identity'"
        )
    ]
    assert {"audit", "outbox", "staff", "tills", "api_keys", "signing_keys", "tries"} <= set(tables)
    for table in tables:
        for row in installation.rows(f"select * from identity.{table}"):
            text = " ".join(
                bytes(value).decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                for value in row.values()
            )
            assert found(secrets, text) == [], table
    spans = " ".join(f"{span.name} {span.attributes}" for span in installation.services.spans.get_finished_spans())
    assert "/sign-ons" in spans
    assert found(secrets, spans) == []
    lists = [
        await installation.call("GET", path, token=installation.administrator)
        for path in (
            "/staff",
            "/tills",
            "/stores",
            "/api-keys",
            "/audit?limit=500",
            "/roles",
            "/jwks.json",
            "/me",
            "/chain",
        )
    ]
    for answer in lists:
        assert answer.status_code == 200
        assert found(secrets, answer.text) == []


async def test_events_and_trail_hold_no_hashes_either(installation: Installation) -> None:
    await live(installation)
    hashes = [row["h"] for row in installation.rows("select pin_hash as h from identity.staff")]
    assert len(hashes) == 2
    texts = installation.rows(
        "select convert_from(body, 'UTF8') || headers::text as text from identity.outbox"
        " union all select audit::text from identity.audit"
    )
    assert len(texts) > 10
    for row in texts:
        assert "argon2" not in row["text"]
