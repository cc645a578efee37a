"""The numbers of a transaction: STAN, RRN, and the moments written into fields 7, 12 and 13."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from iso4217 import Currency

from libs.contracts.refusal import Invalid

LARGEST_TRACE_NUMBER = 999_999


class TraceNumberWrong(ValueError):
    """A STAN is a whole number from 1 to 999,999."""


def next_trace_number(last: int | None) -> int:
    """The STAN after `last`, per terminal: 1 to 999,999, then 1 again. It is stored before the message leaves."""
    if last is None:
        return 1
    if not 0 <= last <= LARGEST_TRACE_NUMBER:
        raise TraceNumberWrong(f"{last} is no trace number: they run from 1 to {LARGEST_TRACE_NUMBER}.")
    return last % LARGEST_TRACE_NUMBER + 1


def currency_number(code: str) -> str:
    """The three digits of ISO 4217 for a currency (field 49), e.g. 978 for EUR. Raises Invalid for none of its."""
    try:
        return f"{Currency(code).number:03d}"
    except ValueError as error:
        raise Invalid(f"{code} is no currency of ISO 4217, such as EUR.", field="currency") from error


def retrieval_reference(trace_number: int, at: datetime) -> str:
    """Our RRN: last digit of the year, day of the year, hour (all UTC), STAN. The acquirer may answer with another."""
    moment = at.astimezone(UTC)
    return f"{moment.year % 10}{moment.timetuple().tm_yday:03d}{moment.hour:02d}{trace_number:06d}"


@dataclass(frozen=True, slots=True)
class Trace:
    """What names one message of one terminal. `at` has an offset: field 7 is UTC, fields 12 and 13 are local."""

    trace_number: int
    at: datetime

    def __post_init__(self) -> None:
        if not 1 <= self.trace_number <= LARGEST_TRACE_NUMBER:
            raise TraceNumberWrong(f"{self.trace_number} is no trace number: 1 to {LARGEST_TRACE_NUMBER}.")
        if self.at.tzinfo is None:
            raise ValueError("The moment of a message needs its offset from UTC.")

    @property
    def fields(self) -> dict[int, str]:
        """Fields 7 and 11."""
        return {7: self.at.astimezone(UTC).strftime("%m%d%H%M%S"), 11: f"{self.trace_number:06d}"}

    @property
    def local_fields(self) -> dict[int, str]:
        """Fields 12 and 13."""
        return {12: self.at.strftime("%H%M%S"), 13: self.at.strftime("%m%d")}
