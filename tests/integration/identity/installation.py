"""A running identity service with a settable clock, and the calls that tests repeat."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import psycopg
from psycopg.rows import dict_row
from pydantic_core import from_json

from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, migrated_database, running
from services.identity.service import definition

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PREFIX = "/identity/v1"
SETUP_CODE = "TILLSTREAM_IDENTITY_SETUP_CODE"
ADMINISTRATOR = {"code": "root", "name": "Ada Root", "pin": "73914", "password": "correct horse battery"}
STORE = {
    "code": "B01",
    "name": "Berlin Mitte",
    "country": "DE",
    "currency": "EUR",
    "time_zone": "Europe/Berlin",
    "language": "de",
}
CASHIER_PIN = "4711"
MANAGER_PIN = "90125"

# The weakest that Argon2 allows: tests prove the rules, not the strength.
QUICK_HASHES = {
    "TILLSTREAM_IDENTITY_ARGON2_MEMORY_KIB": "8",
    "TILLSTREAM_IDENTITY_ARGON2_ITERATIONS": "1",
}


class SettableClock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


class Installation:
    """Identity behind HTTP. `call` sends a request as somebody; the other methods are its most frequent uses."""

    def __init__(self, services: RunningServices, clock: SettableClock) -> None:
        self.services = services
        self.http = services.http
        self.clock = clock
        self.setup_code = services.secrets[SETUP_CODE]
        self.administrator = ""

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str
    ) -> httpx.Response:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        return await self.http.request(method, PREFIX + path, json=body, headers=sent)

    async def as_administrator(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.call(method, path, body, token=self.administrator, **headers)

    async def done(self, method: str, path: str, body: Any = None, *, token: str | None = None) -> Any:
        """The answer to a request that must succeed; as the administrator unless a token is given."""
        response = await self.call(method, path, body, token=token or self.administrator)
        assert response.is_success, response.text
        return response.json() if response.content else None

    async def set_up(self) -> dict[str, Any]:
        """Set the chain up with store B01, and sign its administrator on to the back office."""
        body = {"setup_code": self.setup_code, "chain_name": "Corner", "administrator": ADMINISTRATOR, "store": STORE}
        response = await self.call("POST", "/set-up", body)
        assert response.status_code == 201, response.text
        await self.sign_administrator_on()
        made: dict[str, Any] = response.json()
        return made

    async def sign_administrator_on(self) -> None:
        answer = await self.call(
            "POST", "/office-sign-ons", {"staff_code": "root", "password": ADMINISTRATOR["password"]}
        )
        assert answer.status_code == 201, answer.text
        self.administrator = answer.json()["access_token"]

    async def add_store(self, code: str, **values: Any) -> dict[str, Any]:
        store: dict[str, Any] = await self.done("POST", "/stores", STORE | {"code": code} | values)
        return store

    async def add_staff(self, code: str, *, token: str | None = None, **values: Any) -> dict[str, Any]:
        member: dict[str, Any] = await self.done(
            "POST", "/staff", {"code": code, "name": code.title()} | values, token=token
        )
        return member

    async def add_till(self, store_id: str, code: str = "1") -> dict[str, Any]:
        till: dict[str, Any] = await self.done(
            "POST", "/tills", {"store_id": store_id, "code": code, "name": f"Till {code}"}
        )
        return till

    async def enrolment_code(self, till_id: str) -> str:
        return str((await self.done("POST", f"/tills/{till_id}/enrolment-codes"))["code"])

    async def enrol(self, till_id: str) -> str:
        """Enrol a device; its secret."""
        enrolment = await self.done("POST", "/enrolments", {"code": await self.enrolment_code(till_id)})
        return str(enrolment["secret"])

    async def till_token(self, till_id: str, secret: str) -> str:
        return str((await self.done("POST", "/tokens/till", {"till_id": till_id, "secret": secret}))["access_token"])

    async def sign_on(self, till_token: str, staff_code: str, pin: str) -> httpx.Response:
        return await self.call("POST", "/sign-ons", {"staff_code": staff_code, "pin": pin}, token=till_token)

    async def signed_on(self, till_token: str, staff_code: str, pin: str) -> str:
        """The token of somebody who signs on at a till."""
        response = await self.sign_on(till_token, staff_code, pin)
        assert response.status_code == 201, response.text
        return str(response.json()["access_token"])

    async def audit(self, query: str = "", *, token: str | None = None) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = (await self.done("GET", f"/audit{query}", token=token))["items"]
        return items

    def rows(self, statement: str, *parameters: Any) -> list[dict[str, Any]]:
        """What the database holds, read as its owner."""
        with psycopg.connect(self.services.database_url, row_factory=dict_row) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The payloads of one type in the outbox, in order, each with its sequence."""
        rows = self.rows(
            "select body, headers from identity.outbox where type = %s order by seq", f"tillstream.identity.{name}.v1"
        )
        return [from_json(bytes(row["body"])) | {"headers": row["headers"]} for row in rows]


