"""The page that explains an API works where there is no internet."""

from __future__ import annotations

import re

from libs.host.registry import service_definition
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import running


async def test_the_docs_page_asks_nobody_but_us(postgres_server: DatabaseServer) -> None:
    async with running([service_definition("sales")], postgres_server) as services:
        page = await services.http.get("/sales/docs")
        assert page.status_code == 200
        addresses = re.findall(r"""(?:src|href)=["']([^"']+)["']""", page.text)
        assert len(addresses) == 3
        for address in addresses:
            assert address.startswith("/sales/docs-assets/")
            asset = await services.http.get(address)
            assert asset.status_code == 200
            assert len(asset.content) > 1_000
        assert "url: '/sales/openapi.json'" in page.text
