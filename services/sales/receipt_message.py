"""The receipt as an e-mail: the text for every reader, and the page with its code as a picture."""

from __future__ import annotations

from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from uuid import UUID

from services.sales.domain.receipt import Receipt
from services.sales.domain.receipt_labels import LABELS
from services.sales.domain.receipt_text import receipt_text
from services.sales.receipt_page import code_picture, receipt_page

_CODE_PICTURE = "receipt-code"


def receipt_message(receipt: Receipt, *, email_id: UUID, sender: str, address: str, at: datetime) -> EmailMessage:
    """The message from `sender` to `address`. A second try has the same Message-ID, so that readers show one mail."""
    labels = LABELS[receipt.language]
    header = receipt.header
    message = EmailMessage()
    message["Subject"] = _one_line(f"{header.store_name} · {header.title} {header.number_text}")
    message["From"] = Address(_one_line(header.store_name), addr_spec=sender)
    message["To"] = Address(addr_spec=address)
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{email_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(f"{labels.mail_greeting}\n\n{receipt_text(receipt)}")
    message.add_alternative(receipt_page(receipt, picture=f"cid:{_CODE_PICTURE}"), subtype="html")
    page = message.get_payload()[1]  # type: ignore[index]  # a multipart's payload is the list of its parts
    assert isinstance(page, EmailMessage)
    page.add_related(code_picture(receipt.receipt_code), "image", "png", cid=f"<{_CODE_PICTURE}>")
    return message


def _one_line(text: str) -> str:
    """A header has one line; a store's name must not begin another."""
    return " ".join(text.split())
