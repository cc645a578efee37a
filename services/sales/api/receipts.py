"""Receipts: structured, as text, as a page; copies; by e-mail."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field, StringConstraints
from starlette.responses import HTMLResponse, PlainTextResponse

from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.persistence import Connection, new_id
from libs.web.authentication import Caller, RequestBody
from libs.web.openapi import problems
from libs.web.principal import Principal
from libs.web.transactions import Reading, Work
from services.sales.api.dependencies import Books, Settings, verified_one
from services.sales.domain.receipt import Receipt, make_receipt
from services.sales.domain.receipt_email import EmailState, ReceiptEmail
from services.sales.domain.receipt_labels import Language, language_for
from services.sales.domain.receipt_text import receipt_text
from services.sales.price_books import CurrentBook
from services.sales.receipt_page import receipt_page
from services.sales.receipt_settings import EmailAddress
from services.sales.storage.receipt_emails import ReceiptEmailRepository, ReprintRepository
from services.sales.storage.sales import SaleRepository, StoredSale
from services.sales.storage.slips import SlipRepository
from services.sales.use_cases.queue_receipt_email import queue_receipt_email
from services.sales.use_cases.read_sale import read_sale
from services.sales.use_cases.reprint_receipt import reprint_receipt

router = APIRouter(tags=["receipts"])

# The page needs nothing but its own style: whatever slipped into it could load and run nothing.
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "private, no-cache",
}

LanguageChoice = Annotated[Language | None, Query(description="The store's own language if absent.")]
CopyChoice = Annotated[int | None, Query(ge=1, le=100_000, description="A copy that was printed, marked as one.")]


class UnknownCopy(NotFound):
    """The receipt has no such copy."""

    type = "unknown-copy"


class ReprintBody(RequestBody):
    """A copy to be printed."""

    reprint_id: UUID | None = Field(default=None, description="Made by the till: a retry then counts one copy.")
    language: Language | None = None
    approval: Annotated[str, StringConstraints(max_length=4000)] | None = Field(
        default=None, description="An approval of `sales.reprint`, bound to the sale's id."
    )


class ReprintAnswer(BaseModel):
    """A copy: its number, and the receipt marked with it, structured and as text."""

    reprint_id: UUID
    copy_number: int
    printed_at: datetime
    receipt: Receipt
    text: str


class EmailBody(RequestBody):
    """Where a receipt is mailed to."""

    address: EmailAddress = Field(examples=["anna@example.org"])
    language: Language | None = None


class EmailAnswer(BaseModel):
    """A receipt by e-mail: `sent` means that the mail server took it; `failed` says why in `last_error`."""

    email_id: UUID
    address: str
    language: str
    state: EmailState
    attempts: int
    last_error: str | None
    requested_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Wish:
    language: Language | None
    copy_number: int | None


def _wish(language: LanguageChoice = None, copy: CopyChoice = None) -> _Wish:
    return _Wish(language, copy)


Wish = Annotated[_Wish, Depends(_wish)]


@router.get("/sales/{sale_id}/receipt", summary="The receipt as a structured document")
async def get_receipt(sale_id: UUID, caller: Caller, connection: Reading, books: Books, wish: Wish) -> Receipt:
    """Every text of the receipt in its language, with the amounts beside them in minor units."""
    return await _receipt(connection, caller, await books.current(connection), sale_id, wish)


@router.get(
    "/sales/{sale_id}/receipt.txt",
    response_class=PlainTextResponse,
    summary="The receipt as text of 42 columns",
)
async def get_receipt_text(
    sale_id: UUID, caller: Caller, connection: Reading, books: Books, wish: Wish
) -> PlainTextResponse:
    """What an 80 mm printer prints."""
    receipt = await _receipt(connection, caller, await books.current(connection), sale_id, wish)
    return PlainTextResponse(receipt_text(receipt), headers={"Content-Language": receipt.language})


@router.get("/sales/{sale_id}/receipt.html", response_class=HTMLResponse, summary="The receipt as a page")
async def get_receipt_page(
    sale_id: UUID, caller: Caller, connection: Reading, books: Books, wish: Wish
) -> HTMLResponse:
    """One self-contained page for a telephone or a printer."""
    receipt = await _receipt(connection, caller, await books.current(connection), sale_id, wish)
    return HTMLResponse(receipt_page(receipt), headers={**PAGE_HEADERS, "Content-Language": receipt.language})


@router.post("/sales/{sale_id}/reprints", status_code=201, summary="Print a copy")
async def reprint(
    sale_id: UUID, body: ReprintBody, request: Request, caller: Caller, work: Work, books: Books
) -> ReprintAnswer:
    """Count a copy and return it. Every copy carries its number; the receipt itself is handed out once, at the sale."""
    approval = await verified_one(request, body.approval)
    stored, made = await reprint_receipt(work, caller, sale_id, body.reprint_id or new_id(), approval)
    current = await books.current(work.connection)
    receipt = await _make(work.connection, stored, current, _Wish(body.language, made.copy_number))
    return ReprintAnswer(
        reprint_id=made.reprint_id,
        copy_number=made.copy_number,
        printed_at=made.printed_at,
        receipt=receipt,
        text=receipt_text(receipt),
    )


@router.post("/sales/{sale_id}/receipt-emails", status_code=202, responses=problems(429), summary="Mail the receipt")
async def mail_receipt(
    sale_id: UUID, body: EmailBody, caller: Caller, work: Work, books: Books, settings: Settings
) -> EmailAnswer:
    """Queue the receipt for one address. Asking again while it waits changes nothing."""
    stored = await read_sale(work.connection, caller, sale_id)
    await SaleRepository(work.connection).get_for_update(sale_id)
    store = (await books.current(work.connection)).stores[stored.document.store_id]
    language = body.language or language_for(store.language)
    email = await queue_receipt_email(work, settings, sale_id=sale_id, address=body.address, language=language)
    return _email_answer(email)


@router.get("/sales/{sale_id}/receipt-emails", summary="Where a receipt was mailed to")
async def list_receipt_emails(
    sale_id: UUID, caller: Caller, connection: Reading, settings: Settings
) -> list[EmailAnswer]:
    """The mails of a receipt in the order in which they were asked for; the setting bounds how many."""
    await read_sale(connection, caller, sale_id)
    emails = await ReceiptEmailRepository(connection).of_sale(sale_id, limit=settings.receipt_mails_per_sale)
    return [_email_answer(email) for email in emails]


async def _receipt(
    connection: Connection, caller: Principal, current: CurrentBook, sale_id: UUID, wish: _Wish
) -> Receipt:
    caller.demand(Permission.SALES_READ)
    stored = await read_sale(connection, caller, sale_id)
    if wish.copy_number is not None:
        copies = await ReprintRepository(connection).count(sale_id)
        if wish.copy_number > copies:
            raise UnknownCopy(f"The receipt has {copies} copies. POST to reprints to print another.", field="copy")
    return await _make(connection, stored, current, wish)


async def _make(connection: Connection, stored: StoredSale, current: CurrentBook, wish: _Wish) -> Receipt:
    document = stored.document
    return make_receipt(
        document,
        current.stores[document.store_id],
        language=wish.language,
        copy_number=wish.copy_number,
        voided=stored.voided_by_sale_id is not None,
        slips=await SlipRepository(connection).of_document(document),
    )


def _email_answer(email: ReceiptEmail) -> EmailAnswer:
    return EmailAnswer(
        email_id=email.email_id,
        address=email.address,
        language=email.language,
        state=email.state,
        attempts=email.attempts,
        last_error=email.last_error,
        requested_at=email.requested_at,
        sent_at=email.sent_at,
    )
