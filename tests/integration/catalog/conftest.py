"""Fixtures of the tests of catalog."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from libs.testkit.databases import DatabaseServer
from tests.integration.catalog.office import Office, open_office


@pytest.fixture
async def office(postgres_server: DatabaseServer) -> AsyncIterator[Office]:
    async with open_office(postgres_server) as opened:
        yield opened
