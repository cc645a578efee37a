from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.testkit.databases import DatabaseServer
from tests.integration.identity.installation import QUICK_HASHES, Installation, Shop, installed, opened


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in QUICK_HASHES.items():
        monkeypatch.setenv(variable, value)


@pytest.fixture
async def installation(quick_hashes: None, postgres_server: DatabaseServer) -> AsyncIterator[Installation]:
    """Identity before set-up."""
    async with installed(postgres_server) as installation:
        yield installation


@pytest.fixture
async def shop(quick_hashes: None, postgres_server: DatabaseServer) -> AsyncIterator[Shop]:
    """Identity with a store, an enrolled till, a cashier and a manager."""
    async with opened(postgres_server) as shop:
        yield shop
