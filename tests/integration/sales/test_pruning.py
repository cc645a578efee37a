"""What sales forgets, and what it never forgets."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from libs.persistence import Database, new_id
from libs.persistence.idempotency import IdempotencyStore
from services.sales.domain.receipt_email import EmailState, ReceiptEmail
from services.sales.jobs import prune
from services.sales.settings import SalesSettings
from services.sales.storage.receipt_emails import ReceiptEmailRepository
from services.sales.storage.tables import idempotency_keys
from tests.integration.sales.shift_shop import Shop, answered


async def test_baskets_that_ended_long_ago_are_forgotten_and_their_documents_are_not(shop: Shop) -> None:
    person = await shop.cashier()
    await person.opens()
    baskets = [answered(await person.post("/baskets", {"currency": "PLN"}), 201)["basket_id"] for _ in range(3)]
    completed, cancelled, still_open = baskets
    answered(await person.post(f"/baskets/{completed}/lines", {"code": "bread"}), 201)
    answered(await person.post(f"/baskets/{completed}/tenders", {"kind": "cash", "given_minor": 450}), 201)
    document = answered(await person.post(f"/baskets/{completed}/complete", {}), 201)
    answered(await person.post(f"/baskets/{cancelled}/cancel", {}), 200)

    async def left() -> set[str]:
        async with shop.database.reading() as connection:
            rows = await connection.execute(text("select basket_id from baskets"))
            return {str(row.basket_id) for row in rows} & set(baskets)

    store = IdempotencyStore(idempotency_keys)
    await prune(shop.database, store, SalesSettings())
    assert await left() == set(baskets)
    async with shop.database.transaction() as work:
        await work.connection.execute(
            text("update baskets set updated_at = updated_at - interval '400 days' where basket_id = any(:ids)"),
            {"ids": baskets},
        )
    later = Database(shop.database.engine, clock=lambda: shop.clock() + timedelta(days=36))
    await prune(later, store, SalesSettings())
    assert await left() == {still_open}
    assert answered(await person.get(f"/sales/{completed}"), 200)["sale"] == document
    async with shop.database.reading() as connection:
        answers = (await connection.execute(text("select count(*) from idempotency_keys"))).scalar_one()
    assert answers == 0


async def test_mails_and_their_addresses_are_forgotten_sent_or_not(shop: Shop) -> None:
    person = await shop.cashier()
    await person.opens()
    sold = await person.sells(["bread"], {"kind": "cash", "given_minor": 450})
    settings = SalesSettings(receipt_mail_keep_days=10)
    now = shop.clock()
    emails = [
        ReceiptEmail(new_id(), UUID(sold["sale_id"]), "a@example.org", "en", state, 0, None, asked_at, asked_at)
        for state in (EmailState.QUEUED, EmailState.SENT)
        for asked_at in (now - timedelta(days=11), now - timedelta(days=9))
    ]
    async with shop.database.transaction() as work:
        for email in emails:
            await ReceiptEmailRepository(work.connection).add(email)
    await prune(shop.database, IdempotencyStore(idempotency_keys), settings)
    async with shop.database.reading() as connection:
        left = await ReceiptEmailRepository(connection).of_sale(UUID(sold["sale_id"]), limit=10)
    assert {email.email_id for email in left} == {
        email.email_id for email in emails if email.requested_at > now - timedelta(days=10)
    }
