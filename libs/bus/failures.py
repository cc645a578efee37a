"""What a failure means for the message: the database is away, try again at once, try again later, or never."""

from __future__ import annotations

from pydantic import ValidationError

from libs.bus.envelope import MalformedEnvelope
from libs.contracts.message import UnknownMessageType
from libs.contracts.refusal import Refusal
from libs.persistence.failures import is_database_away, is_passing

__all__ = ["DatabaseAway", "describe", "is_database_away", "is_passing", "is_permanent"]


class DatabaseAway(Exception):
    """The database does not answer; no message can be handled until it does."""


def is_permanent(error: BaseException) -> bool:
    """Whether the message can never succeed: it is malformed, unknown, or refused by a rule."""
    return isinstance(error, (Refusal, ValidationError, MalformedEnvelope, UnknownMessageType))


def describe(error: BaseException) -> str:
    """The error in one text for operators, with its type."""
    return f"{type(error).__name__}: {error}"
