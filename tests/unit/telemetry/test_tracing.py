"""Traces: one provider per service, recorded only where somebody listens."""

from __future__ import annotations

from opentelemetry import propagate
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from libs.telemetry import trace_provider


def test_spans_of_two_services_in_one_process_carry_their_own_names() -> None:
    exporter = InMemorySpanExporter()
    for service in ("sales", "catalog"):
        with trace_provider(service, exporter=exporter, instance="a1").get_tracer("t").start_as_current_span("x"):
            pass
    spans = exporter.get_finished_spans()
    assert [span.resource.attributes["service.name"] for span in spans] == ["tillstream-sales", "tillstream-catalog"]
    assert spans[0].resource.attributes["service.instance.id"] == "a1"


def test_without_a_collector_a_trace_is_passed_on_and_not_recorded() -> None:
    carrier: dict[str, str] = {}
    with trace_provider("sales").get_tracer("t").start_as_current_span("x") as span:
        propagate.inject(carrier)
        assert not span.is_recording()
    assert carrier["traceparent"].startswith(f"00-{span.get_span_context().trace_id:032x}-")
