"""A concentrated terminal's day with iso8583sim, a host that somebody else wrote: agreed, or told item by item."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.testkit.databases import DatabaseServer
from services.payments.batch_jobs import settle_batches
from services.payments.gateways.acquirer.concentrator import Concentrator
from tests.conftest import LEFT_OUT
from tests.integration.payments.acquirer.independent_host import IndependentHostAbsent, independent_host, installed
from tests.integration.payments.concentrated_shop import MASTERCARD, VISA
from tests.integration.payments.terminal_shop import TerminalShop, answered, open_terminal_shop, settings_of

# What the host is told of TERM0095 never agrees at first, and of TERM0096 not even after every item.
RULES: list[dict[str, Any]] = [
    {"match": {"mti": ["0500"], "fields": {"41": "TERM0095"}}, "respond": "95"},
    {"match": {"mti": ["0500", "0520"], "fields": {"41": "TERM0096"}}, "respond": "95"},
    {"match": {"mti": ["0500"], "fields": {"41": "TERM0091"}}, "respond": "91"},
    {"respond": "00"},
]
ACQUIRERS = """
default = "independent"

[[acquirer]]
name = "independent"
dialect = "ascii"
primary = "127.0.0.1:{port}"
"""


@pytest.fixture(scope="module")
def python() -> Path:
    try:
        return installed()
    except IndependentHostAbsent as absent:
        if os.environ.get("TILLSTREAM_REQUIRE_SERVICES") == "1":
            pytest.fail(str(absent))
        pytest.skip(LEFT_OUT + str(absent))


@pytest.fixture(scope="module")
async def shop(
    python: Path, postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TerminalShop]:
    folder = tmp_path_factory.mktemp("iso8583sim")
    file = folder / "acquirers.toml"
    with independent_host(python, folder, RULES) as port, pytest.MonkeyPatch.context() as patched:
        file.write_text(ACQUIRERS.format(port=port), encoding="utf-8")
        patched.setenv("TILLSTREAM_PAYMENTS_ACQUIRERS_FILE", str(file))
        patched.setenv("TILLSTREAM_PAYMENTS_BATCHES_EVERY_S", "3600")
        async with open_terminal_shop(postgres_server) as opened:
            yield opened


async def add_terminal(shop: TerminalShop, number: str) -> tuple[str, str]:
    """A terminal under this number; its id and its name."""
    name = f"t{uuid4().hex[:12]}"
    numbers = [
        {
            "acquirer": "independent",
            "terminal_number": number,
            "merchant_number": "SHOP00000000001",
            "category": "5411",
        }
    ]
    body = {"store_id": str(shop.store_id), "name": name, "numbers": numbers}
    made = answered(await shop.manager().post("/concentrated-terminals", body), 201)
    return made["terminal_id"], name


async def pays(shop: TerminalShop, terminal: str, amount_minor: int, card: dict[str, Any], **facts: Any) -> UUID:
    tender_id = await shop.authorize(amount_minor, instrument=terminal, **facts)
    shown = answered(await shop.person().post(f"/intents/{tender_id}/card", card), 200)
    assert shown["state"] == "approved"
    if amount_minor > 0:
        await shop.capture(tender_id, amount_minor)
    return tender_id


async def settles(shop: TerminalShop, number: str) -> dict[str, Any]:
    """A day of two sales and a refund, and its report once the host was asked."""
    terminal_id, terminal = await add_terminal(shop, number)
    paid = await pays(shop, terminal, 4_000, VISA)
    await shop.becomes(paid, "captured")
    await pays(shop, terminal, 1_500, MASTERCARD)
    await pays(shop, terminal, -500, VISA, original_tender_id=paid)
    body = {"terminal_id": terminal_id, "currency": "PLN"}
    started = answered(await shop.manager().post("/settlements", body), 201)
    concentrator = shop.services.apps["payments"].state.resources[Concentrator]
    await settle_batches(shop.database, concentrator, settings_of(shop))
    found: dict[str, Any] = await shop.manager().get(f"/settlements/{started['settlement_id']}/report")
    return found


async def test_a_day_that_the_host_agrees_to_is_closed(shop: TerminalShop) -> None:
    report = await settles(shop, "TERM0001")
    assert (report["state"], report["difference_count"], report["line_count"]) == ("closed", 0, 3)
    [batch] = report["batches"]
    assert (batch["state"], batch["code"], batch["uploaded_count"]) == ("closed", "00", 0)
    assert batch["totals"] == {
        "debits": {"count": 2, "minor": 5_500},
        "debit_reversals": {"count": 0, "minor": 0},
        "credits": {"count": 1, "minor": 500},
        "credit_reversals": {"count": 0, "minor": 0},
        "net_minor": 5_000,
    }


async def test_a_day_that_the_host_does_not_agree_to_is_told_item_by_item(shop: TerminalShop) -> None:
    report = await settles(shop, "TERM0095")
    [batch] = report["batches"]
    assert (batch["state"], batch["code"], batch["uploaded_count"], batch["out_of_balance"]) == (
        "closed",
        "00",
        3,
        True,
    )
    [difference] = report["differences"]
    # It tells no totals of its own, so theirs are the items that it took.
    facts = ("kind", "our_count", "ours_minor", "their_count", "theirs_minor")
    assert [difference[name] for name in facts] == ["batch_uploaded", 3, 5_000, 3, 5_000]
    assert (report["state"], report["terminal_totals"]) == ("differing", report["our_totals"])


async def test_a_day_that_the_host_disputes_to_the_end_is_left_to_people(shop: TerminalShop) -> None:
    report = await settles(shop, "TERM0096")
    assert [each["kind"] for each in report["differences"]] == ["batch_out_of_balance"]
    assert (report["state"], report["batches"][0]["code"], report["terminal_totals"]) == ("differing", "95", [])


async def test_a_host_that_is_out_of_order_is_asked_again_later(shop: TerminalShop) -> None:
    report = await settles(shop, "TERM0091")
    [batch] = report["batches"]
    assert (report["state"], batch["state"], batch["code"], batch["attempts"]) == ("requested", "open", "91", 1)
    assert batch["next_at"] > report["requested_at"]
    assert report["reason"] == "independent answered with code 91. It is asked again by itself."
