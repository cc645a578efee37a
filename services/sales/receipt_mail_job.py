"""The timer that mails receipts: take what is due, send without a transaction open, record what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from email.errors import MessageError

import structlog

from libs.host.service import Job
from libs.persistence import Database
from services.sales.domain.receipt import make_receipt
from services.sales.domain.receipt_email import MailOutcome, ReceiptEmail, Rejected, RetryPolicy
from services.sales.domain.returning import Original
from services.sales.domain.slip import TenderSlips
from services.sales.gateways.mail import MailGateway, SmtpMail, SmtpServer
from services.sales.price_books import CurrentBook, PriceBooks
from services.sales.receipt_message import receipt_message
from services.sales.receipt_settings import ReceiptSettings
from services.sales.storage.receipt_emails import ReceiptEmailRepository
from services.sales.storage.returns import ReturnsRepository
from services.sales.storage.slips import SlipRepository

_log = structlog.get_logger(__name__)


class ReceiptMailer:
    """Sends the receipts that are due. A mail may go out twice if we die between the server's yes and our note of
    it; both have one Message-ID.
    """

    def __init__(self, database: Database, books: PriceBooks, settings: ReceiptSettings, mail: MailGateway) -> None:
        self._database = database
        self._books = books
        self._settings = settings
        self._mail = mail
        self._policy = RetryPolicy(
            settings.receipt_mail_attempts,
            timedelta(seconds=settings.receipt_mail_first_retry_s),
            timedelta(seconds=settings.receipt_mail_longest_retry_s),
        )

    async def run(self) -> None:
        """Send batch after batch until nothing is due."""
        while await self._send_batch():
            pass

    async def _send_batch(self) -> int:
        settings = self._settings
        # Longer than sending the batch can take: whoever finds these rows due again knows that we died.
        lease = timedelta(seconds=60 + 4 * settings.smtp_timeout_s * settings.receipt_mail_batch)
        async with self._database.transaction() as work:
            emails = await ReceiptEmailRepository(work.connection).take_due(
                work.now, limit=settings.receipt_mail_batch, again_at=work.now + lease
            )
            originals = await ReturnsRepository(work.connection).originals({email.sale_id for email in emails})
            slips = await SlipRepository(work.connection).of_documents(each.document for each in originals.values())
            current = await self._books.current(work.connection)
        for email in emails:
            await self._send(email, originals[email.sale_id], slips.get(email.sale_id, ()), current)
        return len(emails)

    async def _send(
        self, email: ReceiptEmail, original: Original, slips: Sequence[TenderSlips], current: CurrentBook
    ) -> None:
        document = original.document
        sender = self._settings.mail_from
        assert sender is not None, "settings refuse a mail server without a sender"
        receipt = make_receipt(
            document,
            current.stores[document.store_id],
            language=email.language,
            voided=original.voided_by_sale_id is not None,
            slips=slips,
        )
        try:
            message = receipt_message(
                receipt, email_id=email.email_id, sender=sender, address=email.address, at=self._database.clock()
            )
        except (ValueError, MessageError) as error:
            # It would fail at every try, and keep all mails behind it waiting.
            outcome: MailOutcome = Rejected(f"No message can be made for this address: {type(error).__name__}")
        else:
            outcome = await self._mail.send(message)
        async with self._database.transaction() as work:
            after = email.after(outcome, self._policy, work.now)
            await ReceiptEmailRepository(work.connection).save(after)
        # The address is personal data and stays out of the log.
        _log.info("receipt_email_tried", email_id=str(email.email_id), state=after.state.value, attempts=after.attempts)
        if isinstance(outcome, Rejected):
            _log.warning("receipt_email_rejected", email_id=str(email.email_id))


def receipt_mail_job(
    database: Database, books: PriceBooks, settings: ReceiptSettings, mail: MailGateway | None = None
) -> list[Job]:
    """The job, if this installation sends mail. `mail` replaces the SMTP gateway."""
    if settings.smtp_host is None:
        return []
    gateway = mail or SmtpMail(
        SmtpServer(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            user=settings.smtp_user,
            password=settings.smtp_password,
            timeout_s=settings.smtp_timeout_s,
        )
    )
    mailer = ReceiptMailer(database, books, settings, gateway)
    return [Job("receipt-emails", settings.receipt_mail_every_s, mailer.run)]
