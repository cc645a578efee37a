"""The shop that tests of payments share: one for each module; each test sets the terminal's answers anew."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.testkit.databases import DatabaseServer
from tests.integration.payments.terminal_shop import TerminalShop, open_terminal_shop


@pytest.fixture(scope="module")
async def running_shop(postgres_server: DatabaseServer) -> AsyncIterator[TerminalShop]:
    async with open_terminal_shop(postgres_server) as opened:
        yield opened


@pytest.fixture
async def shop(running_shop: TerminalShop) -> TerminalShop:
    running_shop.gateway.script.clear()
    running_shop.gateway.asked.clear()
    return running_shop
