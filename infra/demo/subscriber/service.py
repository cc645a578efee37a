"""A subscriber to sale events, as an integrator would write one: it keeps each document once and says what it holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import BigInteger, Column, Index, MetaData, Table, Text, func, select
from sqlalchemy.dialects.postgresql import insert

from libs.bus.consumer import ProjectionConsumer, Received
from libs.bus.tables import messaging_tables
from libs.contracts.sales import SaleCompleted
from libs.host.service import Service, ServiceContext, ServiceDefinition
from libs.persistence import MinorUnits, UnitOfWork, identifier
from libs.web.transactions import Reading

metadata = MetaData(schema="subscriber")
messaging_tables(metadata, "subscriber")

received_sales = Table(
    "received_sales",
    metadata,
    identifier("sale_id", primary_key=True),
    identifier("till_id", nullable=False),
    Column("kind", Text, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("total_minor", MinorUnits, nullable=False),
    # How often the event took effect here: once, or the promise is broken.
    Column("effects", BigInteger, nullable=False),
    Index("received_sales_till", "till_id", "number"),
)


class SubscriberSettings(BaseSettings):
    """No settings of its own."""

    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_SUBSCRIBER_")


class TillSummary(BaseModel):
    """What is held of one till: documents, their sum in minor units, and how many took effect more than once."""

    till_id: UUID
    documents: int
    total_minor: int
    repeated: int


router = APIRouter()


@router.get("/tills", summary="What this subscriber has received, by till")
async def tills(reading: Reading) -> list[TillSummary]:
    """One entry for each till that has sold."""
    table = received_sales
    rows = await reading.execute(
        select(
            table.c.till_id,
            func.count().label("documents"),
            func.sum(table.c.total_minor).label("total_minor"),
            func.count().filter(table.c.effects > 1).label("repeated"),
        ).group_by(table.c.till_id)
    )
    return [TillSummary(**row._mapping) for row in rows]


async def keep(sales: Sequence[Received[SaleCompleted]], work: UnitOfWork) -> None:
    """Keep the documents of one batch."""
    values: list[dict[str, Any]] = [
        {
            "sale_id": received.message.sale_id,
            "till_id": received.message.till_id,
            "kind": received.message.kind,
            "number": received.message.number,
            "total_minor": received.message.total_minor,
            "effects": 1,
        }
        for received in sales
    ]
    statement = insert(received_sales).values(values)
    await work.connection.execute(
        statement.on_conflict_do_update(
            index_elements=[received_sales.c.sale_id], set_={"effects": received_sales.c.effects + 1}
        )
    )


def build(_context: ServiceContext[SubscriberSettings]) -> Service:
    """Wire the subscriber."""
    return Service(
        routers=[router], consumers=[ProjectionConsumer("subscriber.sales", [SaleCompleted], keep, queue_count=2)]
    )


definition = ServiceDefinition(
    name="subscriber",
    summary="An example of an integrator: keeps every sale event it receives.",
    settings=SubscriberSettings,
    metadata=metadata,
    migrations=Path(__file__).parent / "migrations",
    build=build,
)
