"""Ask for a receipt by e-mail; a job sends it."""

from __future__ import annotations

from uuid import UUID

from libs.persistence import UnitOfWork, new_id
from services.sales.domain.receipt_email import EmailState, MailNotConfigured, ReceiptEmail, TooManyEmails
from services.sales.receipt_settings import ReceiptSettings
from services.sales.storage.receipt_emails import ReceiptEmailRepository

# Not before this may another one go out: the shop has a look at why so many were asked for.
RETRY_AFTER_S = 86_400


async def queue_receipt_email(
    work: UnitOfWork, settings: ReceiptSettings, *, sale_id: UUID, address: str, language: str
) -> ReceiptEmail:
    """The queued e-mail; the one that already waits for this address, if one does, so that a retry sends one mail.

    The caller has locked the sale's row. Raises MailNotConfigured or TooManyEmails.
    """
    if settings.smtp_host is None:
        raise MailNotConfigured("This shop sends no mail: no mail server is set. Print the receipt instead.")
    repository = ReceiptEmailRepository(work.connection)
    known = await repository.of_sale(sale_id, limit=settings.receipt_mails_per_sale)
    for email in known:
        if email.state is EmailState.QUEUED and email.address == address:
            return email
    if len(known) >= settings.receipt_mails_per_sale:
        raise TooManyEmails(
            f"This receipt was mailed {len(known)} times, which is the most.",
            field="address",
            retry_after_s=RETRY_AFTER_S,
        )
    email = ReceiptEmail(
        email_id=new_id(),
        sale_id=sale_id,
        address=address,
        language=language,
        state=EmailState.QUEUED,
        attempts=0,
        last_error=None,
        requested_at=work.now,
        next_attempt_at=work.now,
    )
    await repository.add(email)
    return email
