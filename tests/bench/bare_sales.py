"""The same rows without us: what one sale writes, replayed by bare psycopg over asynchronous connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from libs.contracts.sales import SaleCompleted
from libs.persistence import new_id
from services.sales.domain.completion import contributions_of
from services.sales.domain.totals import merged

_INSERT_SALE = """
insert into sales.sales (sale_id, kind, store_id, till_id, shift_id, number, sequence, receipt_code, business_date,
  completed_at, total_minor, request_hash, document)
values (%(sale_id)s, %(kind)s, %(store_id)s, %(till_id)s, %(shift_id)s, %(number)s, %(sequence)s, %(receipt_code)s,
  %(business_date)s, %(completed_at)s, %(total_minor)s, %(request_hash)s, %(document)s)
"""
_COUNT = """
insert into sales.till_counters (till_id, last_number, held_count, last_z_number) values (%(till_id)s, 1, 1, 0)
on conflict (till_id) do update
  set last_number = till_counters.last_number + 1, held_count = till_counters.held_count + 1
returning last_number
"""
_ADD_TOTALS = """
insert into sales.shift_totals (shift_id, kind, key, count, amount_minor, second_minor)
select %(shift_id)s, * from unnest(%(kinds)s::text[], %(keys)s::text[], %(counts)s::bigint[], %(amounts)s::bigint[],
  %(seconds)s::bigint[])
on conflict (shift_id, kind, key) do update set count = shift_totals.count + excluded.count,
  amount_minor = shift_totals.amount_minor + excluded.amount_minor,
  second_minor = shift_totals.second_minor + excluded.second_minor
"""
_RECORD_NUMBER = """
update sales.shifts set first_number = least(first_number, %(number)s), last_number = greatest(last_number, %(number)s)
where shift_id = %(shift_id)s
"""
_INSERT_OUTBOX = """
insert into sales.outbox (id, partition, key, type, kind, routing_key, headers, body, created_at, expires_at, sent_at)
values (%(id)s, %(partition)s, %(key)s, %(type)s, %(kind)s, %(routing_key)s, %(headers)s, %(body)s, %(created_at)s,
  %(expires_at)s, %(created_at)s)
"""
# As sent already, or the service's relay would publish these rows while they are measured.


@dataclass(frozen=True)
class Captured:
    """The rows of one sale as the service wrote them."""

    sale: dict[str, Any]
    outbox: dict[str, Any]
    totals: dict[str, Any]


def capture(database_url: str) -> Captured:
    """The rows of a sale of middling size."""
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        sale = connection.execute(
            "select * from sales.sales order by pg_column_size(document)"
            " offset (select count(*) / 2 from sales.sales) limit 1"
        ).fetchone()
        assert sale is not None
        outbox = connection.execute("select * from sales.outbox where key = %s", [str(sale["sale_id"])]).fetchone()
        assert outbox is not None
    additions = merged(contributions_of(SaleCompleted.model_validate(sale["document"])))
    totals = {
        "kinds": [each.kind for each in additions],
        "keys": [each.key for each in additions],
        "counts": [each.count for each in additions],
        "amounts": [each.amount_minor for each in additions],
        "seconds": [each.second_minor for each in additions],
    }
    return Captured(
        {**sale, "document": Jsonb(sale["document"])}, {**outbox, "headers": Jsonb(outbox["headers"])}, totals
    )


async def replay(
    database_url: str, captured: Captured, till_ids: Sequence[UUID], shift_ids: Sequence[UUID], measured_s: float
) -> float:
    """Transactions per second, one connection for each till; each transaction is one sale with ids of its own."""
    connections = [await psycopg.AsyncConnection.connect(database_url) for _ in till_ids]
    end = time.perf_counter() + measured_s
    try:
        counts = await asyncio.gather(
            *(
                _till(connection, captured, till_id, shift_id, end)
                for connection, till_id, shift_id in zip(connections, till_ids, shift_ids, strict=True)
            )
        )
    finally:
        for connection in connections:
            await connection.close()
    return sum(counts) / measured_s


async def _till(
    connection: psycopg.AsyncConnection[Any], captured: Captured, till_id: UUID, shift_id: UUID, end: float
) -> int:
    count = 0
    while time.perf_counter() < end:
        sale_id, message_id = new_id(), new_id()
        async with connection.transaction():
            counted = await (await connection.execute(_COUNT, {"till_id": till_id})).fetchone()
            assert counted is not None
            number = counted[0]
            await connection.execute(
                _INSERT_SALE,
                {
                    **captured.sale,
                    "sale_id": sale_id,
                    "till_id": till_id,
                    "shift_id": shift_id,
                    "number": number,
                    "receipt_code": str(sale_id),
                },
            )
            await connection.execute(_ADD_TOTALS, {**captured.totals, "shift_id": shift_id})
            await connection.execute(_RECORD_NUMBER, {"shift_id": shift_id, "number": number})
            await connection.execute(_INSERT_OUTBOX, {**captured.outbox, "id": message_id, "key": str(sale_id)})
        count += 1
    return count
