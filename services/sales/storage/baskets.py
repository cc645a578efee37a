"""Baskets, one row each: what the cashier entered as JSON, and in columns what baskets are found by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Row, cast, delete, func, select, text, true, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from libs.contracts.refusal import Conflict
from libs.contracts.sales import LineFacts
from libs.money import Quantity
from libs.persistence import Connection
from services.sales.domain.basket import Basket, BasketLine, BasketState, ReturnReference
from services.sales.domain.tender import Tender, TenderKind, TenderState, Why
from services.sales.storage.tables import baskets


class BasketChanged(Conflict):
    """Somebody else changed the basket meanwhile: read it again and repeat."""

    type = "basket-changed"


class BasketIdTaken(Conflict):
    """A basket with this id exists already."""

    type = "basket-id-taken"


@dataclass(frozen=True, slots=True)
class ListedBasket:
    """A basket in a list. `total_minor` is what it came to when it was last changed, at `updated_at`."""

    basket: Basket
    total_minor: int
    updated_at: datetime


_LINES = TypeAdapter(tuple[LineFacts, ...])
_COLUMNS = (
    baskets.c.basket_id,
    baskets.c.store_id,
    baskets.c.till_id,
    baskets.c.state,
    baskets.c.version,
    baskets.c.contents,
    baskets.c.opened_at,
)


class BasketRepository:
    """Reads and writes baskets on one connection. `updated_at` is the database's time: it orders lists, no more."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, basket_id: UUID) -> Basket | None:
        """The basket with this id."""
        row = (await self._connection.execute(select(*_COLUMNS).where(baskets.c.basket_id == basket_id))).first()
        return None if row is None else _basket(row)

    async def get_for_update(self, basket_id: UUID) -> Basket | None:
        """The basket, its row locked until the transaction ends: of two changes at once the second waits."""
        statement = select(*_COLUMNS).where(baskets.c.basket_id == basket_id).with_for_update()
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _basket(row)

    async def add(self, basket: Basket, total_minor: int) -> None:
        """Store a new basket. Raises BasketIdTaken."""
        row = {"basket_id": basket.basket_id, "opened_at": basket.opened_at, **_changing(basket, total_minor)}
        statement = insert(baskets).values(row).on_conflict_do_nothing().returning(baskets.c.basket_id)
        if (await self._connection.execute(statement)).first() is None:
            raise BasketIdTaken(f"There already is a basket {basket.basket_id}.", field="basket_id")

    async def save(self, basket: Basket, total_minor: int) -> None:
        """Store the next version of a basket; its quote stays. Raises BasketChanged if it is not the next."""
        statement = (
            update(baskets)
            .where(baskets.c.basket_id == basket.basket_id, baskets.c.version == basket.version - 1)
            .values(_changing(basket, total_minor))
            .returning(baskets.c.basket_id)
        )
        if (await self._connection.execute(statement)).first() is None:
            raise BasketChanged("The basket was changed meanwhile. Read it again, then repeat.", field="version")

    async def quote(self, basket_id: UUID) -> tuple[LineFacts, ...] | None:
        """The lines as frozen by the first tender, or None while prices still follow the catalogue."""
        stored = await self._connection.execute(select(baskets.c.quote).where(baskets.c.basket_id == basket_id))
        lines = stored.scalar_one_or_none()
        return None if lines is None else _LINES.validate_python(lines)

    async def total_minor(self, basket_id: UUID) -> int:
        """What the basket (which is there) came to when it was last changed, in minor units."""
        query = select(baskets.c.total_minor).where(baskets.c.basket_id == basket_id)
        total: int = (await self._connection.execute(query)).scalar_one()
        return total

    async def set_quote(self, basket_id: UUID, lines: Sequence[LineFacts] | None) -> None:
        """Freeze the lines of a basket (whose row the caller has locked), or let prices follow the catalogue again."""
        quote = None if lines is None else [line.model_dump(mode="json") for line in lines]
        await self._connection.execute(update(baskets).where(baskets.c.basket_id == basket_id).values(quote=quote))

    async def suspended(
        self, store_id: UUID, row_count: int, after: tuple[datetime, UUID] | None
    ) -> Sequence[ListedBasket]:
        """The suspended baskets of a store, the longest waiting first, from the one behind `after` on."""
        statement = select(*_COLUMNS, baskets.c.total_minor, baskets.c.updated_at).where(
            baskets.c.store_id == store_id, baskets.c.state == BasketState.SUSPENDED.value
        )
        if after is not None:
            statement = statement.where(tuple_(baskets.c.updated_at, baskets.c.basket_id) > after)
        rows = await self._connection.execute(
            statement.order_by(baskets.c.updated_at, baskets.c.basket_id).limit(row_count)
        )
        return [ListedBasket(_basket(row), row.total_minor, row.updated_at) for row in rows]

    async def promised_cash_back(self, store_id: UUID, till_id: UUID) -> int:
        """What baskets that are being paid at a till will still pay out of its drawer, in minor units."""
        tender = func.jsonb_array_elements(baskets.c.contents["tenders"]).table_valued("value").render_derived()
        facts = cast(tender.c.value, JSONB)
        promised = await self._connection.scalar(
            select(func.sum(facts["cash_back_minor"].as_integer()))
            .select_from(baskets.join(tender, true()))
            .where(
                baskets.c.store_id == store_id,
                # Written out, so that the partial index is seen to apply.
                text("baskets.state = 'paying'"),
                baskets.c.till_id == till_id,
                facts["state"].as_string().in_([TenderState.REQUESTED, TenderState.UNKNOWN, TenderState.AUTHORIZED]),
            )
        )
        return int(promised or 0)

    async def forget_finished(self, before: datetime, row_count: int) -> int:
        """Delete up to `row_count` completed and cancelled baskets last changed before `before`; returns how many."""
        finished = (BasketState.COMPLETED.value, BasketState.CANCELLED.value)
        old = (
            select(baskets.c.basket_id)
            .where(baskets.c.updated_at < before, baskets.c.state.in_(finished))
            .order_by(baskets.c.updated_at)
            .limit(row_count)
            .with_for_update(skip_locked=True)
        )
        deleted = await self._connection.execute(
            delete(baskets).where(baskets.c.basket_id.in_(old)).returning(baskets.c.basket_id)
        )
        return len(deleted.all())


