"""What operators see: one connected trace through every message, and metrics that show whether messages flow."""

from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, format_span_id, format_trace_id
from prometheus_client import CollectorRegistry

from libs.bus.bus import MessageBus, NotDrained
from libs.bus.consumer import AnyConsumer, Consumer, Received
from libs.bus.metrics import metrics_for
from libs.contracts.refusal import Invalid
from libs.persistence import Database, UnitOfWork, create_engine
from libs.telemetry import trace_provider
from tests.integration.bus.harness import Counted, Echoed, Stand, events_consumer, projection, recorder, until
from tests.integration.bus.test_inbox import Fussy, dead, wire


async def test_the_trace_of_a_request_goes_on_through_the_outbox_to_the_last_consumer(any_stand: Stand) -> None:
    exporter = InMemorySpanExporter()
    provider = trace_provider("testing", exporter=exporter)
    traceparents: list[str | None] = []

    async def echo(received: Received[Counted], work: UnitOfWork) -> None:
        traceparents.append(work.origin.traceparent)
        work.emit(Echoed(key="a", number=1), sequence=1)

    consumers: list[AnyConsumer] = [
        Consumer("testing.echo", {Counted: echo}),
        Consumer("testing.end", {Echoed: recorder(any_stand.tables, "testing.end")}),
        projection(any_stand.tables),
    ]
    await any_stand.broker.declare(consumers)
    engine = create_engine(any_stand.url, schema=str(any_stand.tables.metadata.schema))
    database = Database(engine)
    transport = await any_stand.broker.transport()
    bus = MessageBus(
        "testing",
        database,
        any_stand.tables.messaging,
        transport,
        any_stand.broker.settings,
        tracer_provider=provider,
    )
    await bus.start(consumers)
    with provider.get_tracer("test").start_as_current_span("POST /sales") as request:
        async with database.transaction() as work:
            work.emit(Counted(key="a", number=1), sequence=1)
        trace_id = request.get_span_context().trace_id
    await bus.drained()
    await bus.stop()
    await engine.dispose()

    spans = [span for span in exporter.get_finished_spans() if span.name != "POST /sales"]
    of_trace = [span for span in spans if span.context and span.context.trace_id == trace_id]
    counted, echoed = Counted.message.type, Echoed.message.type
    assert sorted(span.name for span in of_trace) == sorted(
        [f"publish {counted}", f"process {counted}", f"publish {echoed}", f"process {echoed}"]
    )
    by_name = {span.name: span for span in of_trace}
    chain = [f"publish {counted}", f"process {counted}", f"publish {echoed}", f"process {echoed}"]
    parents = [_parent(by_name[name]) for name in chain]
    assert parents == [request.get_span_context().span_id, *(_id(by_name[name]) for name in chain[:-1])]
    assert by_name[chain[0]].kind is SpanKind.PRODUCER
    assert by_name[chain[1]].kind is SpanKind.CONSUMER
    (traceparent,) = traceparents
    assert traceparent is not None
    assert traceparent.startswith(f"00-{format_trace_id(trace_id)}-{format_span_id(_id(by_name[chain[1]]))}-")
    # A batch belongs to many traces, so it has one of its own and links to theirs.
    (batch,) = [span for span in spans if span.name == "process testing.projection"]
    assert [link.context.trace_id for link in batch.links] == [trace_id]


def _parent(span: ReadableSpan) -> int | None:
    return None if span.parent is None else int(span.parent.span_id)


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


async def test_without_tracing_the_context_is_still_handed_on(local_stand: Stand) -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00"
    seen: list[Any] = []

    async def handle(_received: Received[Counted], work: UnitOfWork) -> None:
        seen.append(work.origin.traceparent)

    node = await local_stand.node([Consumer("testing.look", {Counted: handle})])
    await node.transport.publish(wire("a", 1, headers={"ce-traceparent": traceparent}))
    await node.bus.drained()
    assert seen == [traceparent]


async def test_metrics_count_what_was_published_handled_repeated_parked_and_dead(local_stand: Stand) -> None:
    registry = CollectorRegistry()
    consumers = [events_consumer(local_stand.tables, before=Fussy(2, error=Invalid("no")))]
    await local_stand.broker.declare(consumers)
    engine = create_engine(local_stand.url, schema=str(local_stand.tables.metadata.schema))
    database = Database(engine)
    transport = await local_stand.broker.transport()
    bus = MessageBus(
        "testing", database, local_stand.tables.messaging, transport, local_stand.broker.settings, registry=registry
    )
    await bus.start(consumers)
    observer = await local_stand.node()
    await observer.emit("bad", [1, 2, 3])
    await observer.emit("good", [1])
    await dead(observer)
    again = wire("good", 2)
    for _ in range(3):
        await transport.publish(again)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(name, {"service": "testing", **labels})

    async def counted() -> bool:
        consumer = {"consumer": "testing.events"}
        return (
            value("inbox_handled_messages_total", **consumer) == 3
            and value("inbox_repeated_deliveries_total", **consumer) == 2
            and value("inbox_deferred_messages_total", **consumer) == 1
            and value("inbox_dead_messages_total", **consumer) == 1
        )

    async def sent() -> bool:
        await bus.housekeeping.measure(bus._runners)
        return value("outbox_pending_messages") == 0

    await until(counted)
    await until(sent)
    assert value("bus_consumers_expected") == value("bus_consumers_attached") == 1
    assert value("outbox_lag_seconds") == 0
    await bus.stop()
    await engine.dispose()


async def test_the_watchdog_shows_consumers_that_are_not_attached(local_stand: Stand) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables, queue_count=4)])
    runners = node.bus._runners
    registry = CollectorRegistry()
    node.bus.housekeeping._metrics = metrics_for(registry)

    async def attached() -> bool:
        return runners[0].attached == 4

    await until(attached)
    await runners[0]._attachments[0].close()
    await node.bus.housekeeping.measure(runners)
    assert registry.get_sample_value("bus_consumers_expected", {"service": "testing"}) == 4
    assert registry.get_sample_value("bus_consumers_attached", {"service": "testing"}) == 3


async def test_pending_messages_and_their_age_are_shown(local_stand: Stand) -> None:
    node = await local_stand.node()
    await node.bus.stop()
    await node.emit("a", [1, 2, 3])
    registry = CollectorRegistry()
    node.bus.housekeeping._metrics = metrics_for(registry)
    await node.bus.housekeeping.measure([])
    assert registry.get_sample_value("outbox_pending_messages", {"service": "testing"}) == 3
    lag = registry.get_sample_value("outbox_lag_seconds", {"service": "testing"})
    assert lag is not None
    assert 0 < lag < 60


async def test_waiting_for_the_bus_to_drain_says_what_remains(local_stand: Stand) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables, before=Fussy(1, error=Invalid("no")))])
    await node.emit("bad", [1, 2])
    await dead(node)
    with pytest.raises(NotDrained, match=r"inbox dead.: 1"):
        await node.bus.drained(timeout_s=0.3)
