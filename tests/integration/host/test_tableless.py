"""A service without tables: it runs beside the others, reaches them by HTTP, and needs no database of its own."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from fastapi import APIRouter, Request
from pydantic_settings import BaseSettings
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from libs.host.dead_messages import chosen_services
from libs.host.errors import WrongSetting
from libs.host.registry import with_tables
from libs.host.service import Job, Service, TablelessContext, TablelessDefinition
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import running
from tests.integration.host.toy import toy

router = APIRouter()


@router.get("/toys")
async def toys(request: Request) -> dict[str, Any]:
    """What the sibling answers."""
    answer = await request.app.state.context.http.get("/toy/readyz")
    found: dict[str, Any] = answer.json()
    return found


async def pages(scope: Scope, receive: Receive, send: Send) -> None:
    inner = scope["path"].removeprefix(scope["root_path"])
    await PlainTextResponse(f"the page {inner}")(scope, receive, send)


def build(context: TablelessContext[BaseSettings]) -> Service:
    return Service(routers=[router], pages=pages)


window = TablelessDefinition("window", "Looks at others.", BaseSettings, build)


async def test_it_serves_routes_and_pages_and_reaches_its_siblings(postgres_server: DatabaseServer) -> None:
    async with running([toy, window], postgres_server) as shop:
        assert (await shop.http.get("/window/v1/toys")).json() == {"ready": True, "checks": {"database": "ok"}}
        assert (await shop.http.get("/window/some/page")).text == "the page /some/page"
        assert (await shop.http.get("/window/readyz")).json() == {"ready": True, "checks": {}}
        assert "/window/v1/dead-messages" not in (await shop.http.get("/window/openapi.json")).json()["paths"]
        assert set(shop.buses) == {"toy"}


def test_only_services_with_tables_are_migrated_and_have_messages() -> None:
    assert with_tables([toy, window]) == [toy]
    assert "backoffice" not in [each.name for each in chosen_services(None)]
    with pytest.raises(WrongSetting, match="backoffice has no messages"):
        chosen_services("backoffice")


async def test_jobs_need_tables_for_their_leases(postgres_server: DatabaseServer) -> None:
    def with_a_job(context: TablelessContext[BaseSettings]) -> Service:
        return Service(jobs=[Job("tick", 1.0, lambda: asyncio.sleep(0))])

    with pytest.raises(WrongSetting, match="window keeps no tables"):
        async with running([toy, replace(window, build=with_a_job)], postgres_server):
            pass
