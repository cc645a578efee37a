"""How long payments waits for terminals, and how it asks again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.payments.domain.schedule import InquirySchedule
from services.payments.storage.operations import Deadlines


@dataclass(frozen=True, slots=True)
class OperationLimits:
    """`expiry_s`: within which a terminal must have begun; `answer_timeout_s`: after which the outcome is unknown.

    `reversals` is how often a refused reversal is sent again by itself before a person has to see to it.
    """

    expiry_s: float
    answer_timeout_s: float
    reversals: int
    inquiries: InquirySchedule

    def deadlines(self, now: datetime) -> Deadlines:
        """The deadlines of an operation that is sent now."""
        return Deadlines(now + timedelta(seconds=self.expiry_s), now + timedelta(seconds=self.answer_timeout_s))
