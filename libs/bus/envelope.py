"""The envelope of every message: CloudEvents 1.0 attributes, binary mode over AMQP 0-9-1 (`ce-` headers)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
