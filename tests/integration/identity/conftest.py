from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from libs.testkit.databases import DatabaseServer
from tests.integration.identity.installation import (
    QUICK_HASHES,
    Installation,
    OpenedShop,
    Shop,
    installed,
    open_once,
    reopened,
)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in QUICK_HASHES.items():
        monkeypatch.setenv(variable, value)


@pytest.fixture
async def installation(quick_hashes: None, postgres_server: DatabaseServer) -> AsyncIterator[Installation]:
    """Identity before set-up."""
    async with installed(postgres_server) as installation:
        yield installation


@pytest.fixture(scope="session")
def opened_shop(postgres_server: DatabaseServer) -> OpenedShop:
    """A shop opened once for the whole run; tests get copies."""
    with pytest.MonkeyPatch.context() as patch:
        for variable, value in QUICK_HASHES.items():
            patch.setenv(variable, value)
        return asyncio.run(open_once(postgres_server))


@pytest.fixture
async def shop(quick_hashes: None, postgres_server: DatabaseServer, opened_shop: OpenedShop) -> AsyncIterator[Shop]:
    """Identity with a store, an enrolled till, a cashier and a manager."""
    async with reopened(postgres_server, opened_shop) as shop:
        yield shop
