"""A receipt on its way by e-mail: queued, then sent, or failed after so many tries."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from libs.contracts.refusal import Conflict, TooMany


class EmailState(StrEnum):
    """Where an e-mail stands. `sent` means that the mail server took it."""

    QUEUED = "queued"
    SENT = "sent"
    FAILED = "failed"


class MailNotConfigured(Conflict):
    """This installation sends no mail."""

    type = "mail-not-configured"


class TooManyEmails(TooMany):
    """The receipt was mailed often enough."""

    type = "too-many-emails"


@dataclass(frozen=True, slots=True)
class Delivered:
    """The mail server took the message."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The mail server will never take it, for instance because there is no such mailbox."""

    reason: str


@dataclass(frozen=True, slots=True)
class Deferred:
    """It may work later: the server did not answer, or asked for patience."""

    reason: str


MailOutcome = Delivered | Rejected | Deferred


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often an e-mail is tried; each pause is twice the one before, up to the longest."""

    attempts: int
    first_pause: timedelta
    longest_pause: timedelta

    def pause_after(self, attempts: int) -> timedelta:
        """How long to wait after so many tries (1 or more)."""
        # Capped before it is multiplied: a timedelta holds no more than some thousand years.
        return min(self.longest_pause, self.first_pause * (1 << min(attempts - 1, 20)))


@dataclass(frozen=True, slots=True)
class ReceiptEmail:
    """A receipt to be mailed to one address. `attempts` counts the tries begun."""

    email_id: UUID
    sale_id: UUID
    address: str
    language: str
    state: EmailState
    attempts: int
    last_error: str | None
    requested_at: datetime
    next_attempt_at: datetime
    sent_at: datetime | None = None

    def after(self, outcome: MailOutcome, policy: RetryPolicy, now: datetime) -> ReceiptEmail:
        """The e-mail after a try at `now`."""
        match outcome:
            case Delivered():
                return replace(self, state=EmailState.SENT, sent_at=now, last_error=None)
            case Deferred(reason) if self.attempts < policy.attempts:
                return replace(self, last_error=reason, next_attempt_at=now + policy.pause_after(self.attempts))
            case Deferred(reason) | Rejected(reason):
                return replace(self, state=EmailState.FAILED, last_error=reason)
