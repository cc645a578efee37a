"""Receipts, copies and mails over HTTP; mail through a real SMTP server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email import message_from_bytes, policy
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from libs.contracts.permissions import CASHIER, Permission
from libs.persistence import new_id
from libs.testkit.databases import DatabaseServer
from services.sales.gateways.mail import SmtpMail, SmtpServer
from services.sales.price_books import PriceBooks
from services.sales.receipt_mail_job import ReceiptMailer, receipt_mail_job
from services.sales.settings import SalesSettings
from tests.integration.sales.shift_shop import Person, Shop, answered, open_shop, refused
from tests.unit.sales.test_receipt_email import Mailbox, listening

pytestmark = pytest.mark.anyio

MAILING = SalesSettings(
    smtp_host="127.0.0.1",
    mail_from="receipts@shop.example",
    receipt_mails_per_sale=2,
    receipt_mail_attempts=2,
    receipt_mail_first_retry_s=0.001,
)


@pytest.fixture(scope="module")
async def shop(postgres_server: DatabaseServer, monkeypatch_module: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    # The mails are sent by the tests, when they want them sent: the service's own timer sleeps for an hour.
    monkeypatch_module.setenv("TILLSTREAM_SALES_SMTP_HOST", "127.0.0.1")
    monkeypatch_module.setenv("TILLSTREAM_SALES_MAIL_FROM", "receipts@shop.example")
    monkeypatch_module.setenv("TILLSTREAM_SALES_RECEIPT_MAILS_PER_SALE", "2")
    monkeypatch_module.setenv("TILLSTREAM_SALES_RECEIPT_MAIL_EVERY_S", "3600")
    async with open_shop(postgres_server) as opened:
        yield opened


@pytest.fixture(scope="module")
def monkeypatch_module() -> Any:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture
async def anna(shop: Shop) -> Person:
    person = await shop.cashier()
    await person.opens()
    return person


async def tea(person: Person) -> str:
    sold = await person.sells(["tea"], {"kind": "cash", "given_minor": 2_000})
    return str(sold["sale_id"])


async def test_a_receipt_is_a_document_a_text_and_a_page_that_say_the_same(anna: Person) -> None:
    sale_id = await tea(anna)
    receipt = answered(await anna.get(f"/sales/{sale_id}/receipt"), 200)
    assert receipt["header"]["title"] == "Receipt"
    assert (receipt["total"]["amount_minor"], receipt["total"]["text"]) == (1_298, "12,98\N{NO-BREAK SPACE}PLN")
    assert [(each["label"], each["amount_minor"]) for each in receipt["payments"]] == [
        ("Rounding", 2),
        ("Cash", 2_000),
        ("Change", -700),
    ]
    printed = await anna.get(f"/sales/{sale_id}/receipt.txt")
    assert printed.headers["content-type"] == "text/plain; charset=utf-8"
    assert "TOTAL                            12,98 PLN" in printed.text
    page = await anna.get(f"/sales/{sale_id}/receipt.html")
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "12,98\N{NO-BREAK SPACE}PLN" in page.text
    assert receipt["receipt_code"] in printed.text


@pytest.mark.parametrize(
    ("language", "title"),
    [
        ("en", "Receipt"),
        ("pl", "Potwierdzenie zakupu"),
        ("ru", "Товарный чек"),
        ("mn", "Баримт"),
        ("de", "Kassenbeleg"),
    ],
)
async def test_a_receipt_is_given_in_five_languages(anna: Person, language: str, title: str) -> None:
    sale_id = await tea(anna)
    printed = await anna.get(f"/sales/{sale_id}/receipt.txt?language={language}")
    assert (printed.status_code, printed.headers["content-language"]) == (200, language)
    assert title in printed.text


async def test_an_unknown_language_or_copy_is_refused(anna: Person) -> None:
    sale_id = await tea(anna)
    refused(await anna.get(f"/sales/{sale_id}/receipt?language=fr"), 422, "invalid-request", "query.language")
    refused(await anna.get(f"/sales/{sale_id}/receipt?copy=1"), 404, "unknown-copy", "copy")
    refused(await anna.get(f"/sales/{new_id()}/receipt"), 404, "unknown-receipt", "sale_id")


async def test_a_reprint_is_counted_and_marked_as_a_copy(shop: Shop, anna: Person) -> None:
    sale_id = await tea(anna)
    first = answered(await anna.post(f"/sales/{sale_id}/reprints", {}), 201)
    assert (first["copy_number"], first["receipt"]["header"]["marks"]) == (1, ["COPY 1"])
    assert "*** COPY 1 ***" in first["text"]
    body = {"reprint_id": str(new_id()), "language": "pl"}
    second = answered(await anna.post(f"/sales/{sale_id}/reprints", body), 201)
    assert (second["copy_number"], second["receipt"]["header"]["marks"]) == (2, ["KOPIA 2"])
    assert answered(await anna.post(f"/sales/{sale_id}/reprints", body), 201) == second
    again = await anna.get(f"/sales/{sale_id}/receipt.txt?copy=2")
    assert "*** COPY 2 ***" in again.text
    assert "COPY" not in (await anna.get(f"/sales/{sale_id}/receipt.txt")).text
    other = await tea(anna)
    refused(await anna.post(f"/sales/{other}/reprints", body), 409, "reprint-id-taken", "reprint_id")


async def test_copies_printed_at_once_have_numbers_of_their_own(anna: Person) -> None:
    sale_id = await tea(anna)
    answers = await asyncio.gather(*(anna.post(f"/sales/{sale_id}/reprints", {}) for _ in range(5)))
    assert sorted(answered(answer, 201)["copy_number"] for answer in answers) == [1, 2, 3, 4, 5]


async def test_rule_26_a_reprint_needs_its_permission_or_a_manager(shop: Shop) -> None:
    trainee = await shop.cashier(name="Trainee", permissions=CASHIER - {Permission.SALES_REPRINT})
    await trainee.opens()
    sale_id = await tea(trainee)
    problem = refused(await trainee.post(f"/sales/{sale_id}/reprints", {}), 403, "approval-required")
    assert problem["permission"] == "sales.reprint"
    approval = shop.approval(Permission.SALES_REPRINT, sale_id, trainee)
    answered(await trainee.post(f"/sales/{sale_id}/reprints", {"approval": approval}), 201)
    spent = await trainee.post(f"/sales/{sale_id}/reprints", {"approval": approval})
    refused(spent, 409, "approval-spent", "approval")


async def test_a_voided_receipt_says_so(shop: Shop) -> None:
    maria = shop.manager(await shop.new_till())
    await maria.opens()
    sale_id = await tea(maria)
    voided = await maria.post(f"/sales/{sale_id}/void", {"reason": "wrong", "void_sale_id": str(new_id())})
    void = answered(voided, 201)
    assert "*** VOIDED ***" in (await maria.get(f"/sales/{sale_id}/receipt.txt")).text
    receipt = answered(await maria.get(f"/sales/{void['sale_id']}/receipt"), 200)
    original = answered(await maria.get(f"/sales/{sale_id}/receipt"), 200)
    assert receipt["references"] == [f"Voids receipt {original['receipt_code']}"]


async def test_a_receipt_of_another_store_is_not_shown(shop: Shop, anna: Person) -> None:
    sale_id = await tea(anna)
    elsewhere = shop.store.model_copy(update={"store_id": uuid4(), "code": "W3"})
    await shop.hears(elsewhere)
    ola = shop.person(await shop.new_till(elsewhere), name="Ola", store=elsewhere)
    refused(await ola.get(f"/sales/{sale_id}/receipt"), 403, "forbidden")
    refused(await ola.post(f"/sales/{sale_id}/reprints", {}), 403, "forbidden")
    refused(await ola.post(f"/sales/{sale_id}/receipt-emails", {"address": "o@example.org"}), 403, "forbidden")


def mailer(shop: Shop, port: int) -> ReceiptMailer:
    mail = SmtpMail(SmtpServer("127.0.0.1", port, "none", None, None, 2.0))
    return ReceiptMailer(shop.database, PriceBooks(), MAILING, mail)


async def forget_mails(shop: Shop) -> None:
    async with shop.database.transaction() as work:
        await work.connection.execute(text("delete from receipt_emails"))


async def test_a_receipt_is_mailed_once_however_often_it_is_asked_for(shop: Shop, anna: Person) -> None:
    await forget_mails(shop)
    sale_id = await tea(anna)
    path, body = f"/sales/{sale_id}/receipt-emails", {"address": "anna@example.org", "language": "de"}
    asked = [answered(await anna.post(path, body), 202) for _ in range(3)]
    assert {each["email_id"] for each in asked} == {asked[0]["email_id"]}
    assert (asked[0]["state"], asked[0]["attempts"]) == ("queued", 0)
    mailbox = Mailbox()
    with listening(mailbox) as port:
        await mailer(shop, port).run()
        await mailer(shop, port).run()
    assert len(mailbox.received) == 1
    received = message_from_bytes(mailbox.received[0], policy=policy.default)
    assert received["To"] == "anna@example.org"
    assert "Hier ist Ihr Kassenbeleg." in received.get_body(("plain",)).get_content()  # type: ignore[union-attr]
    (email,) = answered(await anna.get(path), 200)
    assert (email["state"], email["attempts"], email["last_error"]) == ("sent", 1, None)
    assert email["sent_at"] is not None


async def test_a_mail_is_tried_again_and_fails_after_its_tries(shop: Shop, anna: Person) -> None:
    await forget_mails(shop)
    path = f"/sales/{await tea(anna)}/receipt-emails"
    answered(await anna.post(path, {"address": "full@example.org"}), 202)
    with listening(Mailbox("452 4.2.2 Mailbox full")) as port:
        await mailer(shop, port).run()
        await asyncio.sleep(0.01)
        await mailer(shop, port).run()
        await asyncio.sleep(0.01)
        await mailer(shop, port).run()
    (email,) = answered(await anna.get(path), 200)
    assert (email["state"], email["attempts"], email["last_error"]) == ("failed", 2, "452 4.2.2 Mailbox full")


async def test_a_mail_that_was_rejected_is_not_tried_again(shop: Shop, anna: Person) -> None:
    await forget_mails(shop)
    path = f"/sales/{await tea(anna)}/receipt-emails"
    answered(await anna.post(path, {"address": "nobody@example.org"}), 202)
    with listening(Mailbox("550 5.1.1 No such mailbox")) as port:
        await mailer(shop, port).run()
    (email,) = answered(await anna.get(path), 200)
    assert (email["state"], email["attempts"]) == ("failed", 1)


async def test_an_address_that_no_header_takes_keeps_no_other_mail_waiting(shop: Shop, anna: Person) -> None:
    await forget_mails(shop)
    stuck, good = [f"/sales/{await tea(anna)}/receipt-emails" for _ in range(2)]
    answered(await anna.post(stuck, {"address": "first@example.org"}), 202)
    async with shop.database.transaction() as work:
        await work.connection.execute(text("update receipt_emails set address = 'a..b@example.org'"))
    answered(await anna.post(good, {"address": "second@example.org"}), 202)
    mailbox = Mailbox()
    with listening(mailbox) as port:
        await mailer(shop, port).run()
    assert [recipients for _, recipients in mailbox.envelopes] == [["second@example.org"]]
    (email,) = answered(await anna.get(stuck), 200)
    assert (email["state"], email["last_error"]) == (
        "failed",
        "No message can be made for this address: InvalidHeaderDefect",
    )


async def test_a_receipt_is_not_mailed_without_end(shop: Shop, anna: Person) -> None:
    await forget_mails(shop)
    path = f"/sales/{await tea(anna)}/receipt-emails"
    for name in ("a", "b"):
        answered(await anna.post(path, {"address": f"{name}@example.org"}), 202)
    limited = await anna.post(path, {"address": "c@example.org"})
    refused(limited, 429, "too-many-emails", "address")
    assert limited.headers["retry-after"] == "86400"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "anna",
        "anna@",
        "@example.org",
        "anna@example",
        "a b@example.org",
        "a@example.org\r\nBcc: b@x.org",
        "a..b@example.org",
        ".a@example.org",
        "a.@example.org",
        "a[b@example.org",
        "\N{LATIN SMALL LETTER Z WITH ACUTE}@example.org",
        "a@-example.org",
        "a@example-.org",
        "a@example..org",
    ],
)
async def test_what_is_no_address_is_refused(anna: Person, address: str) -> None:
    sale_id = await tea(anna)
    answer = await anna.post(f"/sales/{sale_id}/receipt-emails", {"address": address})
    refused(answer, 422, "invalid-request", "address")


def test_an_installation_without_a_mail_server_has_no_job(shop: Shop) -> None:
    assert receipt_mail_job(shop.database, PriceBooks(), SalesSettings(smtp_host=None)) == []
    (job,) = receipt_mail_job(shop.database, PriceBooks(), MAILING)
    assert (job.name, job.every_s) == ("receipt-emails", 5.0)


async def test_an_installation_without_a_mail_server_says_so(postgres_server: DatabaseServer) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("TILLSTREAM_SALES_SMTP_HOST", raising=False)
        async with open_shop(postgres_server) as unconnected:
            person = await unconnected.cashier()
            await person.opens()
            path = f"/sales/{await tea(person)}/receipt-emails"
            refused(await person.post(path, {"address": "a@example.org"}), 409, "mail-not-configured")
