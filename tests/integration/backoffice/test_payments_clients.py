"""The pages' clients against payments itself: what they ask is what it offers, and what it says they understand."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from libs.contracts.permissions import MANAGER, Permission
from libs.contracts.terminals import SchemeTotal
from libs.testkit.databases import DatabaseServer
from services.backoffice.gateways.api_client import ApiClient, Refused
from services.backoffice.gateways.concentrator import Concentrator
from services.backoffice.gateways.payments import Payments
from services.backoffice.gateways.transactions import Total, Transactions, Wanted
from tests.integration.payments.concentrated_shop import MASTERCARD
from tests.integration.payments.settling_shop import SettlingShop, open_settling_shop
from tests.integration.payments.terminal_shop import (
    MASKED,
    STARTED,
    TerminalShop,
    finds_nothing,
    found,
    loses,
)
from tests.integration.payments.test_reports import PrinterAtTill


@pytest.fixture(scope="module")
async def running_banks(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[SettlingShop]:
    async with open_settling_shop(postgres_server, tmp_path_factory.mktemp("acquirers")) as opened:
        yield opened


@pytest.fixture
async def banks(running_banks: SettlingShop) -> SettlingShop:
    """A store of its own for each test."""
    shop = await running_banks.another(f"B{uuid4().int % 10_000_000:07d}")
    shop.shop.gateway.script.clear()
    return shop


@pytest.fixture
def shop(banks: SettlingShop) -> TerminalShop:
    return banks.shop


def client_of(shop: TerminalShop, permissions: frozenset[Permission] = MANAGER) -> ApiClient:
    person = shop.person(permissions | {Permission.PAYMENTS_CONFIGURE}, "Mia Berger")
    return ApiClient(shop.services.http, lambda: person.token, 10.0)


async def test_an_unknown_payment_is_listed_asked_for_and_known(shop: TerminalShop) -> None:
    shop.gateway.script.update(purchase=loses, inquiry=found)
    tender_id = await shop.authorize(4_250)
    await shop.becomes(tender_id, "unknown")
    payments = Payments(client_of(shop))
    listed, cursor = await payments.unresolved(None, 50)
    assert [(each.intent_id, each.state, each.amount_minor) for each in listed] == [(tender_id, "unknown", 4_250)]
    assert listed[0].unresolved_s is not None
    assert cursor is None
    assert (await payments.inquire(tender_id)).intent_id == tender_id
    await shop.becomes(tender_id, "approved")
    detail = await payments.intent(str(tender_id))
    assert [each.to_state for each in detail.history][-1] == "approved"
    assert [each.action for each in detail.operations] == ["purchase", "inquiry"]
    assert detail.card is not None
    assert detail.card.masked_number == MASKED


async def test_what_a_slip_says_and_what_was_not_taken_is_confirmed(shop: TerminalShop) -> None:
    shop.gateway.script.update(purchase=loses, inquiry=loses)
    payments = Payments(client_of(shop))
    approved, declined = await shop.authorize(1_000), await shop.authorize(2_000)
    for tender_id in (approved, declined):
        await shop.becomes(tender_id, "unknown")
    said = await payments.confirm(approved, "A1B2C3", "0119", "The slip is in the safe", key=uuid4())
    assert said.state == "approved"
    assert said.references is not None
    assert said.references.approval_code == "A1B2C3"
    assert (await payments.confirm_declined(declined, "Display said no", key=uuid4())).state == "declined"
    with pytest.raises(Refused) as refusal:
        await payments.confirm(declined, "A1B2C3", "0119", None, key=uuid4())
    assert refusal.value.status == 409


async def test_money_is_given_back_once_the_terminal_knows(shop: TerminalShop) -> None:
    shop.gateway.script.update(purchase=loses, inquiry=finds_nothing)
    tender_id = await shop.authorize(1_000)
    await shop.becomes(tender_id, "unknown")
    after = await Payments(client_of(shop)).reverse(tender_id, "The customer has left", key=uuid4())
    assert after.intent_id == tender_id
    await shop.becomes(tender_id, "declined", "reversed")


async def test_transactions_their_totals_and_their_file_are_of_the_same_filter(
    banks: SettlingShop, shop: TerminalShop
) -> None:
    await banks.pays(1_500, MASTERCARD)
    wired = await shop.paid(4_000)
    transactions = Transactions(client_of(shop))
    day = timedelta(days=1)
    everything = Wanted(shop.store_id, STARTED - day, STARTED + day)
    rows, cursor = await transactions.page(everything, None, 1)
    assert [(each.scheme, each.acquirer, each.terminal) for each in rows] == [("mastercard", "second-bank", "keyed")]
    rest, last = await transactions.page(everything, cursor, 1)
    assert [each.intent_id for each in rest] == [wired]
    assert last is None
    visa = Wanted(shop.store_id, STARTED - day, STARTED + day, scheme="visa", state="captured")
    (total,) = await transactions.totals(visa)
    assert total == Total(scheme="visa", kind="purchase", currency="PLN", count=1, taken_count=1, taken_minor=4_000)
    file = await transactions.file(visa.query())
    text = (await file.aread()).decode("utf-8-sig")
    await file.aclose()
    assert str(wired) in text
    assert len(text.splitlines()) == 2


async def test_slips_are_read_and_printed_again_at_a_till(shop: TerminalShop) -> None:
    paid = await shop.paid(4_000)
    payments = Payments(client_of(shop))
    (slip,) = await payments.slips(str(paid))
    assert (slip.kind, slip.customer, slip.merchant) == (
        "payment",
        ("VISA ************0119", "APPROVED"),
        ("MERCHANT COPY",),
    )
    with pytest.raises(Refused, match="has no printer"):
        await payments.print_slip(str(paid), slip.slip_id, "customer", str(shop.till_id), key=uuid4())
    printer = PrinterAtTill()
    await printer.listen(shop)
    await payments.print_slip(str(paid), slip.slip_id, "customer", str(shop.till_id), key=uuid4())
    await shop.services.drained()
    assert len(printer.printed) == 1
    assert [each.kind for each in (await payments.intent(str(paid))).history][-1] == "slip_printed"


async def test_a_day_is_ended_reported_and_its_difference_followed(shop: TerminalShop) -> None:
    await shop.paid(4_000)
    totals = SchemeTotal(scheme="visa", sale_count=2, sale_minor=5_000, refund_count=0, refund_minor=0)
    shop.gateway.script["end_of_day"] = lambda operation: {"outcome": "approved", "totals": (totals,)}
    payments = Payments(client_of(shop))
    (terminal,) = [each for each in await payments.terminals(shop.store_id) if each.kind == "wired"]
    assert (terminal.unsettled_count, terminal.undecided_count) == (1, 0)
    begun = await payments.end_day(terminal.terminal_id, "PLN", None, key=uuid4())
    await shop.services.drained()
    assert (await payments.settlement(begun.settlement_id)).state == "differing"
    assert [each.settlement_id for each in await payments.settlements(shop.store_id, 10)] == [begun.settlement_id]
    (difference,) = await payments.differences(shop.store_id, unclosed=True)
    assert (difference.kind, difference.ours_minor, difference.theirs_minor) == ("sale_totals", 4_000, 5_000)
    explained = await payments.explain(difference.difference_id, "Typed at the terminal", key=uuid4())
    assert explained.state == "explained"
    closed = await payments.close(difference.difference_id, "Booked by hand", key=uuid4())
    assert closed.state == "closed"
    assert await payments.differences(shop.store_id, unclosed=True) == []
    report = await payments.report(str(begun.settlement_id))
    assert (report.state, report.requested_by_name, report.line_count) == ("closed", "Mia Berger", 1)
    assert [each.amount_minor for each in report.lines] == [4_000]
    assert [each.closing_reason for each in report.differences] == ["Booked by hand"]


async def test_a_concentrated_terminals_report_has_its_batches(banks: SettlingShop, shop: TerminalShop) -> None:
    await banks.pays(1_500, MASTERCARD)
    settled = await banks.ends_day()
    report = await Payments(client_of(shop)).report(settled["settlement_id"])
    (batch,) = [each for each in report.batches if each.item_count]
    assert (batch.acquirer, batch.state, batch.totals.net_minor) == ("second-bank", "closed", 1_500)


async def test_links_are_read_chosen_and_left_to_themselves(shop: TerminalShop) -> None:
    concentrator = Concentrator(client_of(shop))
    names = [each.name for each in await concentrator.acquirers()]
    assert "first-bank" in names
    await concentrator.choose("first-bank", "backup", "The provider works on the line")
    (chosen,) = [each for each in await concentrator.acquirers() if each.name == "first-bank"]
    assert [link.name for link in chosen.links] == ["primary", "backup"]
    assert chosen.choice is not None
    assert (chosen.choice.link, chosen.choice.chosen_by_name) == ("backup", "Mia Berger")
    await concentrator.leave_to_itself("first-bank")
    events, _ = await concentrator.events("first-bank", None, 50)
    by_person = [(each.event, each.link, each.reason) for each in events if each.actor_name == "Mia Berger"]
    assert by_person[-1] == ("chosen", "backup", "The provider works on the line")
    assert next(each.event for each in events if each.actor_name == "Mia Berger") == "released"
    assert await concentrator.stored_messages("first-bank", "refused", 50) == []


async def test_a_payment_that_nobody_knows_is_refused_in_a_sentence(shop: TerminalShop) -> None:
    with pytest.raises(Refused) as refusal:
        await Payments(client_of(shop)).intent(str(UUID(int=1)))
    assert (refusal.value.status, refusal.value.kind) == (404, "unknown-intent")
    assert "is known" in refusal.value.sentence
