"""Mail by SMTP: one message in, what became of it out."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Literal, Protocol

from services.sales.domain.receipt_email import Deferred, Delivered, MailOutcome, Rejected

# RFC 5321, section 4.2.1: replies of 500 and above are permanent.
FIRST_PERMANENT_CODE = 500


class MailGateway(Protocol):
    """Whatever takes messages on."""

    async def send(self, message: EmailMessage) -> MailOutcome:
        """Hand one message over; never raises for what the mail server says or does not say."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The mail server and how to reach it. `timeout_s` bounds every single wait for it."""

    host: str
    port: int
    security: Literal["none", "starttls", "tls"]
    user: str | None
    password: str | None
    timeout_s: float


class SmtpMail:
    """Sends through one mail server, a connection for each message; smtplib waits in a thread of its own."""

    def __init__(self, server: SmtpServer) -> None:
        self._server = server

    async def send(self, message: EmailMessage) -> MailOutcome:
        """Hand one message over."""
        return await asyncio.to_thread(self._send, message)

    def _send(self, message: EmailMessage) -> MailOutcome:
        try:
            with self._connected() as connection:
                connection.send_message(message)
        except smtplib.SMTPAuthenticationError as error:
            # Somebody will correct the password: the receipts wait.
            return Deferred(_said(error.smtp_code, error.smtp_error))
        except smtplib.SMTPRecipientsRefused as refused:
            code, words = next(iter(refused.recipients.values()))
            return Rejected(_said(code, words)) if code >= FIRST_PERMANENT_CODE else Deferred(_said(code, words))
        except smtplib.SMTPResponseException as error:
            said = _said(error.smtp_code, error.smtp_error)
            return Rejected(said) if error.smtp_code >= FIRST_PERMANENT_CODE else Deferred(said)
        except (smtplib.SMTPException, OSError) as error:
            return Deferred(f"{type(error).__name__}: {error}")
        return Delivered()

    def _connected(self) -> smtplib.SMTP:
        server = self._server
        if server.security == "tls":
            context = ssl.create_default_context()
            connection: smtplib.SMTP = smtplib.SMTP_SSL(
                server.host, server.port, timeout=server.timeout_s, context=context
            )
        else:
            connection = smtplib.SMTP(server.host, server.port, timeout=server.timeout_s)
        try:
            if server.security == "starttls":
                connection.starttls(context=ssl.create_default_context())
            if server.user is not None:
                connection.login(server.user, server.password or "")
        except BaseException:
            connection.close()
            raise
        return connection


def _said(code: int, words: bytes | str) -> str:
    text = words.decode(errors="replace") if isinstance(words, bytes) else words
    return f"{code} {text}"[:500]
