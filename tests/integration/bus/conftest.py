"""Fixtures of the bus tests: a stand on each transport, and one on the local transport only."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.integration.bus.harness import Broker, Stand, quick_settings, stand


@pytest.fixture(params=["local", pytest.param("rabbitmq", marks=pytest.mark.rabbitmq)])
def broker(request: pytest.FixtureRequest, broker_namespace: str) -> Broker:
    """Each transport in turn."""
    kind: str = request.param
    url = request.getfixturevalue("rabbitmq_url") if kind == "rabbitmq" else None
    return Broker(kind, quick_settings(broker_namespace), url)


@pytest.fixture
async def any_stand(database_url: str, broker: Broker) -> AsyncIterator[Stand]:
    async with stand(database_url, broker) as opened:
        yield opened


@pytest.fixture
async def local_stand(database_url: str, broker_namespace: str) -> AsyncIterator[Stand]:
    async with stand(database_url, Broker("local", quick_settings(broker_namespace))) as opened:
        yield opened
