"""Traces: one tracer provider for each service, because `service.name` belongs to the provider.

In embedded mode many services share a process, so no global provider is ever set: a tracer is handed to whoever needs
one. W3C trace context crosses HTTP by header and RabbitMQ by the CloudEvents extension `traceparent`.
"""

from __future__ import annotations

from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBasedTraceIdRatio

TRACES_PATH = "/v1/traces"


def trace_provider(
    service: str,
    *,
    otlp_endpoint: str | None = None,
    exporter: SpanExporter | None = None,
    sample_share: float = 1.0,
    instance: str | None = None,
) -> TracerProvider:
    """The provider whose spans carry `service.name` = `tillstream-<service>`.

    `otlp_endpoint` is the base URL of an OTLP/HTTP collector, e.g. http://collector:4318. `exporter` overrides it, for
    tests; an in-memory one sees each span at once. With neither, spans are not recorded, yet every request still has
    a trace id to log and to pass on. `sample_share` (0 to 1) is the part of new traces that is recorded.
    """
    attributes = {"service.name": f"tillstream-{service}", "service.namespace": "tillstream"}
    if instance:
        attributes["service.instance.id"] = instance
    if exporter is None and otlp_endpoint is not None:
        # Only here: a till's small machine without a collector should not load it.
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter(endpoint=otlp_endpoint.rstrip("/") + TRACES_PATH)
    if exporter is None:
        return TracerProvider(sampler=ALWAYS_OFF, resource=Resource(attributes), shutdown_on_exit=False)
    provider = TracerProvider(
        sampler=ParentBasedTraceIdRatio(sample_share), resource=Resource(attributes), shutdown_on_exit=False
    )
    immediate = isinstance(exporter, InMemorySpanExporter)
    provider.add_span_processor(SimpleSpanProcessor(exporter) if immediate else BatchSpanProcessor(exporter))
    return provider
