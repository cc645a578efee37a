"""Puts a message into its envelope: the same for the outbox of a service and for the journal of a device gateway."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.bus.envelope import Envelope, from_headers, to_headers
from libs.bus.topology import command_routing_key, event_routing_key, partition_of
from libs.contracts.message import Command
from libs.persistence import Origin, Outgoing, new_id


class MessageTooLarge(ValueError):
    """A message's payload is beyond what brokers carry; it should hold a reference instead."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message ready for a transport. `partition` is that of its key, 0 to 15; `headers` are those of AMQP."""

    id: UUID
    type: str
    kind: str
    key: str
    partition: int
    routing_key: str
    headers: dict[str, str]
    body: bytes
    expires_at: datetime | None


def seal(
    outgoing: Outgoing, origin: Origin, *, source: str, now: datetime, traceparent: str | None, limit_bytes: int
) -> Sealed:
    """Give a message its id, envelope and routing key. `source` is the CloudEvents source, e.g. `/sales`.

    Raises MessageTooLarge, MalformedEnvelope or InvalidTopology for a message that could not be delivered.
    """
    message = outgoing.message
    definition = message.message
    message_id = new_id()
    envelope = Envelope(
        id=str(message_id),
        type=definition.type,
        source=source,
        subject=message.subject,
        time=now,
        partition_key=outgoing.partition_key,
        sequence=outgoing.sequence,
        correlation_id=origin.correlation_id,
        body=message.body(),
        causation_id=origin.causation_id,
        store_id=message.store,
        expiry_time=outgoing.expires_at,
        traceparent=traceparent,
    )
    if len(envelope.body) > limit_bytes:
        raise MessageTooLarge(f"{definition.type}: {len(envelope.body)} of {limit_bytes} bytes")
    headers = to_headers(envelope)
    # Refused here, where the fault is, and not at every consumer later.
    from_headers(headers, envelope.body)
    partition = partition_of(envelope.partition_key)
    routing_key = (
        command_routing_key(message.route)
        if isinstance(message, Command)
        else event_routing_key(definition.type, message.store, partition)
    )
    return Sealed(
        message_id,
        definition.type,
        definition.kind,
        envelope.partition_key,
        partition,
        routing_key,
        headers,
        envelope.body,
        outgoing.expires_at,
    )