def _changing(basket: Basket, total_minor: int) -> dict[str, Any]:
    return {
        "store_id": basket.store_id,
        "till_id": basket.till_id,
        "state": basket.state.value,
        "version": basket.version,
        "total_minor": total_minor,
        "contents": _contents(basket),
        "updated_at": func.now(),
    }


def _contents(basket: Basket) -> dict[str, Any]:
    return {
        "staff_id": basket.staff_id,
        "currency": basket.currency,
        "lines": [_line_facts(line) for line in basket.lines],
        "percent_discount_ppm": basket.percent_discount_ppm,
        "amount_discount_minor": basket.amount_discount_minor,
        "discount_reason": basket.discount_reason,
        "discount_approved_by": basket.discount_approved_by,
        "coupons": basket.coupons,
        "customer_id": basket.customer_id,
        "customer_groups": basket.customer_groups,
        "note": basket.note,
        "age_confirmed_years": basket.age_confirmed_years,
        "tenders": [_tender_facts(tender) for tender in basket.tenders],
        "approved_by": basket.approved_by,
        "receipt_email": basket.receipt_email,
    }


def _basket(row: Row[*tuple[Any, ...]]) -> Basket:
    contents: Mapping[str, Any] = row.contents
    return Basket(
        basket_id=row.basket_id,
        store_id=row.store_id,
        till_id=row.till_id,
        staff_id=UUID(contents["staff_id"]),
        currency=contents["currency"],
        opened_at=row.opened_at,
        state=BasketState(row.state),
        version=row.version,
        lines=tuple(_line(facts) for facts in contents["lines"]),
        percent_discount_ppm=contents["percent_discount_ppm"],
        amount_discount_minor=contents["amount_discount_minor"],
        discount_reason=contents["discount_reason"],
        discount_approved_by=_id(contents["discount_approved_by"]),
        coupons=tuple(contents["coupons"]),
        customer_id=_id(contents["customer_id"]),
        customer_groups=tuple(contents["customer_groups"]),
        note=contents["note"],
        age_confirmed_years=contents["age_confirmed_years"],
        tenders=tuple(_tender(facts) for facts in contents["tenders"]),
        approved_by=_id(contents["approved_by"]),
        receipt_email=contents.get("receipt_email"),
    )


