"""A receipt by e-mail: the message, its states, and a real SMTP server that takes, refuses or says nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from socket import socket
from typing import Any
from uuid import UUID

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from pydantic import ValidationError

from services.sales.domain.receipt import make_receipt
from services.sales.domain.receipt_email import (
    Deferred,
    Delivered,
    EmailState,
    MailOutcome,
    ReceiptEmail,
    Rejected,
    RetryPolicy,
)
from services.sales.gateways.mail import SmtpMail, SmtpServer
from services.sales.receipt_message import receipt_message
from services.sales.settings import SalesSettings
from tests.unit.sales.documents import Goods, sale, store

pytestmark = pytest.mark.anyio

EMAIL_ID = UUID("0190a000-0000-7000-8000-00000000e001")
NOW = datetime(2025, 11, 19, 13, 0, tzinfo=UTC)
POLICY = RetryPolicy(3, timedelta(seconds=60), timedelta(seconds=100))


class Mailbox:
    """What the server under test was given; `answer` is its reply to a recipient."""

    def __init__(self, answer: str = "250 OK") -> None:
        self.answer = answer
        self.received: list[bytes] = []
        self.envelopes: list[tuple[str | None, list[str]]] = []

    async def handle_RCPT(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(  # noqa: N802 - the name that aiosmtpd calls
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        assert isinstance(envelope.content, bytes)
        self.received.append(envelope.content)
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos))
        return "250 OK"


@contextmanager
def listening(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """A server on a free port; `options` are aiosmtpd's."""
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    controller = Controller(mailbox, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mail_to(port: int, **changes: Any) -> SmtpMail:
    server: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": port,
        "security": "none",
        "user": None,
        "password": None,
        "timeout_s": 2.0,
    }
    return SmtpMail(SmtpServer(**{**server, **changes}))


def message(language: str = "pl", name: str = "Corner Grocery") -> EmailMessage:
    shop = store(name=name)
    receipt = make_receipt(sale([Goods("Płyn do naczyń", 1299)], shop), shop, language=language)
    return receipt_message(
        receipt, email_id=EMAIL_ID, sender="receipts@shop.example", address="anna@example.org", at=NOW
    )


def queued(attempts: int = 1) -> ReceiptEmail:
    return ReceiptEmail(EMAIL_ID, UUID(int=1), "anna@example.org", "pl", EmailState.QUEUED, attempts, None, NOW, NOW)


async def test_a_server_that_takes_the_mail_has_it_with_text_page_and_code() -> None:
    mailbox = Mailbox()
    with listening(mailbox) as port:
        outcome = await mail_to(port).send(message())
    assert outcome == Delivered()
    assert mailbox.envelopes == [("receipts@shop.example", ["anna@example.org"])]
    received = message_from_bytes(mailbox.received[0], policy=policy.default)
    assert received["Subject"] == "Corner Grocery · Potwierdzenie zakupu Nr 4812"
    assert received["From"] == "Corner Grocery <receipts@shop.example>"
    assert received["Message-ID"] == f"<{EMAIL_ID}@shop.example>"
    text, related = received.iter_parts()
    assert text.get_content_type() == "text/plain"
    assert "Oto potwierdzenie zakupu." in text.get_content()
    assert "SUMA                              12,99 zł" in text.get_content()
    page, picture = related.iter_parts()
    assert page.get_content_type() == "text/html"
    assert "Płyn do naczyń" in page.get_content()
    assert f'src="cid:{picture["Content-ID"].strip("<>")}"' in page.get_content()
    assert picture.get_content().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("550 5.1.1 No such mailbox", Rejected("550 5.1.1 No such mailbox")),
        ("452 4.2.2 Mailbox full", Deferred("452 4.2.2 Mailbox full")),
    ],
)
async def test_a_permanent_no_is_final_and_a_passing_one_is_not(answer: str, outcome: MailOutcome) -> None:
    with listening(Mailbox(answer)) as port:
        assert await mail_to(port).send(message()) == outcome


async def test_a_server_that_is_not_there_may_be_there_later() -> None:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        outcome = await mail_to(probe.getsockname()[1]).send(message())
    assert isinstance(outcome, Deferred)
    assert "Refused" in outcome.reason


async def test_a_server_that_says_nothing_does_not_hold_us() -> None:
    with socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        outcome = await mail_to(silent.getsockname()[1], timeout_s=0.2).send(message())
    assert isinstance(outcome, Deferred)
    assert "timed out" in outcome.reason


async def test_a_server_without_encryption_gets_no_mail_where_encryption_is_demanded() -> None:
    mailbox = Mailbox()
    with listening(mailbox) as port:
        outcome = await mail_to(port, security="starttls").send(message())
    assert isinstance(outcome, Deferred)
    assert "STARTTLS" in outcome.reason
    assert mailbox.received == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # the server is on this machine
@pytest.mark.parametrize(("password", "taken"), [("right", True), ("wrong", False)])
async def test_a_wrong_password_waits_for_somebody_to_correct_it(password: str, taken: bool) -> None:
    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=data.password == b"right")

    mailbox = Mailbox()
    options = {"authenticator": authenticate, "auth_required": True, "auth_require_tls": False}
    with listening(mailbox, **options) as port:
        outcome = await mail_to(port, user="shop", password=password).send(message())
    assert isinstance(outcome, Delivered if taken else Deferred)
    assert len(mailbox.received) == int(taken)


def test_a_store_s_name_cannot_write_headers() -> None:
    sent = message(name="Shop\r\nBcc: everybody@example.org")
    assert sent["Bcc"] is None
    assert sent["Subject"].startswith("Shop Bcc: everybody@example.org")


def test_a_mail_that_was_taken_is_sent() -> None:
    after = queued().after(Delivered(), POLICY, NOW)
    assert (after.state, after.sent_at) == (EmailState.SENT, NOW)


def test_each_pause_is_twice_the_one_before_up_to_the_longest_and_then_it_has_failed() -> None:
    first = queued(1).after(Deferred("busy"), POLICY, NOW)
    assert (first.state, first.next_attempt_at - NOW, first.last_error) == (
        EmailState.QUEUED,
        timedelta(seconds=60),
        "busy",
    )
    second = queued(2).after(Deferred("busy"), POLICY, NOW)
    assert second.next_attempt_at - NOW == timedelta(seconds=100)
    last = queued(3).after(Deferred("busy"), POLICY, NOW)
    assert (last.state, last.last_error) == (EmailState.FAILED, "busy")
    assert POLICY.pause_after(10_000) == timedelta(seconds=100)


def test_a_mail_that_is_rejected_has_failed_at_once() -> None:
    after = queued(1).after(Rejected("550 no"), POLICY, NOW)
    assert (after.state, after.last_error) == (EmailState.FAILED, "550 no")


def test_a_mail_server_without_a_sender_is_half_a_setting() -> None:
    with pytest.raises(ValidationError, match="smtp_host and mail_from"):
        SalesSettings(smtp_host="mail.shop.example")
    settings = SalesSettings(smtp_host="mail.shop.example", mail_from="receipts@shop.example", smtp_password="secret")
    assert "secret" not in repr(settings)
