"""Queue the receipt of a document just completed for the address that its basket names."""

from __future__ import annotations

from libs.contracts.identity import StoreChanged
from libs.persistence import UnitOfWork, new_id
from services.sales.domain.basket import Basket
from services.sales.domain.receipt_email import EmailState, ReceiptEmail
from services.sales.domain.receipt_labels import language_for
from services.sales.storage.receipt_emails import ReceiptEmailRepository


async def mail_completed(work: UnitOfWork, basket: Basket, store: StoreChanged) -> None:
    """In the transaction of the completion, so one mail however often the sale is sent; nothing without an address.

    A sale is never refused for its mail: where no mail server is set, the mail waits until there is one or it is
    forgotten, and is shown as queued.
    """
    if basket.receipt_email is None:
        return
    email = ReceiptEmail(
        email_id=new_id(),
        sale_id=basket.basket_id,
        address=basket.receipt_email,
        language=language_for(store.language),
        state=EmailState.QUEUED,
        attempts=0,
        last_error=None,
        requested_at=work.now,
        next_attempt_at=work.now,
    )
    await ReceiptEmailRepository(work.connection).add(email)
