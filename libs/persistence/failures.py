"""What an error of the database means: it is away, it may go well at once when tried again, or neither."""

from __future__ import annotations

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

# PostgreSQL, appendix A: serialization failure, deadlock, lock not available.
_TRY_AGAIN = frozenset({"40001", "40P01", "55P03"})
# Connection exceptions, operator intervention (shutdown, starting up), too many connections.
_AWAY_CLASSES = ("08", "57P", "53300")


def is_database_away(error: BaseException) -> bool:
    """Whether an error says that the database, not the request or message, is at fault."""
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
    """Whether the same transaction may well succeed if it is run again soon."""
    if is_database_away(error):
        return True
    return isinstance(error, DBAPIError) and _sqlstate(error) in _TRY_AGAIN


def _sqlstate(error: DBAPIError) -> str | None:
    return error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None
