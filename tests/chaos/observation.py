"""What the system holds when all is quiet, asked of its databases and of its API."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from infra.demo.api import Api
from libs.testkit.history import Document, FinalState, TillState

SCHEMAS = ("identity", "catalog", "sales", "subscriber")
QUIET_WITHIN_S = 90.0
POLL_S = 0.25

_STORED = """
select sale_id::text, till_id::text, number, total_minor,
  (select sum((tender ->> 'given_minor')::bigint - coalesce((tender ->> 'change_minor')::bigint, 0))
   from jsonb_array_elements(document -> 'tenders') as tender)::bigint as cash_minor
from sales.sales
"""
_HEARD = "select sale_id::text, till_id::text, number, total_minor, effects from subscriber.received_sales"


async def observe(database_url: str, office: Api, shifts: dict[str, str], float_minor: int) -> FinalState:
    """Wait until every message has had its effect, or QUIET_WITHIN_S; `shifts` maps tills to their open shifts."""
    remaining = await _quiet(database_url)
    async with await psycopg.AsyncConnection.connect(database_url, row_factory=dict_row) as connection:
        stored = [Document(**row) for row in await _rows(connection, _STORED)]
        heard = [Document(**row) for row in await _rows(connection, _HEARD)]
    tills = [await _till(office, till_id, shift_id, float_minor) for till_id, shift_id in shifts.items()]
    return FinalState(stored, heard, tills, remaining)


async def _quiet(database_url: str) -> dict[str, int]:
    deadline = asyncio.get_running_loop().time() + QUIET_WITHIN_S
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True, row_factory=dict_row) as connection:
        while True:
            remaining = await _remaining(connection)
            if not remaining or asyncio.get_running_loop().time() > deadline:
                return remaining
            await asyncio.sleep(POLL_S)


async def _remaining(connection: psycopg.AsyncConnection[dict[str, Any]]) -> dict[str, int]:
    """Messages not sent, not handled or dead, by place; and documents that the subscriber has not heard of."""
    counts: dict[str, int] = {}
    for schema in SCHEMAS:
        for row in await _rows(
            connection,
            f"select 'outbox' as place, count(*) from {schema}.outbox where sent_at is null or failure is not null "
            f"union all select 'inbox ' || status, count(*) from {schema}.inbox where status <> 'done' group by status",
        ):
            counts[f"{schema} {row['place']}"] = row["count"]
    for name, consumer in (("the subscriber", "subscriber.sales"), ("the stock", "catalog.stock")):
        schema = consumer.partition(".")[0]
        [row] = await _rows(
            connection,
            "select count(*) from sales.outbox sent where type = 'tillstream.sales.sale_completed.v1' and not exists "
            f"(select from {schema}.inbox where message_id = sent.id::text and consumer = '{consumer}')",
        )
        counts[f"the way to {name}"] = row["count"]
    return {place: count for place, count in counts.items() if count}


async def _till(office: Api, till_id: str, shift_id: str, float_minor: int) -> TillState:
    held = await office.get(f"/sales/v1/tills/{till_id}/continuity")
    report = await office.get(f"/sales/v1/shifts/{shift_id}/x-report")
    return TillState(
        till_id=till_id,
        through_number=held["through_number"],
        held_count=held["held_count"],
        missing_count=held["missing_count"],
        report_documents=report["document_count"],
        report_total_minor=report["total_minor"],
        float_minor=float_minor,
        expected_cash_minor=report["cash"]["expected_minor"],
    )


async def _rows(connection: psycopg.AsyncConnection[dict[str, Any]], query: str) -> Sequence[dict[str, Any]]:
    return await (await connection.execute(query.encode())).fetchall()
