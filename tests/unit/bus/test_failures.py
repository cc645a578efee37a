"""What an error means for the message it befell."""

from __future__ import annotations

import psycopg
import pytest
from pydantic import ValidationError
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from libs.bus.backoff import pause_s
from libs.bus.envelope import MalformedEnvelope
from libs.bus.failures import is_database_away, is_passing, is_permanent
from libs.contracts.message import UnknownMessageType
from libs.contracts.refusal import Invalid
from tests.integration.bus.harness import Counted


def _invalid_payload() -> ValidationError:
    with pytest.raises(ValidationError) as caught:
        Counted.parse(b"{}")
    return caught.value


def _wrapped(error: psycopg.Error, kind: type[DBAPIError] = OperationalError) -> DBAPIError:
    return kind("select 1", {}, error)


AWAY = {
    "connection refused": _wrapped(psycopg.OperationalError("connection refused")),
    "server shut down": _wrapped(psycopg.errors.AdminShutdown()),
    "server starting": _wrapped(psycopg.errors.CannotConnectNow()),
    "too many connections": _wrapped(psycopg.errors.TooManyConnections()),
    "connection lost": DBAPIError("select 1", {}, psycopg.OperationalError("gone"), connection_invalidated=True),
    "no free connection": PoolTimeout(),
}
PASSING = {
    "deadlock": _wrapped(psycopg.errors.DeadlockDetected()),
    "serialization failure": _wrapped(psycopg.errors.SerializationFailure()),
    "lock not available": _wrapped(psycopg.errors.LockNotAvailable()),
}
PERMANENT = {
    "refused by a rule": Invalid("no"),
    "malformed envelope": MalformedEnvelope("ce-id is missing"),
    "unknown type": UnknownMessageType("x"),
    "malformed payload": _invalid_payload(),
}
OTHER = {
    "unique violation": _wrapped(psycopg.errors.UniqueViolation(), IntegrityError),
    "a defect": KeyError("x"),
    "a neighbour's time-out": TimeoutError(),
}


@pytest.mark.parametrize("error", AWAY.values(), ids=AWAY.keys())
def test_the_database_is_at_fault_and_the_message_waits_without_costing_an_attempt(error: Exception) -> None:
    assert (is_database_away(error), is_passing(error), is_permanent(error)) == (True, True, False)


@pytest.mark.parametrize("error", PASSING.values(), ids=PASSING.keys())
def test_the_same_transaction_may_succeed_at_once(error: Exception) -> None:
    assert (is_database_away(error), is_passing(error), is_permanent(error)) == (False, True, False)


@pytest.mark.parametrize("error", PERMANENT.values(), ids=PERMANENT.keys())
def test_the_message_can_never_succeed(error: Exception) -> None:
    assert (is_database_away(error), is_passing(error), is_permanent(error)) == (False, False, True)


@pytest.mark.parametrize("error", OTHER.values(), ids=OTHER.keys())
def test_anything_else_is_attempted_again_later(error: Exception) -> None:
    assert (is_database_away(error), is_passing(error), is_permanent(error)) == (False, False, False)


def test_pauses_double_up_to_their_limit_with_jitter() -> None:
    for failures, longest in [(1, 2.0), (2, 4.0), (3, 8.0), (4, 10.0), (100_000, 10.0)]:
        pauses = [pause_s(failures, first_s=2.0, limit_s=10.0) for _ in range(200)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest
