"""In a real browser: the transactions report and its file, the day close, slips, and rights."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import expect

from tests.e2e.backoffice.conftest import PATIENCE_MS, PHONE, SignOn
from tests.e2e.backoffice.opened_office import CASHIER, MANAGER, OpenedOffice
from tests.e2e.backoffice.payments_double import Json, ago, make_intent
from tests.e2e.backoffice.test_live_and_links import terminal

pytestmark = pytest.mark.chromium


def transaction(office: OpenedOffice, at: datetime, **given: Any) -> Json:
    made: Json = {
        "intent_id": str(uuid4()),
        "at": at.isoformat(),
        "store_id": str(office.stores["VIE"]),
        "till_id": str(office.tills["V1"]),
        "terminal_id": None,
        "terminal": "card-terminal",
        "kind": "purchase",
        "state": "captured",
        "scheme": "visa",
        "masked_number": "476173******0119",
        "approval_code": "A1B2C3",
        "currency": "EUR",
        "amount_minor": 1_000,
    }
    return {**made, **given}


async def test_a_report_holds_the_stores_own_day_and_adds_up_by_scheme(office: OpenedOffice, signed_on: SignOn) -> None:
    office.payments.transactions += [
        # 22:59:59 UTC is before midnight in Vienna in winter, 23:00 UTC is the next day.
        transaction(office, datetime(2026, 3, 3, 22, 59, 59, tzinfo=UTC), amount_minor=77_777),
        transaction(office, datetime(2026, 3, 3, 23, 0, tzinfo=UTC), amount_minor=1_000),
        transaction(office, datetime(2026, 3, 4, 9, 0, tzinfo=UTC), amount_minor=234_550, scheme="maestro"),
        transaction(office, datetime(2026, 3, 4, 9, 30, tzinfo=UTC), amount_minor=250, kind="refund"),
        transaction(office, datetime(2026, 3, 4, 23, 0, tzinfo=UTC), amount_minor=88_888),
    ]
    store = office.stores["VIE"]
    page = await signed_on(f"/payments/transactions?store={store}&from=2026-03-04&to=2026-03-04")
    totals = page.locator("table.totals tbody tr")
    await expect(totals).to_have_count(3)
    await expect(totals.nth(0)).to_have_text(re.compile(r"Maestro.*1.*2\.345,50.*0.*0,00.*2\.345,50", re.DOTALL))
    await expect(totals.nth(1)).to_have_text(re.compile(r"Visa.*1.*10,00.*1.*2,50.*7,50", re.DOTALL))
    await expect(totals.nth(2)).to_have_text(re.compile(r"All schemes.*2.*2\.355,50.*1.*2,50.*2\.353,00", re.DOTALL))
    await expect(page.get_by_text("777,77")).to_have_count(0)
    await expect(page.get_by_text("888,88")).to_have_count(0)
    await expect(page.locator("canvas, svg").first).to_be_attached()


async def test_the_filter_is_in_the_address_and_the_file_holds_the_same_rows(
    office: OpenedOffice, signed_on: SignOn, tmp_path: Path
) -> None:
    office.payments.transactions += [
        transaction(office, datetime(2026, 3, 4, 9, 0, tzinfo=UTC)),
        transaction(office, datetime(2026, 3, 4, 9, 5, tzinfo=UTC), scheme="maestro", amount_minor=4_321),
    ]
    page = await signed_on(f"/payments/transactions?store={office.stores['VIE']}", width=PHONE)
    await page.get_by_label("From").fill("2026-03-04")
    await page.get_by_label("To", exact=True).fill("2026-03-04")
    await page.get_by_label("Scheme").fill("maestro")
    await page.get_by_role("button", name="Show").click()
    await expect(page.locator("table.rows:not(.totals) tbody tr")).to_have_count(1)
    assert "scheme=maestro" in page.url
    assert await page.evaluate("document.documentElement.scrollWidth") == PHONE
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Download as CSV").click()
    download = await downloading.value
    file = tmp_path / "transactions.csv"
    await download.save_as(file)
    assert download.suggested_filename == "transactions.csv"
    assert file.read_bytes() == b"at,scheme,amount_minor\r\n2026-03-04T09:05:00+00:00,maestro,4321\r\n"


async def test_wrong_days_are_told_in_a_sentence(office: OpenedOffice, signed_on: SignOn) -> None:
    page = await signed_on("/payments/transactions?from=2026-03-04&to=2026-03-01")
    await expect(page.get_by_text("The last day is before the first one.")).to_be_visible()


async def test_a_day_is_ended_and_its_difference_followed_to_the_end(office: OpenedOffice, signed_on: SignOn) -> None:
    till = terminal(office, "V1", "VIE")
    office.payments.terminals.append(till)
    page = await signed_on(f"/payments/day-close?store={office.stores['VIE']}", who=MANAGER)
    await page.get_by_role("button", name="End the day…").click()
    await page.get_by_role("dialog").get_by_role("button", name="End the day").click()
    await expect(page.get_by_text("The terminal is ending its day.")).to_be_visible()
    ((_, asked),) = office.payments.asked
    assert asked == {"terminal_id": till["terminal_id"], "currency": "EUR"}
    (settlement,) = office.payments.settlements.values()
    theirs = {"scheme": "visa", "sale_count": 2, "sale_minor": 3_000, "refund_count": 0, "refund_minor": 0}
    ours = {**theirs, "sale_count": 1, "sale_minor": 2_000}
    difference = {
        "difference_id": str(uuid4()),
        "store_id": settlement["store_id"],
        "settlement_id": settlement["settlement_id"],
        "kind": "sale_totals",
        "scheme": "visa",
        "currency": "EUR",
        "ours_minor": 2_000,
        "theirs_minor": 3_000,
        "our_count": 1,
        "their_count": 2,
        "state": "open",
        "found_at": ago(),
    }
    office.payments.differences[str(difference["difference_id"])] = difference
    settlement.update(state="differing", difference_count=1, our_totals=[ours], terminal_totals=[theirs])
    # The page looks again by itself.
    await expect(page.get_by_role("heading", name="By card scheme")).to_be_visible()
    await expect(page.get_by_role("row", name="Payments do not agree")).to_contain_text("€\N{NO-BREAK SPACE}10,00")
    await expect(page.get_by_role("button", name="Close…")).to_have_count(0)
    await page.get_by_role("button", name="Explain…").click()
    await page.get_by_role("dialog").get_by_label("Explanation").fill("Typed at the terminal")
    await page.get_by_role("dialog").get_by_role("button", name="Keep the explanation").click()
    await expect(page.get_by_text("Typed at the terminal")).to_be_visible()
    await page.get_by_role("button", name="Close…").click()
    await page.get_by_role("dialog").get_by_label("Why nothing more is to be done").fill("Booked by hand")
    await page.get_by_role("dialog").get_by_role("button", name="Close it").click()
    await expect(page.get_by_text("Booked by hand")).to_be_visible()
    assert difference["state"] == "closed"


async def test_the_report_on_paper_has_no_navigation_and_room_to_sign(office: OpenedOffice, signed_on: SignOn) -> None:
    settlement_id = str(uuid4())
    office.payments.settlements[settlement_id] = {
        "settlement_id": settlement_id,
        "store_id": str(office.stores["VIE"]),
        "terminal_id": str(uuid4()),
        "terminal": "card-terminal",
        "state": "closed",
        "currency": "EUR",
        "requested_at": ago(hours=1),
        "closed_at": ago(),
    }
    page = await signed_on(f"/payments/settlements/{settlement_id}")
    await expect(page.get_by_role("button", name="Print")).to_be_visible()
    await expect(page.get_by_text("Date and signature")).to_be_hidden()
    await page.emulate_media(media="print")
    await expect(page.get_by_role("button", name="Print")).to_be_hidden()
    await expect(page.get_by_role("link", name="Live")).to_be_hidden()
    await expect(page.get_by_text("Date and signature")).to_be_visible()
    await expect(page.get_by_text("Mia Berger")).to_be_visible()


async def test_a_terminal_that_stands_alone_is_settled_by_what_its_slip_says(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    office.payments.terminals.append(terminal(office, "V1", "VIE", name="counter", standalone=True, driver=None))
    page = await signed_on(f"/payments/day-close?store={office.stores['VIE']}", who=MANAGER, width=PHONE)
    await page.get_by_role("button", name="End the day…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Scheme").fill("Visa")
    await dialog.get_by_label("Payments").fill("3")
    await dialog.get_by_label("Taken").fill("12,345")
    await dialog.get_by_role("button", name="End the day").click()
    await expect(dialog.get_by_text("is not an amount in EUR")).to_be_visible()
    await dialog.get_by_label("Taken").fill("12,34")
    await dialog.get_by_role("button", name="End the day").click()
    await expect(page.get_by_text("The terminal is ending its day.")).to_be_visible()
    ((_, asked),) = office.payments.asked
    line = {"scheme": "visa", "sale_count": 3, "sale_minor": 1_234, "refund_count": 0, "refund_minor": 0}
    assert asked["totals"] == [line]


async def test_a_void_slip_is_shown_as_paper_and_printed_again_at_the_till(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    intent = make_intent(office.stores["VIE"], office.tills["V1"], state="voided", unresolved_s=None)
    office.payments.intents[intent["intent_id"]] = intent
    slip = {"slip_id": str(uuid4()), "kind": "void", "at": ago(), "customer": ["VOID", "EUR   -42,50"], "merchant": []}
    office.payments.slips[intent["intent_id"]] = [slip]
    page = await signed_on(f"/payments/intents/{intent['intent_id']}/slips", who=CASHIER)
    paper = page.get_by_label("Customer's copy")
    await expect(paper).to_contain_text("*** DUPLICATE ***")
    assert "EUR   -42,50" in await paper.inner_text()
    await page.get_by_role("button", name="Print at the till…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Print").click()
    await expect(page.get_by_text("The duplicate is sent to the printer of …")).to_be_visible()
    till = str(office.tills["V1"])
    assert office.payments.asked == [("print", {"slip_id": slip["slip_id"], "copy": "customer", "till_id": till})]


async def test_who_tries_again_after_silence_asks_for_the_same_and_after_an_answer_for_another(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    intent = make_intent(office.stores["VIE"], office.tills["V1"])
    office.payments.intents[intent["intent_id"]] = intent
    slip = {"slip_id": str(uuid4()), "kind": "payment", "at": ago(), "customer": ["EUR   42,50"], "merchant": []}
    office.payments.slips[intent["intent_id"]] = [slip]
    office.payments.silent_after.append("once")
    page = await signed_on(f"/payments/intents/{intent['intent_id']}/slips", who=MANAGER)

    async def prints(words: str) -> None:
        await page.get_by_role("button", name="Print at the till…").click()
        await page.get_by_role("dialog").get_by_role("button", name="Print").click()
        said = page.get_by_text(words)
        await expect(said).to_be_visible()
        # Gone again, so that the next one is not taken for this one.
        await said.evaluate("said => said.closest('.q-notification').remove()")

    await prints("The service payments cannot do this at the moment.")
    await prints("The duplicate is sent to the printer of Till 1.")
    await page.get_by_role("button", name="Print at the till…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Print").click()
    async with asyncio.timeout(PATIENCE_MS / 1_000):
        while len(office.payments.keys) < 3:
            await asyncio.sleep(0.05)
    first, again, another = office.payments.keys
    assert first == again
    assert another != first


async def test_an_administrator_gives_a_person_another_role(office: OpenedOffice, signed_on: SignOn) -> None:
    page = await signed_on("/rights")
    row = page.get_by_role("row", name="Mia Berger")
    await expect(row.get_by_text("Settle")).to_be_visible()
    await row.get_by_role("button", name="Change roles…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("checkbox", name="Manager").click()
    await dialog.get_by_role("checkbox", name="Cashier").click()
    await dialog.get_by_role("button", name="Give these roles").click()
    await expect(row.get_by_text("Settle")).to_have_count(0)
    await expect(row.get_by_text("Cashier")).to_be_visible()
    await row.get_by_role("button", name="Change roles…").click()
    await page.get_by_role("dialog").get_by_role("checkbox", name="Manager").click()
    await page.get_by_role("dialog").get_by_role("button", name="Give these roles").click()
    await expect(row.get_by_text("Settle")).to_be_visible()
    await row.get_by_role("button", name="Change roles…").click()
    await page.get_by_role("dialog").get_by_role("checkbox", name="Cashier").click()
    await page.get_by_role("dialog").get_by_role("button", name="Give these roles").click()
    await expect(row.get_by_text("Cashier")).to_have_count(0)


async def test_a_manager_sees_who_may_do_what_and_changes_nothing(office: OpenedOffice, signed_on: SignOn) -> None:
    page = await signed_on("/rights", who=MANAGER, width=PHONE)
    await expect(page.get_by_role("row", name="Mia Berger").get_by_text("Confirm")).to_be_visible()
    await expect(page.get_by_role("button", name="Change roles…")).to_have_count(0)
    await page.goto(f"{office.url}/payments/live")
    await expect(page.get_by_role("link", name="Rights")).to_be_visible()


async def test_a_cashier_is_told_what_a_page_needs(office: OpenedOffice, signed_on: SignOn) -> None:
    page = await signed_on("/rights", who=CASHIER)
    await expect(page.get_by_text("it needs identity.read")).to_be_visible()
