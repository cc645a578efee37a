"""A chain's office for tests: catalog served over HTTP on a database of its own, and people with permissions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from pydantic_core import from_json
from sqlalchemy import text

from libs.contracts.permissions import Permission
from libs.persistence import Database, utc_now
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, running
from libs.web.authentication import ISSUER, TokenVerifier
from services.catalog.service import definition
from services.catalog.use_cases.announce_products import announce_due

EVERYTHING = frozenset(permission for permission in Permission if permission.startswith("catalog."))
STORE = UUID("0199c0de-0000-7000-8000-000000000001")


@dataclass
class Office:
    """Somebody with a token, in front of the running service."""

    services: RunningServices
    key: ECKey
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def app(self) -> FastAPI:
        return self.services.apps["catalog"]

    @property
    def database(self) -> Database:
        database: Database = self.app.state.context.database
        return database

    def someone(self, permissions: frozenset[str] = EVERYTHING, stores: tuple[UUID, ...] | None = None) -> Office:
        """Another person, who works for these stores, or for all."""
        claims = {
            "iss": ISSUER,
            "exp": int((utc_now() + timedelta(hours=1)).timestamp()),
            "sub": str(uuid4()),
            "kind": "staff",
            "name": "Ola Nowak",
            "permissions": sorted(permissions),
            "all_stores": stores is None,
            "store_ids": [str(store) for store in stores or ()],
        }
        token = jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key, algorithms=["ES256"])
        return Office(self.services, self.key, {"Authorization": f"Bearer {token}"})

    async def asks(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {**self.headers, **options.pop("headers", {})}
        return await self.services.http.request(method, f"/catalog/v1{path}", headers=headers, **options)

    async def get(self, path: str, **params: Any) -> Any:
        return answered(await self.asks("GET", path, params=params), 200)

    async def post(self, path: str, body: Mapping[str, Any], key: str | None = None) -> Any:
        headers = {"Idempotency-Key": key} if key else {}
        return answered(await self.asks("POST", path, json=body, headers=headers), 201)

    async def put(self, path: str, body: Mapping[str, Any]) -> Any:
        return answered(await self.asks("PUT", path, json=body), 200)

    async def tax_category(self, code: str = "standard", percent: str = "23") -> Any:
        rates = [{"code": "VAT", "name": f"VAT {percent} %", "percent": percent}]
        return await self.post("/tax-categories", {"code": code, "name": code.capitalize(), "rates": rates})

    async def price_list(self, code: str = "retail", currency: str = "EUR", **more: Any) -> Any:
        return await self.post("/price-lists", {"code": code, "name": code.capitalize(), "currency": currency, **more})

    async def product(self, code: str, **more: Any) -> Any:
        return await self.post("/products", {"code": code, "name": code, "tax_category": "standard", **more})

    async def stops_job(self, name: str) -> None:
        """Keep the service's own job from running, as another replica does that holds its lease."""
        async with self.database.transaction() as work:
            await work.connection.execute(
                text(
                    "INSERT INTO leases (name, holder, expires_at) VALUES (:name, 'test', now() + interval '1 hour') "
                    "ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at"
                ),
                {"name": f"job/{name}"},
            )

    async def announces(self) -> int:
        """Tell of what bulk changes left due, as the job does, and wait for the job's own turn if it is at it.

        Returns how many products were told of here.
        """
        told = 0
        async with asyncio.timeout(30):
            while True:
                async with self.database.transaction() as work:
                    told += await announce_due(work, 500)
                async with self.database.reading() as connection:
                    due = "SELECT count(*) FROM product_announcements WHERE product_due OR prices_due"
                    if not (await connection.execute(text(due))).scalar_one():
                        return told

    async def events(self, subject: str | None = None) -> list[dict[str, Any]]:
        """What was published, in order: `type` and `sequence` beside the payload."""
        async with self.database.reading() as connection:
            rows = await connection.execute(text("select type, headers, body from outbox order by seq"))
            return [
                {
                    "type": row.type.removeprefix("tillstream.catalog.").removesuffix(".v1"),
                    "sequence": int(row.headers["ce-sequence"]),
                    **from_json(row.body),
                }
                for row in rows
                if subject is None or row.headers["ce-subject"] == subject
            ]


def answered(response: httpx.Response, status: int) -> Any:
    """The JSON of an answer that has this status."""
    assert response.status_code == status, response.text
    return response.json()


def refused(response: httpx.Response, status: int, slug: str, field_name: str | None = None) -> dict[str, Any]:
    """The problem document of a refusal, which names this type and field."""
    problem: dict[str, Any] = answered(response, status)
    assert problem["type"].rpartition("/")[2] == slug, problem
    if field_name:
        assert [error["field"] for error in problem["errors"]] == [field_name]
    return problem


@asynccontextmanager
async def open_office(server: DatabaseServer) -> AsyncIterator[Office]:
    """The service at work, and somebody who may do everything in it."""
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)

    async def fetch_keys() -> dict[str, Any]:
        return dict(KeySet([key]).as_dict(private=False))

    async with running([definition], server) as services:
        app = services.apps["catalog"]
        app.state.context = replace(app.state.context, verifier=TokenVerifier(fetch_keys, utc_now))
        yield Office(services, key).someone()
