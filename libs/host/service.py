"""What a service is to the host that runs it: a definition to build from, and the parts it is made of."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import httpx
from fastapi import APIRouter
from pydantic_settings import BaseSettings
from redis.asyncio import Redis
from sqlalchemy import MetaData
from starlette.types import ASGIApp

from libs.bus.consumer import AnyConsumer
from libs.bus.settings import BusSettings
from libs.persistence import Clock, Database
from libs.web.authentication import TokenVerifier

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


@dataclass(frozen=True)
class ServiceContext(Generic[SettingsT]):
    """What the host hands to a service: its database, its clock and its ways to the outside.

    `http` reaches sibling services by path (`/identity/v1/...`) in every run mode. `redis` holds only what may be lost.
    `bus` are the bus's limits and names, for whoever prepares the broker for others.
    """

    name: str
    settings: SettingsT
    database: Database
    clock: Clock
    redis: Redis
    http: httpx.AsyncClient
    verifier: TokenVerifier
    bus: BusSettings = field(default_factory=BusSettings)


@dataclass(frozen=True)
class TablelessContext(Generic[SettingsT]):
    """What the host hands to a service that keeps no tables: the same, without a database and without the bus."""

    name: str
    settings: SettingsT
    clock: Clock
    redis: Redis
    http: httpx.AsyncClient
    verifier: TokenVerifier


@dataclass(frozen=True)
class Job:
    """A timer: `run` is called every `every_s` seconds, on one replica at a time (a lease decides which)."""

    name: str
    every_s: float
    run: Callable[[], Awaitable[None]]


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield


@dataclass(frozen=True)
class Service:
    """A built service. `resources` are the objects its routes ask for by type (`libs.web.resource`).

    `pages` serve people: whatever lies below `/<name>/` and is no route, as an application of its own.
    """

    routers: Sequence[APIRouter] = ()
    consumers: Sequence[AnyConsumer] = ()
    jobs: Sequence[Job] = ()
    resources: dict[type, Any] = field(default_factory=dict)
    lifespan: Callable[[], AbstractAsyncContextManager[None]] = _nothing
    pages: ASGIApp | None = None


@dataclass(frozen=True)
class ServiceDefinition(Generic[SettingsT]):
    """How to build a service. `metadata` lists its tables, `migrations` is its Alembic folder."""

    name: str
    summary: str
    settings: type[SettingsT]
    metadata: MetaData
    migrations: Path
    build: Callable[[ServiceContext[SettingsT]], Service]

    @property
    def schema(self) -> str:
        """The PostgreSQL schema (and role `tillstream_<schema>`) that the service owns."""
        return self.name


@dataclass(frozen=True)
class TablelessDefinition(Generic[SettingsT]):
    """How to build a service that keeps nothing: a client of the other services' APIs.

    It has no schema, no role and no password, and does not wait for a database or a broker. Without tables there is
    no inbox, no outbox and no lease: it consumes nothing, publishes nothing and has no jobs.
    """

    name: str
    summary: str
    settings: type[SettingsT]
    build: Callable[[TablelessContext[SettingsT]], Service]
