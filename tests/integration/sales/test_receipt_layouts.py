"""The chain's own layouts and logo, over HTTP and onto paper."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.bus.transports.local import LocalTransport
from libs.contracts.gateway import PrintDocument
from libs.contracts.permissions import ADMINISTRATOR, MANAGER
from libs.contracts.printing import Block, ImageBlock, TextBlock
from libs.persistence import new_id
from libs.testkit.databases import DatabaseServer
from services.sales.layout_templates import shipped_text
from tests.integration.sales.gateway_double import GatewayDouble
from tests.integration.sales.shift_shop import Person, Shop, answered, open_shop, refused
from tests.unit.sales.printing.test_logo import picture


@pytest.fixture(scope="module")
async def transport() -> LocalTransport:
    return LocalTransport()


@pytest.fixture(scope="module")
async def shop(postgres_server: DatabaseServer, transport: LocalTransport) -> AsyncIterator[Shop]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILLSTREAM_SALES_PRINT_GATHER_S", "0.01")
        async with open_shop(postgres_server, transport) as opened:
            yield opened


@pytest.fixture
async def office(shop: Shop) -> AsyncIterator[Person]:
    """An administrator; whatever they lay out anew is taken back."""
    person = shop.person(None, name="Olga Office", permissions=ADMINISTRATOR)
    yield person
    for path in ("receipt-layouts/receipt", "receipt-layouts/receipt?language=en", "receipt-logo"):
        assert (await person.asks("DELETE", f"/{path}")).status_code == 204


async def printed(shop: Shop, transport: LocalTransport, **wish: Any) -> tuple[Block, ...]:
    """What a copy of a sale looks like."""
    anna = await shop.cashier()
    gateway = GatewayDouble(shop, transport)
    await gateway.attach()
    await anna.opens()
    sale = await anna.sells(["tea"], {"kind": "voucher", "amount_minor": 1_298})
    await gateway.serves(anna.till_id)
    await gateway.has_printer(anna.till_id)
    body = {"print_id": str(new_id()), "kind": "copy", **wish}
    answered(await anna.post(f"/sales/{sale['sale_id']}/prints", body), 202)
    await shop.services.drained()
    return gateway.took(PrintDocument)[-1].document.blocks


async def test_the_shipped_layout_is_shown_until_there_is_one_of_the_chains_own(office: Person) -> None:
    path = "/receipt-layouts/receipt"
    shipped = answered(await office.get(path), 200)
    assert shipped == {
        "kind": "receipt",
        "language": None,
        "own": False,
        "template": shipped_text("receipt"),
        "changed_at": None,
        "changed_by": None,
    }
    own = answered(await office.asks("PUT", path, {"template": "!store\n!total"}), 200)
    assert (own["own"], own["language"], own["changed_by"]) == (True, None, str(office.staff_id))
    english = answered(await office.asks("PUT", f"{path}?language=en", {"template": "!total"}), 200)
    assert (english["language"], english["template"]) == ("en", "!total")
    assert answered(await office.get(f"{path}?language=en"), 200) == english
    assert answered(await office.get(f"{path}?language=de"), 200) == own
    assert (await office.asks("DELETE", f"{path}?language=en")).status_code == 204
    assert answered(await office.get(f"{path}?language=en"), 200) == own


async def test_receipts_are_printed_as_the_chain_lays_them_out(
    shop: Shop, transport: LocalTransport, office: Person
) -> None:
    path = "/receipt-layouts/receipt"
    answered(await office.asks("PUT", path, {"template": "# Hello from {{ receipt.header.store_name }}"}), 200)
    hello = TextBlock(text="Hello from Corner Grocery", align="center", bold=True, size=2)
    assert await printed(shop, transport) == (hello,)
    answered(await office.asks("PUT", f"{path}?language=en", {"template": "English"}), 200)
    assert await printed(shop, transport) == (TextBlock(text="English"),)
    assert await printed(shop, transport, language="mn") == (hello,)
    # Taken away and made anew: what was read of the one before is not used again.
    assert (await office.asks("DELETE", f"{path}?language=en")).status_code == 204
    answered(await office.asks("PUT", f"{path}?language=en", {"template": "Anew"}), 200)
    assert await printed(shop, transport) == (TextBlock(text="Anew"),)


async def test_a_layout_that_fails_is_refused_and_the_one_before_stays(office: Person) -> None:
    path = "/receipt-layouts/receipt"
    answered(await office.asks("PUT", path, {"template": "!store"}), 200)
    refusal = refused(
        await office.asks("PUT", path, {"template": "!store\n{{ receipt.saved.text }}"}),
        422,
        "unusable-layout",
        "template",
    )
    assert refusal["detail"].startswith("The layout cannot print a sale without cash or taxes (en): line 2: ")
    assert answered(await office.get(path), 200)["template"] == "!store"
    refused(await office.asks("PUT", "/receipt-layouts/poster", {"template": "x"}), 422, "invalid-request")


async def test_a_logo_is_printed_on_receipts(shop: Shop, transport: LocalTransport, office: Person) -> None:
    refused(await office.get("/receipt-logo"), 404, "no-logo")
    png = picture(384, 100)
    logo = answered(await office.asks("PUT", "/receipt-logo", {"png": b64encode(png).decode()}), 200)
    assert logo == {"png": b64encode(png).decode(), "width": 384, "height": 100}
    assert answered(await office.get("/receipt-logo"), 200) == logo
    first = (await printed(shop, transport))[0]
    assert isinstance(first, ImageBlock)
    assert first.png == png
    assert (await office.asks("DELETE", "/receipt-logo")).status_code == 204
    assert not isinstance((await printed(shop, transport))[0], ImageBlock)
    wrong = await office.asks("PUT", "/receipt-logo", {"png": b64encode(b"GIF89a").decode()})
    refused(wrong, 422, "unusable-logo", "png")
    assert (await office.asks("PUT", "/receipt-logo", {"png": "not base64!"})).status_code == 422


async def test_only_who_configures_sales_lays_receipts_out(shop: Shop) -> None:
    manager = shop.person(await shop.new_till(), permissions=MANAGER)
    for method, path, body in (
        ("GET", "/receipt-layouts/receipt", None),
        ("PUT", "/receipt-layouts/receipt", {"template": "x"}),
        ("DELETE", "/receipt-layouts/receipt", None),
        ("GET", "/receipt-logo", None),
        ("PUT", "/receipt-logo", {"png": b64encode(picture(1, 1)).decode()}),
        ("DELETE", "/receipt-logo", None),
    ):
        refusal = refused(await manager.asks(method, path, body), 403, "forbidden")
        assert "sales.configure is missing" in refusal["detail"]
