"""Dead messages over HTTP, by the routes that every service has: listed, replayed, discarded, with who decided."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from structlog.testing import capture_logs

from libs.contracts.permissions import Permission
from libs.persistence import utc_now
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, running
from libs.web.authentication import ISSUER, TokenVerifier
from tests.integration.host.toy import echo, refused_names, toy

pytestmark = pytest.mark.anyio

PATH = "/echo/v1/dead-messages"
DEADLINE_S = 10.0


@dataclass
class Operator:
    """Somebody with a token, at the running services."""

    services: RunningServices
    key: ECKey
    permissions: tuple[str, ...] = (Permission.OPERATIONS_MESSAGES.value,)
    id: str = ""

    async def asks(self, method: str, path: str) -> httpx.Response:
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "sub": self.id,
            "kind": "staff",
            "name": "Olga Operator",
            "exp": int(utc_now().timestamp()) + 600,
            "permissions": list(self.permissions),
        }
        token = jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)
        return await self.services.http.request(method, path, headers={"Authorization": f"Bearer {token}"})

    async def dead(self, count: int) -> list[dict[str, Any]]:
        """The dead messages, once there are so many."""
        end = time.monotonic() + DEADLINE_S
        while True:
            items: list[dict[str, Any]] = (await self.asks("GET", PATH)).json()["items"]
            if len(items) == count or time.monotonic() > end:
                assert len(items) == count
                return items
            await asyncio.sleep(0.02)

    async def heard(self, store_id: str) -> str | None:
        await self.services.drained()
        name: str | None = (await self.services.http.get(f"/echo/v1/heard/{store_id}")).json()
        return name

    async def tells(self, name: str) -> str:
        """Make a store of this name, which the other service hears of; gives its id."""
        store_id = str(uuid4())
        answer = await self.services.http.post("/toy/v1/stores", json={"store_id": store_id, "name": name})
        assert answer.status_code == 201, answer.text
        return store_id


@pytest.fixture(autouse=True)
def nothing_refused() -> Iterator[None]:
    yield
    refused_names.clear()


@pytest.fixture
async def olga(postgres_server: DatabaseServer) -> AsyncIterator[Operator]:
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)

    async def keys() -> dict[str, Any]:
        return dict(KeySet([key]).as_dict(private=False))

    async with running([toy, echo], postgres_server) as services:
        for app in services.apps.values():
            app.state.context = replace(app.state.context, verifier=TokenVerifier(keys, utc_now))
        yield Operator(services, key, id=str(uuid4()))


async def test_a_dead_message_is_listed_and_replayed_by_an_operator_whose_name_is_kept(olga: Operator) -> None:
    refused_names.add("Ghost")
    store_id = await olga.tells("Ghost")
    [message] = await olga.dead(1)
    assert (message["consumer"], message["type"]) == ("echo.stores", "tillstream.identity.store_changed.v1")
    assert (message["key"], message["attempts"], message["error"]) == (store_id, 1, "Conflict: Ghost is not wanted.")

    refused_names.clear()
    with capture_logs() as logs:
        answer = await olga.asks("POST", f"{PATH}/{message['message_id']}/replay")
    assert answer.status_code == 200, answer.text
    assert [each["message_id"] for each in answer.json()["items"]] == [message["message_id"]]
    assert await olga.heard(store_id) == "Ghost"
    [entry] = [each for each in logs if each["event"] == "dead_message_decided"]
    assert (entry["decision"], entry["by"], entry["by_id"]) == ("replayed", "Olga Operator", olga.id)
    assert (entry["message_id"], entry["consumer"]) == (message["message_id"], "echo.stores")

    again = await olga.asks("POST", f"{PATH}/{message['message_id']}/replay")
    assert (again.status_code, again.json()["detail"]) == (
        409,
        f"Message {message['message_id']} is not dead: it is done at echo.stores.",
    )


async def test_a_discarded_message_takes_no_effect_and_is_gone_from_the_list(olga: Operator) -> None:
    refused_names.add("Ghost")
    store_id = await olga.tells("Ghost")
    [message] = await olga.dead(1)
    other = await olga.asks("POST", f"{PATH}/{message['message_id']}/discard?consumer=echo.others")
    assert other.status_code == 404
    discarded = await olga.asks("POST", f"{PATH}/{message['message_id']}/discard?consumer=echo.stores")
    assert discarded.status_code == 200
    assert await olga.dead(0) == []
    refused_names.clear()
    assert await olga.heard(store_id) is None


async def test_dead_messages_come_in_pages_in_the_order_of_their_arrival(olga: Operator) -> None:
    names = [f"Ghost {number}" for number in range(5)]
    refused_names.update(names)
    for name in names:
        await olga.tells(name)
    ids = [each["message_id"] for each in await olga.dead(5)]
    found: list[str] = []
    path = f"{PATH}?limit=2&consumer=echo.stores"
    sizes = []
    cursor = ""
    while cursor is not None:
        page = (await olga.asks("GET", path + (f"&cursor={cursor}" if cursor else ""))).json()
        sizes.append(len(page["items"]))
        found += [each["message_id"] for each in page["items"]]
        cursor = page["next_cursor"]
    assert (sizes, found) == ([2, 2, 1], ids)
    assert (await olga.asks("GET", f"{PATH}?consumer=echo.others")).json()["items"] == []


async def test_only_who_may_decide_about_messages_sees_them(olga: Operator) -> None:
    clerk = replace(olga, permissions=("sales.sell",))
    for method, path in (("GET", PATH), ("POST", f"{PATH}/x/replay"), ("POST", f"{PATH}/x/discard")):
        answer = await clerk.asks(method, path)
        assert (answer.status_code, answer.json()["permission"]) == (403, "operations.messages")
        assert (await olga.services.http.request(method, path)).status_code == 401
    missing = await olga.asks("POST", f"{PATH}/nothing/replay")
    assert (missing.status_code, missing.json()["detail"]) == (404, "No consumer here has a message nothing.")
