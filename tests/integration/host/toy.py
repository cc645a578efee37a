"""Two small services to run the host with: `toy` keeps stores and tells of them, `echo` repeats what it hears."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import BigInteger, Column, MetaData, Table, Text, func, insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from libs.bus.consumer import Consumer, Received
from libs.bus.tables import messaging_tables
from libs.contracts.identity import StoreChanged
from libs.contracts.refusal import Conflict
from libs.host.service import Job, Service, ServiceContext, ServiceDefinition
from libs.persistence import UnitOfWork, identifier
from libs.web.authentication import RequestBody
from libs.web.transactions import Reading, Work

MIGRATIONS = Path(__file__).parent


class ToySettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_TOY_")

    largest_name_characters: int = Field(40, ge=1, description="a number of characters above 0, e.g. 40")
    tick_s: float = 0.05


# Names that the echo refuses to hear: messages with them die.
refused_names: set[str] = set()


class NewStore(RequestBody):
    store_id: UUID
    name: str


toy_metadata = MetaData(schema="toy")
messaging_tables(toy_metadata, "toy")
stores = Table("stores", toy_metadata, identifier("store_id", primary_key=True), Column("name", Text, nullable=False))
ticks = Table("ticks", toy_metadata, Column("number", BigInteger, primary_key=True))

echo_metadata = MetaData(schema="echo")
messaging_tables(echo_metadata, "echo")
heard = Table("heard", echo_metadata, identifier("store_id", primary_key=True), Column("name", Text, nullable=False))


def store_changed(store_id: UUID, name: str) -> StoreChanged:
    return StoreChanged(
        store_id=store_id,
        code="S1",
        name=name,
        country="DE",
        currency="EUR",
        time_zone="Europe/Berlin",
        language="de",
        tax_mode="inclusive",
        tax_rounding="per_line",
        cash_rounding_minor=1,
        price_list=None,
        tax_number=None,
    )


def build_toy(context: ServiceContext[ToySettings]) -> Service:
    router = APIRouter()

    @router.post("/stores", status_code=201)
    async def add_store(body: NewStore, work: Work) -> NewStore:
        if body.name == "refused":
            raise Conflict("This name is refused.")
        await work.connection.execute(insert(stores).values(store_id=body.store_id, name=body.name))
        work.emit(store_changed(body.store_id, body.name), sequence=1)
        return body

    @router.get("/stores/count")
    async def count(connection: Reading) -> int:
        return (await connection.execute(select(func.count()).select_from(stores))).scalar_one()

    @router.get("/ticks/count")
    async def count_ticks(connection: Reading) -> int:
        return (await connection.execute(select(func.count()).select_from(ticks))).scalar_one()

    @router.get("/heard/{store_id}")
    async def ask_sibling(store_id: UUID) -> Any:
        return (await context.http.get(f"/echo/v1/heard/{store_id}")).json()

    async def tick() -> None:
        async with context.database.transaction() as work:
            number = select(func.coalesce(func.max(ticks.c.number), 0) + 1).scalar_subquery()
            await work.connection.execute(insert(ticks).values(number=number))

    return Service(routers=[router], jobs=[Job("tick", context.settings.tick_s, tick)])


def build_echo(_context: ServiceContext[ToySettings]) -> Service:
    router = APIRouter()

    @router.get("/heard/{store_id}")
    async def heard_of(store_id: UUID, connection: Reading) -> str | None:
        return (await connection.execute(select(heard.c.name).where(heard.c.store_id == store_id))).scalar_one_or_none()

    async def on_store(received: Received[StoreChanged], work: UnitOfWork) -> None:
        message = received.message
        if message.name in refused_names:
            raise Conflict(f"{message.name} is not wanted.")
        statement = upsert(heard).values(store_id=message.store_id, name=message.name)
        await work.connection.execute(
            statement.on_conflict_do_update(index_elements=["store_id"], set_={"name": statement.excluded.name})
        )

    return Service(routers=[router], consumers=[Consumer("echo.stores", {StoreChanged: on_store})])


toy = ServiceDefinition("toy", "Keeps stores", ToySettings, toy_metadata, MIGRATIONS / "toy_migrations", build_toy)
echo = ServiceDefinition("echo", "Repeats", ToySettings, echo_metadata, MIGRATIONS / "echo_migrations", build_echo)
