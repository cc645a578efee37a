"""One trace from a request to the last consumer: through the outbox, the relay, the broker and the inbox."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import psycopg
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind

from infra.demo.shop import Shop, set_up_shop
from infra.demo.subscriber.service import definition as subscriber
from libs.bus.transport import Transport
from libs.bus.transports.local import LocalTransport
from libs.bus.transports.rabbit import RabbitTransport, remove
from libs.host.migration import consumers_of
from libs.host.registry import service_definition
from libs.host.settings import HostSettings
from libs.persistence import new_id
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import TEST_POOL_CONNECTIONS, RunningServices, running
from tests.chaos.tills import OpenApi
from tests.integration.bus.harness import quick_settings

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
SERVICES = [*map(service_definition, ("identity", "catalog", "sales")), subscriber]
SALE_COMPLETED = "tillstream.sales.sale_completed.v1"
STOCK_CHANGED = "tillstream.catalog.stock_changed.v1"


@dataclass(frozen=True)
class Traced:
    """A shop ready to sell, and the system it runs on."""

    services: RunningServices
    shop: Shop

    def spans(self, trace_id: str) -> Sequence[ReadableSpan]:
        """The finished spans of one trace."""
        return [each for each in self.services.spans.get_finished_spans() if _trace_id(each) == trace_id]


@pytest.fixture(params=["local", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
async def traced(
    request: pytest.FixtureRequest, broker_namespace: str, postgres_server: DatabaseServer
) -> AsyncIterator[Traced]:
    """The whole system on each transport in turn; nothing of the set-up is in the spans."""
    bus = quick_settings(broker_namespace)
    settings = HostSettings(bus=bus, database_pool_connections=TEST_POOL_CONNECTIONS)
    if request.param == "local":
        async with _trading(postgres_server, settings, LocalTransport(bus)) as trading:
            yield trading
        return
    url = request.getfixturevalue("rabbitmq_url")
    try:
        async with _trading(postgres_server, settings, RabbitTransport(url, bus, client="test")) as trading:
            yield trading
    finally:
        await remove(url, bus, consumers_of(SERVICES, settings))


@asynccontextmanager
async def _trading(server: DatabaseServer, settings: HostSettings, transport: Transport) -> AsyncIterator[Traced]:
    async with running(SERVICES, server, settings=settings, transport=transport) as services:
        shop = await set_up_shop(OpenApi(services.http), services.secrets, 1)
        await shop.cashiers[0].open_shift()
        await services.drained()
        services.spans.clear()
        yield Traced(services, shop)


async def test_one_trace_leads_from_the_request_to_the_last_consumer(traced: Traced) -> None:
    await _sell(traced)
    spans = traced.spans(TRACE_ID)
    [request] = [span for span in spans if span.kind is SpanKind.SERVER]
    assert (request.name, _service(request)) == ("POST /sales/v1/sales", "tillstream-sales")
    assert request.parent is not None
    assert f"{request.parent.span_id:016x}" == CALLER

    sent = _one(spans, f"publish {SALE_COMPLETED}", SpanKind.PRODUCER)
    assert (_service(sent), _parent(sent)) == ("tillstream-sales", _id(request))
    taken = _one(spans, f"process {SALE_COMPLETED}", SpanKind.CONSUMER)
    assert (_service(taken), _parent(taken)) == ("tillstream-catalog", _id(sent))
    assert _attributes(taken)["messaging.message.id"] == _attributes(sent)["messaging.message.id"]
    assert _attributes(taken)["tillstream.consumer"] == "catalog.stock"
    # What the consumer tells in its turn goes on in the same trace, below the message that caused it.
    told = _one(spans, f"publish {STOCK_CHANGED}", SpanKind.PRODUCER)
    assert (_service(told), _parent(told)) == ("tillstream-catalog", _id(taken))

    # A projection works on many messages at once: a span of its own, linked to the trace of each.
    [projection] = [
        span
        for span in traced.services.spans.get_finished_spans()
        if span.name == "process subscriber.sales" and span.links
    ]
    assert [(f"{link.context.trace_id:032x}", link.context.span_id) for link in projection.links] == [
        (TRACE_ID, _id(sent))
    ]


async def test_without_a_callers_trace_a_request_begins_one_of_its_own(traced: Traced) -> None:
    await _sell(traced, headers={})
    requests = [each for each in traced.services.spans.get_finished_spans() if each.name == "POST /sales/v1/sales"]
    [request] = requests
    assert request.parent is None
    own = traced.spans(_trace_id(request))
    assert _parent(_one(own, f"publish {SALE_COMPLETED}", SpanKind.PRODUCER)) == _id(request)
    assert _service(_one(own, f"process {SALE_COMPLETED}", SpanKind.CONSUMER)) == "tillstream-catalog"


async def test_a_trace_that_its_caller_does_not_record_is_handed_on_and_not_recorded(traced: Traced) -> None:
    await _sell(traced, headers={"traceparent": f"00-{TRACE_ID}-{CALLER}-00"})
    assert traced.spans(TRACE_ID) == []
    with psycopg.connect(traced.services.database_url) as connection:
        sent = connection.execute("select headers ->> 'ce-traceparent' from sales.outbox order by seq desc").fetchone()
    assert sent is not None
    assert sent[0].startswith(f"00-{TRACE_ID}-")
    assert sent[0].endswith("-00")


async def _sell(traced: Traced, headers: Mapping[str, str] | None = None) -> None:
    cashier = traced.shop.cashiers[0]
    assert isinstance(cashier.api, OpenApi)
    given = {"traceparent": f"00-{TRACE_ID}-{CALLER}-01"} if headers is None else headers
    body = {
        "sale_id": str(new_id()),
        "currency": "EUR",
        "age_confirmed_years": 18,
        "lines": [{"code": "G001"}],
        "tenders": [{"tender_id": str(new_id()), "kind": "cash", "given_minor": 50_000}],
    }
    response = await traced.services.http.post("/sales/v1/sales", json=body, headers={**cashier.api.headers, **given})
    assert response.status_code == 201, response.text
    await traced.services.drained()


def _one(spans: Sequence[ReadableSpan], name: str, kind: SpanKind) -> ReadableSpan:
    found = [span for span in spans if span.name == name]
    assert [span.kind for span in found] == [kind], [span.name for span in spans]
    return found[0]


def _id(span: ReadableSpan) -> int:
    assert span.context is not None
    own: int = span.context.span_id
    return own


def _trace_id(span: ReadableSpan) -> str:
    assert span.context is not None
    return f"{span.context.trace_id:032x}"


def _parent(span: ReadableSpan) -> int | None:
    return span.parent.span_id if span.parent else None


def _service(span: ReadableSpan) -> object:
    return span.resource.attributes["service.name"]


def _attributes(span: ReadableSpan) -> Mapping[str, object]:
    return span.attributes or {}
