"""CloudEvents 1.0, binary mode, binding for RabbitMQ: our headers and the SDK's are the same, both ways."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.bus.envelope import CONTENT_TYPE, Envelope, MalformedEnvelope, from_headers, to_headers

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
ENVELOPE = Envelope(
    id="0192f0c4-0000-7000-8000-000000000001",
    type="tillstream.sales.sale_completed.v1",
    source="/sales",
    subject="sale-7",
    time=datetime(2026, 11, 20, 9, 30, 15, 250000, tzinfo=UTC),
    partition_key="till-7",
    sequence=4812,
    correlation_id="correlation",
    body=b'{"total_minor":1299}',
    causation_id="cause",
    store_id="store-3",
    expiry_time=datetime(2026, 11, 21, 9, 30, tzinfo=UTC),
    traceparent=TRACEPARENT,
)
MINIMAL = replace(ENVELOPE, causation_id=None, store_id=None, expiry_time=None, traceparent=None)


def _as_sdk_event(envelope: Envelope) -> CloudEvent:
    attributes: dict[str, Any] = {
        "specversion": "1.0",
        "id": envelope.id,
        "type": envelope.type,
        "source": envelope.source,
        "subject": envelope.subject,
        "time": envelope.time,
        "datacontenttype": CONTENT_TYPE,
        "partitionkey": envelope.partition_key,
        "sequence": str(envelope.sequence),
        "correlationid": envelope.correlation_id,
        "causationid": envelope.causation_id,
        "storeid": envelope.store_id,
        "expirytime": envelope.expiry_time,
        "traceparent": envelope.traceparent,
    }
    return CloudEvent({name: value for name, value in attributes.items() if value is not None}, {"total_minor": 1299})


@pytest.mark.parametrize("envelope", [ENVELOPE, MINIMAL], ids=["full", "minimal"])
def test_our_headers_are_those_the_sdk_writes(envelope: Envelope) -> None:
    written = to_binary(_as_sdk_event(envelope), JSONFormat())
    assert to_headers(envelope) == written.headers
    assert written.content_type == CONTENT_TYPE


@pytest.mark.parametrize("envelope", [ENVELOPE, MINIMAL], ids=["full", "minimal"])
def test_the_sdk_reads_our_headers(envelope: Envelope) -> None:
    event = from_binary(RabbitMQMessage(to_headers(envelope), CONTENT_TYPE, envelope.body), JSONFormat())
    assert event.get_id() == envelope.id
    assert event.get_type() == envelope.type
    assert event.get_source() == envelope.source
    assert event.get_subject() == envelope.subject
    assert event.get_time() == envelope.time
    assert event.get_extension("sequence") == "4812"
    assert event.get_extension("partitionkey") == "till-7"
    assert event.get_data() == {"total_minor": 1299}


@pytest.mark.parametrize("envelope", [ENVELOPE, MINIMAL], ids=["full", "minimal"])
def test_we_read_the_headers_the_sdk_writes(envelope: Envelope) -> None:
    written = to_binary(_as_sdk_event(envelope), JSONFormat())
    assert from_headers(written.headers, envelope.body) == envelope


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=40)
_instants = st.datetimes(
    min_value=datetime(1970, 1, 1),  # noqa: DTZ001 - hypothesis wants naive bounds and adds the time zone
    max_value=datetime(9000, 1, 1),  # noqa: DTZ001
    timezones=st.just(UTC),
)
_envelopes = st.builds(
    Envelope,
    id=_text,
    type=_text,
    source=_text,
    subject=_text,
    time=_instants,
    partition_key=_text,
    sequence=st.integers(1, 10**17),
    correlation_id=_text,
    body=st.binary(max_size=10),
    causation_id=st.none() | _text,
    store_id=st.none() | _text,
    expiry_time=st.none() | _instants,
    traceparent=st.none() | st.just(TRACEPARENT),
)


@settings(deadline=None)
@given(_envelopes)
def test_every_envelope_survives_the_way_through_its_headers(envelope: Envelope) -> None:
    assert from_headers(to_headers(envelope), envelope.body) == envelope


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(list(to_headers(ENVELOPE))), st.text(max_size=30) | st.integers() | st.binary()))
def test_whatever_the_headers_hold_they_are_read_or_named_malformed(changes: dict[str, Any]) -> None:
    headers = {**to_headers(ENVELOPE), **changes}
    try:
        read = from_headers(headers, b"")
    except MalformedEnvelope as error:
        outcome = str(error)
    else:
        outcome = f"ce-id {read.id}"
        assert read.id == headers["ce-id"]
    assert outcome.startswith("ce-")


def test_times_are_read_with_any_offset_and_kept_in_utc() -> None:
    headers = {**to_headers(ENVELOPE), "ce-time": "2026-11-20T17:30:15.250+08:00"}
    assert from_headers(headers, b"").time == ENVELOPE.time
    local = replace(ENVELOPE, time=ENVELOPE.time.astimezone(timezone(timedelta(hours=8))))
    assert to_headers(local)["ce-time"] == "2026-11-20T09:30:15.250000Z"


@pytest.mark.parametrize(
    ("header", "value", "complaint"),
    [
        ("ce-id", None, "ce-id is missing"),
        ("ce-id", "", "ce-id is empty"),
        ("ce-id", 7, "ce-id is a int, not text"),
        ("ce-id", "x" * 1025, "ce-id is empty, longer than 1024"),
        ("ce-subject", "a\x00b", "ce-subject .* holds a null"),
        ("ce-type", None, "ce-type is missing"),
        ("ce-source", None, "ce-source is missing"),
        ("ce-partitionkey", None, "ce-partitionkey is missing"),
        ("ce-correlationid", None, "ce-correlationid is missing"),
        ("ce-specversion", "0.3", "ce-specversion is '0.3', not '1.0'"),
        ("ce-time", "yesterday", "ce-time is 'yesterday', not an RFC 3339 timestamp"),
        ("ce-time", "2026-11-20T09:30:15", "without an offset"),
        ("ce-time", "0001-01-01T00:00:00+14:00", "out of range"),
        ("ce-expirytime", "soon", "ce-expirytime is 'soon'"),
        ("ce-sequence", "0", "ce-sequence is '0', not a number from 1"),
        ("ce-sequence", "-3", "ce-sequence"),
        ("ce-sequence", "1.5", "ce-sequence"),
        ("ce-sequence", "²", "ce-sequence"),
        ("ce-sequence", "9" * 19, "ce-sequence"),
    ],
)
def test_a_malformed_attribute_is_named(header: str, value: Any, complaint: str) -> None:
    headers: dict[str, Any] = {**to_headers(ENVELOPE), header: value}
    with pytest.raises(MalformedEnvelope, match=complaint):
        from_headers(headers, b"")


@pytest.mark.parametrize("traceparent", ["", "nonsense", 7, TRACEPARENT.upper(), TRACEPARENT + "-more"])
def test_a_malformed_trace_context_is_dropped_and_the_message_read(traceparent: Any) -> None:
    assert from_headers({**to_headers(ENVELOPE), "ce-traceparent": traceparent}, b"").traceparent is None
