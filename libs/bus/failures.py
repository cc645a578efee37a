"""What a failure means for the message: the database is away, try again at once, try again later, or never."""

from __future__ import annotations

import psycopg
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from libs.bus.envelope import MalformedEnvelope
from libs.contracts.message import UnknownMessageType
from libs.contracts.refusal import Refusal

# PostgreSQL, appendix A: serialization failure, deadlock, lock not available.
_TRY_AGAIN = frozenset({"40001", "40P01", "55P03"})
# Connection exceptions, operator intervention (shutdown, starting up), too many connections.
_AWAY_CLASSES = ("08", "57P", "53300")


class DatabaseAway(Exception):
    """The database does not answer; no message can be handled until it does."""


def is_database_away(error: BaseException) -> bool:
    """Whether an error says that the database, not the message, is at fault."""
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return isinstance(error, psycopg.OperationalError) and error.sqlstate is None
    if error.connection_invalidated:
        return True
    state = _sqlstate(error)
    if state is None:
        return isinstance(error.orig, psycopg.OperationalError)
    return state.startswith(_AWAY_CLASSES)


def is_passing(error: BaseException) -> bool:
    """Whether the same transaction may well succeed if it is run again at once."""
    if is_database_away(error):
        return True
    return isinstance(error, DBAPIError) and _sqlstate(error) in _TRY_AGAIN


def _sqlstate(error: DBAPIError) -> str | None:
    return error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None


def is_permanent(error: BaseException) -> bool:
    """Whether the message can never succeed: it is malformed, unknown, or refused by a rule."""
    return isinstance(error, (Refusal, ValidationError, MalformedEnvelope, UnknownMessageType))


def describe(error: BaseException) -> str:
    """The error in one text for operators, with its type."""
    return f"{type(error).__name__}: {error}"