class Shop(Installation):
    """An installation with a store, an enrolled till, a cashier `kim` and a manager `max` of that store."""

    store_id: str
    till_id: str
    till_secret: str
    till: str
    cashier_id: str
    manager_id: str

    async def open(self) -> None:
        self.store_id = (await self.set_up())["store"]["id"]
        self.till_id = (await self.add_till(self.store_id))["id"]
        self.till_secret = await self.enrol(self.till_id)
        self.till = await self.till_token(self.till_id, self.till_secret)
        works: dict[str, Any] = {"store_ids": [self.store_id]}
        self.cashier_id = (await self.add_staff("kim", roles=["cashier"], pin=CASHIER_PIN, **works))["id"]
        self.manager_id = (
            await self.add_staff("max", roles=["manager"], pin=MANAGER_PIN, password="staple battery horse", **works)
        )["id"]

    async def cashier(self) -> str:
        return await self.signed_on(self.till, "kim", CASHIER_PIN)

    async def manager(self) -> str:
        return await self.signed_on(self.till, "max", MANAGER_PIN)


@asynccontextmanager
async def installed(server: DatabaseServer) -> AsyncIterator[Installation]:
    clock = SettableClock()
    async with running([definition], server, clock=clock) as services:
        yield Installation(services, clock)


@dataclass(frozen=True)
class OpenedShop:
    """A database with an opened shop in it, to be copied, and what a test has to know of it."""

    database_url: str
    secrets: dict[str, str]
    known: dict[str, str]


async def open_once(server: DatabaseServer) -> OpenedShop:
    """Open a shop over HTTP and leave its database behind."""
    database_url = await migrated_database([definition], server)
    clock = SettableClock()
    async with running([definition], server, clock=clock, database_url=database_url) as services:
        shop = Shop(services, clock)
        await shop.open()
        known = {name: getattr(shop, name) for name in ("administrator", *Shop.__annotations__)}
        return OpenedShop(database_url, services.secrets, known)


@asynccontextmanager
async def reopened(server: DatabaseServer, opened: OpenedShop) -> AsyncIterator[Shop]:
    """The opened shop on a copy of its database."""
    clock = SettableClock()
    url = await asyncio.to_thread(server.create, template=opened.database_url)
    try:
        async with running([definition], server, clock=clock, database_url=url, secrets=opened.secrets) as services:
            shop = Shop(services, clock)
            for name, value in opened.known.items():
                setattr(shop, name, value)
            yield shop
    finally:
        await asyncio.to_thread(server.drop, url)


def problem(response: httpx.Response, status: int, slug: str, field: str | None = None) -> str:
    """The sentence of a refusal, which must be of this status and kind, and name this field."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["type"] == f"https://tillstream.example/problems/{slug}"
    fields = [error["field"] for error in document["errors"]]
    assert fields == ([field] if field else []), fields
    return str(document["detail"])
