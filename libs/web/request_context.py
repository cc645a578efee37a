"""What every request gets: a correlation id, a server span that continues the caller's trace, and its measurements."""

from __future__ import annotations

import re
import time

import structlog
from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Tracer
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from libs.persistence import Origin, new_id
from libs.telemetry import names
from libs.web.problems import CORRELATION_HEADER

_CORRELATION = re.compile(r"^[A-Za-z0-9_-]{8,64}$")


class RequestMeasurements:
    """Counts and times of requests by route, for /metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = Counter(
            names.HTTP_REQUESTS, "Requests answered.", ["service", "method", "route", "status"], registry=registry
        )
        self._seconds = Histogram(
            names.HTTP_REQUEST_SECONDS,
            "Time to answer.",
            ["service", "method", "route"],
            registry=registry,
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )

    def observe(self, service: str, scope: Scope, status: int, elapsed_s: float) -> None:
        """Record one answered request."""
        route = _route_template(scope) or "unmatched"
        self._requests.labels(service, scope["method"], route, str(status)).inc()
        self._seconds.labels(service, scope["method"], route).observe(elapsed_s)


class RequestContext:
    """ASGI middleware; see the module's description. It puts `origin` into the request's state."""

    def __init__(self, app: ASGIApp, *, service: str, tracer: Tracer, measurements: RequestMeasurements) -> None:
        self._app = app
        self._service = service
        self._tracer = tracer
        self._measurements = measurements

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        given = headers.get(CORRELATION_HEADER.lower(), "")
        correlation_id = given if _CORRELATION.match(given) else str(new_id())
        status = 500
        started_s = time.perf_counter()

        async def send_with_correlation(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    (CORRELATION_HEADER.lower().encode(), correlation_id.encode()),
                ]
            await send(message)

        with (
            self._tracer.start_as_current_span(
                f"{scope['method']} {self._service}", context=propagate.extract(headers), kind=SpanKind.SERVER
            ) as span,
            structlog.contextvars.bound_contextvars(service=self._service, correlation_id=correlation_id),
        ):
            carrier: dict[str, str] = {}
            propagate.inject(carrier)
            scope.setdefault("state", {})["origin"] = Origin(correlation_id, None, carrier.get("traceparent"))
            try:
                await self._app(scope, receive, send_with_correlation)
            finally:
                self._finish(span, scope, status, time.perf_counter() - started_s)

    def _finish(self, span: trace.Span, scope: Scope, status: int, elapsed_s: float) -> None:
        route = _route_template(scope)
        if span.is_recording():
            if route:
                span.update_name(f"{scope['method']} {route}")
            span.set_attributes({"http.request.method": scope["method"], "http.response.status_code": status})
            if route:
                span.set_attribute("http.route", route)
        self._measurements.observe(self._service, scope, status, elapsed_s)


def _route_template(scope: Scope) -> str | None:
    """The matched route with its prefixes, e.g. /sales/v1/sales/{sale_id}; a router alone knows only its own part."""
    effective = scope.get("fastapi", {}).get("effective_route_context")
    template: str | None = getattr(effective or scope.get("route"), "path_format", None)
    return template
