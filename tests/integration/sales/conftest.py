"""The shop that tests of sales share: one for each module, on a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.testkit.databases import DatabaseServer
from tests.integration.sales.basket_shop import stock_the_shelves
from tests.integration.sales.shift_shop import Shop, open_shop


@pytest.fixture(scope="module")
async def shop(postgres_server: DatabaseServer) -> AsyncIterator[Shop]:
    """Sales served over HTTP, with a store, goods of every kind, and tokens for whoever a test invents."""
    async with open_shop(postgres_server) as opened:
        await stock_the_shelves(opened)
        yield opened