def _line_facts(line: BasketLine) -> dict[str, Any]:
    returns = line.returns
    return {
        "line_id": line.line_id,
        "product_id": line.product_id,
        "quantity_milli": line.quantity.milli,
        "scanned": line.scanned,
        "price_override_minor": line.price_override_minor,
        "price_override_reason": line.price_override_reason,
        "percent_discount_ppm": line.percent_discount_ppm,
        "amount_discount_minor": line.amount_discount_minor,
        "discount_reason": line.discount_reason,
        "returns": returns and {"sale_id": returns.sale_id, "line_id": returns.line_id, "reason": returns.reason},
        "return_reason": line.return_reason,
        "approved_by": line.approved_by,
        "price_from_code": line.price_from_code,
        "label_amount_minor": line.label_amount_minor,
    }


def _line(facts: Mapping[str, Any]) -> BasketLine:
    returns = facts["returns"]
    return BasketLine(
        line_id=UUID(facts["line_id"]),
        product_id=UUID(facts["product_id"]),
        quantity=Quantity(facts["quantity_milli"]),
        scanned=facts["scanned"],
        price_override_minor=facts["price_override_minor"],
        price_override_reason=facts["price_override_reason"],
        percent_discount_ppm=facts["percent_discount_ppm"],
        amount_discount_minor=facts["amount_discount_minor"],
        discount_reason=facts["discount_reason"],
        returns=returns and ReturnReference(UUID(returns["sale_id"]), UUID(returns["line_id"]), returns["reason"]),
        return_reason=facts["return_reason"],
        approved_by=_id(facts["approved_by"]),
        price_from_code=facts["price_from_code"],
        label_amount_minor=facts.get("label_amount_minor"),
    )


def _tender_facts(tender: Tender) -> dict[str, Any]:
    return {
        "tender_id": tender.tender_id,
        "kind": tender.kind.value,
        "state": tender.state.value,
        "amount_minor": tender.amount_minor,
        "given_minor": tender.given_minor,
        "change_minor": tender.change_minor,
        "rounding_minor": tender.rounding_minor,
        "foreign_currency": tender.foreign_currency,
        "foreign_minor": tender.foreign_minor,
        "exchange_rate": tender.exchange_rate,
        "reference": tender.reference,
        "original_tender_id": tender.original_tender_id,
        "tip_minor": tender.tip_minor,
        "cash_back_minor": tender.cash_back_minor,
        "instalments": tender.instalments,
        "scheme": tender.scheme,
        "masked_number": tender.masked_number,
        "approval_code": tender.approval_code,
        "signature_required": tender.signature_required,
        "why": tender.why and {"reason": tender.why.reason, "reason_code": tender.why.reason_code},
    }


def _tender(facts: Mapping[str, Any]) -> Tender:
    why = facts.get("why")
    return Tender(
        tender_id=UUID(facts["tender_id"]),
        kind=TenderKind(facts["kind"]),
        state=TenderState(facts["state"]),
        amount_minor=facts["amount_minor"],
        given_minor=facts["given_minor"],
        change_minor=facts["change_minor"],
        rounding_minor=facts["rounding_minor"],
        foreign_currency=facts["foreign_currency"],
        foreign_minor=facts["foreign_minor"],
        exchange_rate=facts["exchange_rate"],
        reference=facts["reference"],
        original_tender_id=_id(facts["original_tender_id"]),
        # Baskets of before know nothing of these.
        tip_minor=facts.get("tip_minor", 0),
        cash_back_minor=facts.get("cash_back_minor", 0),
        instalments=facts.get("instalments"),
        scheme=facts.get("scheme"),
        masked_number=facts.get("masked_number"),
        approval_code=facts.get("approval_code"),
        signature_required=facts.get("signature_required", False),
        why=Why(**why) if why else None,
    )


def _id(text: str | None) -> UUID | None:
    return None if text is None else UUID(text)
