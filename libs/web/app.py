"""The FastAPI application of one service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from opentelemetry.trace import NoOpTracer, Tracer
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from libs.web.docs_page import add_docs_page
from libs.web.health import ReadinessCheck, health_router
from libs.web.openapi import ABOUT, DescribedApp, operation_id
from libs.web.problems import install_problem_handlers
from libs.web.request_context import RequestContext, RequestMeasurements

LARGEST_BODY_BYTES = 1_048_576


def create_service_app(
    *,
    name: str,
    summary: str,
    context: Any,
    routers: Sequence[APIRouter],
    resources: Mapping[type, Any],
    checks: Mapping[str, ReadinessCheck],
    registry: CollectorRegistry,
    tracer: Tracer | None = None,
    version: str = "1",
    pages: ASGIApp | None = None,
) -> FastAPI:
    """Build the application that serves `/<name>/v1/...`, `/<name>/healthz`, its OpenAPI page and its metrics.

    `context` is the service's `ServiceContext`; `resources` are found again by `libs.web.transactions.resource`.
    `pages`, if there are any, get every other path below `/<name>/`.
    Paths are absolute, so the same application is served alone or mounted beside others.
    """
    app = DescribedApp(
        title=f"Tillstream {name}",
        summary=summary,
        description=ABOUT,
        version=version,
        openapi_url=f"/{name}/openapi.json",
        docs_url=None,
        redoc_url=None,
        max_body_size=LARGEST_BODY_BYTES,
        generate_unique_id_function=operation_id,
        # Ours are the spans and measurements of RequestContext; FastAPI's own would be a second set beside them.
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    app.state.context = context
    app.state.resources = dict(resources)
    add_docs_page(app, name)
    install_problem_handlers(app)
    app.add_middleware(
        RequestContext,
        service=name,
        tracer=tracer or NoOpTracer(),
        measurements=RequestMeasurements(registry),
    )
    app.include_router(health_router(checks, registry), prefix=f"/{name}")
    for router in routers:
        app.include_router(router, prefix=f"/{name}/v1")
    if pages is not None:
        # Last, as it takes whatever nothing before it has taken.
        app.mount(f"/{name}", pages)
    return app
