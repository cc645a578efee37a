"""Settings of returns and receipts, a part of the settings of sales (prefix TILLSTREAM_SALES_)."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator
from pydantic_settings import BaseSettings

from services.sales.domain.tender import TenderKind

# Deliberately narrow: one mailbox that every server takes and the mail library can write into a header, i.e. a
# dot-string of RFC 5321, section 4.1.2, at a domain with a dot; no display name, no comments, no quotes.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
EMAIL_PATTERN = rf"^{_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+[A-Za-z][A-Za-z0-9-]{{0,61}}[A-Za-z0-9]$"

EmailAddress = Annotated[str, StringConstraints(pattern=EMAIL_PATTERN, max_length=254, strip_whitespace=True)]


class ReceiptSettings(BaseSettings):
    """How money goes back and how receipts go out. Each description completes the sentence "must be ..."."""

    refund_order: tuple[TenderKind, ...] = Field(
        default=(TenderKind.CARD, TenderKind.GIFT_CARD, TenderKind.CASH),
        description="kinds of tender in the order in which they give money back (retail rule 9), as a JSON list",
    )
    smtp_host: str | None = Field(default=None, description="the mail server's name; without it no receipt is mailed")
    smtp_port: int = Field(default=587, ge=1, le=65535, description="a TCP port, e.g. 587")
    smtp_security: Literal["none", "starttls", "tls"] = Field(
        default="starttls", description="one of starttls, tls, or none for a server on the same machine"
    )
    smtp_user: str | None = Field(default=None, description="the account to sign in with, if the server asks for one")
    smtp_password: str | None = Field(default=None, repr=False, description="the password of that account")
    smtp_timeout_s: float = Field(default=20.0, gt=0, le=300, description="a number of seconds above 0, e.g. 20")
    mail_from: EmailAddress | None = Field(default=None, description="the sender's address, e.g. receipts@shop.example")
    receipt_mail_every_s: float = Field(default=5.0, gt=0, description="the seconds between looks at the queue, e.g. 5")
    receipt_mail_batch: int = Field(default=20, ge=1, le=500, description="how many mails are taken at once, e.g. 20")
    receipt_mail_attempts: int = Field(default=8, ge=1, le=50, description="how often a mail is tried, e.g. 8")
    receipt_mail_first_retry_s: float = Field(
        default=60.0, gt=0, description="the seconds before a second try, e.g. 60"
    )
    receipt_mail_longest_retry_s: float = Field(
        default=21_600.0, gt=0, description="the longest pause between tries, in seconds, e.g. 21600"
    )
    receipt_mail_keep_days: int = Field(
        default=35, ge=1, description="the days after which a mail and its address are forgotten, sent or not, e.g. 35"
    )
    receipt_mails_per_sale: int = Field(default=10, ge=1, le=1000, description="the mails of one receipt, e.g. 10")

    @model_validator(mode="after")
    def _mail_is_whole(self) -> Self:
        if self.smtp_host is not None and self.mail_from is None:
            raise ValueError("mail needs both smtp_host and mail_from")
        return self
