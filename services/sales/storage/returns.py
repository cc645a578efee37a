"""What came back of each sale and what was given back of each tender: one limit for the whole chain (retail rule 8).

Every claim is one conditional statement, so that of two tills claiming the same unit exactly one succeeds whatever
they read before; rows are claimed in the order of their keys, so that two documents never wait for each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Uuid, column, delete, select, update, values
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.sales import SaleCompleted
from libs.persistence import Connection
from services.sales.domain.refunds import RefundClaim, refund_over_paid
from services.sales.domain.returning import Original, ReturnClaim, over_sold
from services.sales.storage.tables import refunded_tenders, return_terms, returned_lines, sales


class ReturnsRepository:
    """Reads and claims on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def originals(self, sale_ids: Collection[UUID], *, lock: bool = False) -> dict[UUID, Original]:
        """The documents of these ids, with what has come back of each; unknown ids are left out.

        `lock` holds their rows until the end of the transaction, which puts returns and voids of one sale in a row.
        """
        if not sale_ids:
            return {}
        query = (
            select(sales.c.sale_id, sales.c.document, sales.c.voided_by_sale_id, return_terms.c.facts)
            .outerjoin_from(sales, return_terms, return_terms.c.sale_id == sales.c.sale_id)
            .where(sales.c.sale_id.in_(set(sale_ids)))
            .order_by(sales.c.sale_id)
        )
        locking = query.with_for_update(key_share=True, of=sales)
        rows = (await self._connection.execute(locking if lock else query)).all()
        returned = await self._returned([row.sale_id for row in rows])
        refunded = await self._refunded([row.sale_id for row in rows])
        return {
            row.sale_id: Original(
                SaleCompleted.model_validate(row.document, extra="ignore"),
                row.voided_by_sale_id,
                returned[row.sale_id],
                refunded[row.sale_id],
                row.facts,
            )
            for row in rows
        }

    async def keep_terms(self, sale_id: UUID, facts: Mapping[str, Any]) -> None:
        """Keep what a return of the document to come will need."""
        await self._connection.execute(insert(return_terms).values(sale_id=sale_id, facts=facts))

    async def forget_terms(self, sale_id: UUID) -> None:
        """Undo `keep_terms`: the price that they belong to is not frozen any more."""
        await self._connection.execute(delete(return_terms).where(return_terms.c.sale_id == sale_id))

    async def claim(self, claims: Sequence[ReturnClaim]) -> None:
        """Take the quantities out of what may still come back. Raises AlreadyReturned naming how much is left."""
        wanted = _summed(claims)
        if not wanted:
            return
        for claim in wanted:
            if claim.milli > claim.sold_milli:
                raise over_sold(claim, already_milli=0)
        statement = insert(returned_lines).values(
            [
                {
                    "sale_id": claim.sale_id,
                    "line_id": claim.line_id,
                    "sold_milli": claim.sold_milli,
                    "returned_milli": claim.milli,
                }
                for claim in wanted
            ]
        )
        after = returned_lines.c.returned_milli + statement.excluded.returned_milli
        statement = statement.on_conflict_do_update(
            index_elements=["sale_id", "line_id"],
            set_={"returned_milli": after},
            where=after <= returned_lines.c.sold_milli,
        )
        taken = await self._connection.execute(statement.returning(returned_lines.c.sale_id, returned_lines.c.line_id))
        claimed = {(row.sale_id, row.line_id) for row in taken}
        for claim in wanted:
            if (claim.sale_id, claim.line_id) not in claimed:
                already = (await self._returned([claim.sale_id]))[claim.sale_id].get(claim.line_id, 0)
                raise over_sold(claim, already_milli=already)

    async def release(self, claims: Sequence[ReturnClaim]) -> None:
        """Undo `claim`: the return was voided, so the goods may come back again."""
        wanted = _summed(claims)
        if not wanted:
            return
        table = values(
            column("sale_id", Uuid()), column("line_id", Uuid()), column("milli", BigInteger()), name="given_up"
        ).data([(claim.sale_id, claim.line_id, claim.milli) for claim in wanted])
        await self._connection.execute(
            update(returned_lines)
            .values(returned_milli=returned_lines.c.returned_milli - table.c.milli)
            .where(returned_lines.c.sale_id == table.c.sale_id, returned_lines.c.line_id == table.c.line_id)
        )

    async def claim_refunds(self, claims: Sequence[RefundClaim]) -> None:
        """Take the amounts out of what each tender may still give back. Raises RefundOverPaid naming what is left."""
        wanted = _summed_refunds(claims)
        if not wanted:
            return
        for claim in wanted:
            if claim.refund_minor > claim.paid_minor:
                raise refund_over_paid(claim, already_minor=0)
        statement = insert(refunded_tenders).values(
            [
                {
                    "sale_id": claim.sale_id,
                    "tender_id": claim.tender_id,
                    "paid_minor": claim.paid_minor,
                    "refunded_minor": claim.refund_minor,
                }
                for claim in wanted
            ]
        )
        after = refunded_tenders.c.refunded_minor + statement.excluded.refunded_minor
        statement = statement.on_conflict_do_update(
            index_elements=["sale_id", "tender_id"],
            set_={"refunded_minor": after},
            where=after <= refunded_tenders.c.paid_minor,
        )
        taken = await self._connection.execute(
            statement.returning(refunded_tenders.c.sale_id, refunded_tenders.c.tender_id)
        )
        claimed = {(row.sale_id, row.tender_id) for row in taken}
        for claim in wanted:
            if (claim.sale_id, claim.tender_id) not in claimed:
                already = (await self._refunded([claim.sale_id]))[claim.sale_id].get(claim.tender_id, 0)
                raise refund_over_paid(claim, already_minor=already)

    async def release_refunds(self, claims: Sequence[RefundClaim]) -> None:
        """Undo `claim_refunds`: the return was voided and the money came back."""
        wanted = _summed_refunds(claims)
        if not wanted:
            return
        table = values(
            column("sale_id", Uuid()), column("tender_id", Uuid()), column("minor", BigInteger()), name="given_up"
        ).data([(claim.sale_id, claim.tender_id, claim.refund_minor) for claim in wanted])
        await self._connection.execute(
            update(refunded_tenders)
            .values(refunded_minor=refunded_tenders.c.refunded_minor - table.c.minor)
            .where(refunded_tenders.c.sale_id == table.c.sale_id, refunded_tenders.c.tender_id == table.c.tender_id)
        )

    async def _returned(self, sale_ids: Collection[UUID]) -> defaultdict[UUID, dict[UUID, int]]:
        found: defaultdict[UUID, dict[UUID, int]] = defaultdict(dict)
        if sale_ids:
            table = returned_lines
            query = select(table.c.sale_id, table.c.line_id, table.c.returned_milli).where(
                table.c.sale_id.in_(sale_ids)
            )
            for row in await self._connection.execute(query):
                found[row.sale_id][row.line_id] = row.returned_milli
        return found

    async def _refunded(self, sale_ids: Collection[UUID]) -> defaultdict[UUID, dict[UUID, int]]:
        found: defaultdict[UUID, dict[UUID, int]] = defaultdict(dict)
        if sale_ids:
            table = refunded_tenders
            query = select(table.c.sale_id, table.c.tender_id, table.c.refunded_minor).where(
                table.c.sale_id.in_(sale_ids)
            )
            for row in await self._connection.execute(query):
                found[row.sale_id][row.tender_id] = row.refunded_minor
        return found


def _summed(claims: Sequence[ReturnClaim]) -> list[ReturnClaim]:
    """One claim per line, in the order of the keys."""
    sums: dict[tuple[UUID, UUID], ReturnClaim] = {}
    for claim in claims:
        key = (claim.sale_id, claim.line_id)
        sums[key] = claim if key not in sums else sums[key].plus(claim.milli)
    return [sums[key] for key in sorted(sums)]


def _summed_refunds(claims: Sequence[RefundClaim]) -> list[RefundClaim]:
    """One claim per tender, in the order of the keys."""
    sums: dict[tuple[UUID, UUID], RefundClaim] = {}
    for claim in claims:
        key = (claim.sale_id, claim.tender_id)
        sums[key] = claim if key not in sums else sums[key].plus(claim.refund_minor)
    return [sums[key] for key in sorted(sums)]
