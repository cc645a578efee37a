"""Spans for publishing and consuming: one trace from the HTTP request through the outbox to the last consumer.

The trace context travels as the CloudEvents extension `traceparent`. Without an SDK installed the spans record
nothing, yet the context is still handed on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, TraceFlags, TracerProvider

from libs.bus.envelope import Envelope
from libs.telemetry.names import ATTRIBUTE_CONSUMER, SPAN_PROCESS, SPAN_PUBLISH

MOST_LINKS = 32


def format_traceparent(context: SpanContext) -> str | None:
    """The W3C `traceparent` of a span, or None if it is not part of a trace."""
    if not context.is_valid:
        return None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"


def current_traceparent() -> str | None:
    """The `traceparent` of what is being done now."""
    return format_traceparent(trace.get_current_span().get_span_context())


def span_context(traceparent: str | None) -> SpanContext | None:
    """The remote span that a validated `traceparent` names."""
    if traceparent is None:
        return None
    _, trace_id, span_id, flags = traceparent.split("-")
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return context if context.is_valid else None


class Tracing:
    """Starts the spans of one service's bus."""

    def __init__(self, system: str, provider: TracerProvider | None = None) -> None:
        self._tracer = trace.get_tracer("tillstream.bus", tracer_provider=provider)
        self._system = system

    def publishing(
        self, message_type: str, message_id: str, destination: str, traceparent: str | None
    ) -> AbstractContextManager[str | None]:
        """A producer span below `traceparent`; gives the `traceparent` to send.

        A message of a trace that is not recorded costs nothing here: its context is handed on as it is.
        """
        context = span_context(traceparent)
        if context is None or not context.trace_flags.sampled:
            return nullcontext(traceparent)
        return self._publishing(message_type, message_id, destination, context)

    @contextmanager
    def _publishing(
        self, message_type: str, message_id: str, destination: str, parent: SpanContext
    ) -> Iterator[str | None]:
        attributes = {
            "messaging.system": self._system,
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.name": destination,
            "messaging.message.id": message_id,
        }
        with self._tracer.start_as_current_span(
            f"{SPAN_PUBLISH} {message_type}", _below(parent), SpanKind.PRODUCER, attributes
        ) as span:
            yield format_traceparent(span.get_span_context()) or format_traceparent(parent)

    @contextmanager
    def consuming(self, envelope: Envelope, consumer: str) -> Iterator[Span]:
        """A consumer span that continues the message's trace."""
        attributes = {**self._process(consumer), "messaging.message.id": envelope.id}
        with self._tracer.start_as_current_span(
            f"{SPAN_PROCESS} {envelope.type}", _below(span_context(envelope.traceparent)), SpanKind.CONSUMER, attributes
        ) as span:
            yield span

    @contextmanager
    def consuming_batch(self, envelopes: Sequence[Envelope], consumer: str) -> Iterator[Span]:
        """A consumer span of its own for a batch, linked to the traces its messages come from."""
        contexts = (span_context(envelope.traceparent) for envelope in envelopes[:MOST_LINKS])
        links = [Link(context) for context in contexts if context is not None]
        attributes: dict[str, str | int] = {**self._process(consumer), "messaging.batch.message_count": len(envelopes)}
        with self._tracer.start_as_current_span(
            f"{SPAN_PROCESS} {consumer}", Context(), SpanKind.CONSUMER, attributes, links
        ) as span:
            yield span

    def _process(self, consumer: str) -> dict[str, str]:
        return {
            "messaging.system": self._system,
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": consumer,
            "messaging.consumer.group.name": consumer,
            ATTRIBUTE_CONSUMER: consumer,
        }


def _below(parent: SpanContext | None) -> Context:
    # An empty context, not the current one: the relay's own span must not become the parent of somebody's message.
    return Context() if parent is None else trace.set_span_in_context(NonRecordingSpan(parent), Context())
