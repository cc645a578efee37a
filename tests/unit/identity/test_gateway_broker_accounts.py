"""What the broker's management API is asked for a gateway. The API itself is tried in tests/integration/identity."""

from __future__ import annotations

import json
from uuid import UUID

import httpx
import pytest
import respx

from libs.bus.settings import BusSettings
from libs.host.errors import WrongSetting
from libs.host.settings import load_settings
from services.identity.gateways.broker_accounts import BrokerAccounts, BrokerAddress, BrokerNotReady
from services.identity.settings import IdentitySettings

GATEWAY = UUID("0199a000-0000-7000-8000-000000000001")
USER = f"gateway.{GATEWAY}"
QUEUE = f"shop.gateway.{GATEWAY}.1"
API = "http://rabbit.test:15672/api"


def accounts(virtual_host: str = "pos") -> BrokerAccounts:
    address = BrokerAddress("http://root:p%20w@rabbit.test:15672", "amqps://bus.example:5671", virtual_host, 5.0)
    return BrokerAccounts(address, BusSettings(namespace="corner", queue_prefix="shop."))


@respx.mock
async def test_a_gateway_may_read_its_queue_and_write_its_events_and_nothing_else() -> None:
    respx.route().respond(204)
    url = await accounts().open(GATEWAY)
    asked = [(call.request.method, str(call.request.url).removeprefix(API)) for call in respx.calls]
    bodies = [json.loads(call.request.content) if call.request.content else {} for call in respx.calls]
    assert asked == [
        ("PUT", f"/queues/pos/{QUEUE}"),
        ("POST", f"/bindings/pos/e/corner.commands/q/{QUEUE}"),
        ("DELETE", f"/users/{USER}"),
        ("PUT", f"/users/{USER}"),
        ("PUT", f"/permissions/pos/{USER}"),
        ("PUT", f"/topic-permissions/pos/{USER}"),
    ]
    assert bodies[0]["durable"] is True
    assert bodies[0]["arguments"]["x-queue-type"] == "quorum"
    assert bodies[0]["arguments"]["x-dead-letter-exchange"] == "corner.dead"
    assert bodies[1] == {"routing_key": USER}
    assert bodies[3]["tags"] == ""
    escaped = QUEUE.replace(".", r"\.").replace("-", r"\-")
    assert bodies[4] == {"configure": "^$", "write": r"^corner\.events$", "read": f"^{escaped}$"}
    assert bodies[5] == {"exchange": "corner.events", "write": r"^gateway\.", "read": "^$"}
    assert url == f"amqps://{USER}:{bodies[3]['password']}@bus.example:5671/pos"
    assert all(
        call.request.headers["Authorization"] == httpx.BasicAuth("root", "p w")._auth_header for call in respx.calls
    )


@respx.mock
async def test_each_enrolment_has_a_password_of_its_own() -> None:
    respx.route().respond(204)
    one = accounts("/")
    first, second = await one.open(GATEWAY), await one.open(GATEWAY)
    assert first != second
    assert first.endswith("@bus.example:5671/")


@respx.mock
async def test_a_queue_with_the_limits_of_earlier_settings_serves_as_well() -> None:
    respx.put(url__regex=r".*/queues/.*").respond(400, json={"reason": "inequivalent arg 'x-max-length'"})
    respx.route().respond(204)
    assert (await accounts().open(GATEWAY)).startswith("amqps://")


@respx.mock
@pytest.mark.parametrize("status", [400, 401, 403, 500])
async def test_a_refusal_names_what_was_refused_and_no_secret(status: int) -> None:
    respx.put(url__regex=r".*/users/.*").respond(status, text="root p%20w")
    respx.route().respond(204)
    with pytest.raises(BrokerNotReady, match=f"answered {status} to PUT users/{USER}") as refused:
        await accounts().open(GATEWAY)
    assert "p%20w" not in str(refused.value)


@respx.mock
async def test_no_answer_is_told_without_the_url() -> None:
    respx.route().mock(side_effect=httpx.ReadTimeout("late"))
    with pytest.raises(BrokerNotReady, match=r"does not answer \(ReadTimeout\)$"):
        await accounts().open(GATEWAY)


@respx.mock
async def test_removing_an_account_that_is_gone_is_fine() -> None:
    respx.route().respond(404)
    await accounts().remove(GATEWAY)
    assert [call.request.method for call in respx.calls] == ["DELETE"]


KEY = {"TILLSTREAM_IDENTITY_ENCRYPTION_KEY": "Y2hhbmdlLW1lLWNoYW5nZS1tZS1jaGFuZ2UtbWUtISE="}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"RABBITMQ_MANAGEMENT_URL": "http://root:hidden-word@rabbit:15672"},
            "rabbitmq_management_url and gateway_rabbitmq_url come together",
        ),
        ({"RABBITMQ_MANAGEMENT_URL": "http://rabbit:15672"}, "it must be the URL of RabbitMQ's management API"),
        ({"GATEWAY_RABBITMQ_URL": "amqps://me:hidden-word@rabbit:5671"}, "without user and password"),
        ({"GATEWAY_RABBITMQ_URL": "rabbit:5671"}, "it must be the broker's URL as store PCs reach it"),
    ],
)
def test_wrong_broker_settings_are_told_without_their_secrets(values: dict[str, str], sentence: str) -> None:
    given = {f"TILLSTREAM_IDENTITY_{name}": value for name, value in values.items()}
    with pytest.raises(WrongSetting, match=sentence) as refused:
        load_settings(IdentitySettings, KEY | given)
    assert "hidden-word" not in str(refused.value)
