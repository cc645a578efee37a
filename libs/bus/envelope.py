"""The envelope of every message: CloudEvents 1.0 attributes, binary mode over AMQP 0-9-1 (`ce-` headers)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

CONTENT_TYPE = "application/json"
SPEC_VERSION = "1.0"
LONGEST_ATTRIBUTE = 1024
# W3C Trace Context, section 3.2.2: version, trace id, parent id, flags.
_TRACEPARENT = re.compile(r"^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$")


class MalformedEnvelope(ValueError):
    """A message's headers are not an envelope of ours; the text names the attribute and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A message on its way: CloudEvents context attributes, our extensions and the JSON payload.

    `partition_key` orders: messages with one key reach each consumer in order. `sequence` counts the messages of
    `subject` from 1. `time` and `expiry_time` are aware UTC times.
    """

    id: str
    type: str
    source: str
    subject: str
    time: datetime
    partition_key: str
    sequence: int
    correlation_id: str
    body: bytes
    causation_id: str | None = None
    store_id: str | None = None
    expiry_time: datetime | None = None
    traceparent: str | None = None


def to_headers(envelope: Envelope) -> dict[str, str]:
    """The AMQP headers of an envelope, as the CloudEvents binding for RabbitMQ writes them in binary mode.

    Written here and not by the SDK, which costs ten times as much per message; the tests read these headers with the
    SDK and the SDK's headers with `from_headers`.
    """
    headers = {
        "ce-specversion": SPEC_VERSION,
        "ce-id": envelope.id,
        "ce-type": envelope.type,
        "ce-source": envelope.source,
        "ce-subject": envelope.subject,
        "ce-time": _instant_text(envelope.time),
        "ce-partitionkey": envelope.partition_key,
        "ce-sequence": str(envelope.sequence),
        "ce-correlationid": envelope.correlation_id,
    }
    if envelope.causation_id is not None:
        headers["ce-causationid"] = envelope.causation_id
    if envelope.store_id is not None:
        headers["ce-storeid"] = envelope.store_id
    if envelope.expiry_time is not None:
        headers["ce-expirytime"] = _instant_text(envelope.expiry_time)
    if envelope.traceparent is not None:
        headers["ce-traceparent"] = envelope.traceparent
    return headers


def from_headers(headers: Mapping[str, Any], body: bytes) -> Envelope:
    """Read the headers of a message; unknown ones are ignored. Raises MalformedEnvelope.

    A trace context that does not follow the standard is dropped rather than refused, as W3C Trace Context demands.
    """
    version = _required(headers, "specversion")
    if version != SPEC_VERSION:
        raise MalformedEnvelope(f"ce-specversion is {version!r}, not {SPEC_VERSION!r}")
    traceparent = headers.get("ce-traceparent")
    return Envelope(
        id=_required(headers, "id"),
        type=_required(headers, "type"),
        source=_required(headers, "source"),
        subject=_required(headers, "subject"),
        time=_instant("time", _required(headers, "time")),
        partition_key=_required(headers, "partitionkey"),
        sequence=_sequence(_required(headers, "sequence")),
        correlation_id=_required(headers, "correlationid"),
        body=body,
        causation_id=_optional(headers, "causationid"),
        store_id=_optional(headers, "storeid"),
        expiry_time=_optional_instant(headers, "expirytime"),
        traceparent=traceparent if isinstance(traceparent, str) and _TRACEPARENT.match(traceparent) else None,
    )


def _required(headers: Mapping[str, Any], attribute: str) -> str:
    value = _optional(headers, attribute)
    if value is None:
        raise MalformedEnvelope(f"ce-{attribute} is missing")
    return value


def _optional(headers: Mapping[str, Any], attribute: str) -> str | None:
    value = headers.get(f"ce-{attribute}")
    if value is None:
        return None
    if not isinstance(value, str):
        raise MalformedEnvelope(f"ce-{attribute} is a {type(value).__name__}, not text")
    # PostgreSQL's text holds everything but the null character.
    if not value or len(value) > LONGEST_ATTRIBUTE or "\x00" in value:
        raise MalformedEnvelope(f"ce-{attribute} is empty, longer than {LONGEST_ATTRIBUTE} characters or holds a null")
    return value


def _optional_instant(headers: Mapping[str, Any], attribute: str) -> datetime | None:
    value = _optional(headers, attribute)
    return None if value is None else _instant(attribute, value)


def _instant(attribute: str, value: str) -> datetime:
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise MalformedEnvelope(f"ce-{attribute} is {value!r}, not an RFC 3339 timestamp") from error
    if instant.tzinfo is None:
        raise MalformedEnvelope(f"ce-{attribute} is {value!r}, without an offset from UTC")
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise MalformedEnvelope(f"ce-{attribute} is {value!r}, out of range in UTC") from error


def _instant_text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _sequence(value: str) -> int:
    if not (value.isascii() and value.isdigit() and len(value) <= 18) or int(value) < 1:
        raise MalformedEnvelope(f"ce-sequence is {value!r}, not a number from 1")
    return int(value)
