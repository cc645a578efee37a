"""All of payments against iso8583sim, a host that somebody else wrote: from a till's card to the end of its day."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from libs.testkit.databases import DatabaseServer
from services.payments.domain.concentrator.links import LinkName
from services.payments.gateways.acquirer import read_dialect
from tests.conftest import LEFT_OUT
from tests.integration.payments.acquirer.host import Books, Host
from tests.integration.payments.acquirer.independent_host import IndependentHostAbsent, independent_host, installed
from tests.integration.payments.concentrated_shop import TERMINAL, VISA, add_concentrated_terminal
from tests.integration.payments.settling_shop import SettlingShop
from tests.integration.payments.terminal_shop import open_terminal_shop

ACQUIRER = "first-bank"
DROPPED_MINOR, TOO_MUCH_MINOR = 66_600, 100_001
AGREES, DIFFERS = "SIM00001", "SIM00095"
RULES: list[dict[str, Any]] = [
    {"match": {"mti": ["0200"], "fields": {"4": f"{DROPPED_MINOR:012d}"}}, "action": "drop"},
    {"match": {"mti": ["0200"], "amount_gt": TOO_MUCH_MINOR - 1}, "respond": "51"},
    {"match": {"mti": ["0500"], "fields": {"41": DIFFERS}}, "respond": "95"},
    {"respond": "00"},
]
ACQUIRERS = """
[[acquirer]]
name = "{name}"
dialect = "ascii"
primary = "127.0.0.1:{port}"
cards = ["4"]
answer_timeout_s = 1.5

# The terminal has a number there too, so that its day ends at both.
[[acquirer]]
name = "second-bank"
dialect = "ascii"
primary = "127.0.0.1:{port}"
cards = ["51-55"]
"""


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Any:
    try:
        python = installed()
    except IndependentHostAbsent as absent:
        if os.environ.get("TILLSTREAM_REQUIRE_SERVICES") == "1":
            pytest.fail(str(absent))
        pytest.skip(LEFT_OUT + str(absent))
    with independent_host(python, tmp_path_factory.mktemp("iso8583sim"), RULES) as listening:
        yield listening


@pytest.fixture(scope="module")
def acquirers_file(port: int, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file: Path = tmp_path_factory.mktemp("acquirers") / "acquirers.toml"
    file.write_text(ACQUIRERS.format(name=ACQUIRER, port=port), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
async def running_bank(acquirers_file: Path, postgres_server: DatabaseServer) -> AsyncIterator[SettlingShop]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TILLSTREAM_PAYMENTS_ACQUIRERS_FILE", str(acquirers_file))
        for timer in ("FORWARD", "BATCHES"):
            patched.setenv(f"TILLSTREAM_PAYMENTS_{timer}_EVERY_S", "3600")
        async with open_terminal_shop(postgres_server) as shop:
            terminal_id = await add_concentrated_terminal(shop, TERMINAL, AGREES)
            # None of ours listens.
            absent = Host(read_dialect("ascii"), Books())
            yield SettlingShop(shop, absent, absent, absent, terminal_id, AGREES)


@pytest.fixture
async def bank(running_bank: SettlingShop) -> SettlingShop:
    return running_bank


async def _presented(bank: SettlingShop, amount_minor: int, **facts: Any) -> tuple[UUID, dict[str, Any]]:
    tender_id = await bank.awaiting(amount_minor, **facts)
    return tender_id, await bank.presents(tender_id)


async def test_a_sale_is_signed_on_and_approved_with_the_hosts_own_references(bank: SettlingShop) -> None:
    tender_id, shown = await _presented(bank, 4_000)
    assert (shown["state"], shown["approved_minor"]) == ("approved", 4_000)
    assert shown["references"]["approval_code"] == f"A{shown['references']['trace'][1:]}"
    assert await bank.shop.told(tender_id) == ["authorized"]
    [link] = bank.concentrator.acquirers[ACQUIRER].view()
    # The sign-on and the sale, at least; echoes come beside them.
    assert (link.name, link.connected, link.failures) == (LinkName.PRIMARY, True, 0)
    assert link.answered >= 2


async def test_cash_back_is_approved_on_top_of_the_goods(bank: SettlingShop) -> None:
    tender_id, shown = await _presented(bank, 4_000, cash_back_minor=5_000)
    assert (shown["state"], shown["approved_minor"], shown["cash_back_minor"]) == ("approved", 9_000, 5_000)
    [(kind, told)] = await bank.shop.outcomes_of(tender_id)
    assert (kind, told["amount_minor"], told["cash_back_minor"]) == ("authorized", 4_000, 5_000)


async def test_a_decline_is_told_in_words(bank: SettlingShop) -> None:
    tender_id, shown = await _presented(bank, TOO_MUCH_MINOR)
    assert (shown["state"], shown["reason_code"]) == ("declined", "51")
    assert shown["reason"] == "There is not enough money on the card."
    assert await bank.shop.told(tender_id) == ["declined"]


async def test_a_captured_payment_is_voided_by_a_reversal_that_the_host_confirms(bank: SettlingShop) -> None:
    tender_id = await bank.pays(2_500)
    await bank.shop.release(tender_id, 2_500)
    await bank.forwards()
    assert (await bank.shop.becomes(tender_id, "voided"))["anomaly_count"] == 0
    assert await bank.shop.told(tender_id) == ["authorized", "captured", "released"]


async def test_a_reply_that_never_comes_is_unknown_until_the_host_has_confirmed_its_reversal(
    bank: SettlingShop,
) -> None:
    tender_id, shown = await _presented(bank, DROPPED_MINOR)
    assert shown["state"] == "unknown"
    await bank.forwards()
    assert (await bank.shop.becomes(tender_id, "reversed"))["anomaly_count"] == 0
    assert await bank.shop.told(tender_id) == ["unknown", "declined"]


@pytest.mark.parametrize(("number", "state"), [("SIM00002", "closed"), (DIFFERS, "differing")])
async def test_a_day_ends_with_the_hosts_agreement_or_once_it_was_told_each_item(
    bank: SettlingShop, number: str, state: str
) -> None:
    day = await bank.another(number)
    paid = await day.pays(4_000)
    refund = await day.awaiting(-1_000, original_tender_id=paid)
    assert (await day.presents(refund, VISA))["state"] == "approved"
    settled = await day.ends_day()
    assert settled["state"] == state
    assert (settled["our_totals"][0]["sale_minor"], settled["our_totals"][0]["refund_minor"]) == (4_000, 1_000)
    # A host that differs names no figure of its own: what it differs by is for a person to find out.
    assert (settled["difference_count"] > 0) == (state == "differing")
