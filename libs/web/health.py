"""Health, readiness and metrics, the same for every service and without sign-on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from pydantic import BaseModel
from starlette.responses import JSONResponse, Response

ReadinessCheck = Callable[[], Awaitable[str | None]]
"""Returns None when ready, else a sentence that says what is missing."""


class Readiness(BaseModel):
    """Whether the service can work now, and each thing it needs with 'ok' or what is wrong."""

    ready: bool
    checks: dict[str, str]


def health_router(checks: Mapping[str, ReadinessCheck], registry: CollectorRegistry) -> APIRouter:
    """Routes /healthz (alive), /readyz (can serve now; 503 with reasons if not) and /metrics (Prometheus)."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Is the process alive?")
    async def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @router.get(
        "/readyz",
        summary="Can it serve now?",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "Not now; `checks` says why."}},
    )
    async def readyz() -> Response:
        results = {name: await check() or "ok" for name, check in checks.items()}
        ready = all(result == "ok" for result in results.values())
        return JSONResponse(Readiness(ready=ready, checks=results).model_dump(), status_code=200 if ready else 503)

    @router.get("/metrics", summary="Prometheus metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    return router
