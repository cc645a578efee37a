"""In a real browser: the live view follows by itself, and a person switches an acquirer's link."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from playwright.async_api import expect

from tests.e2e.backoffice.conftest import PHONE, SignOn
from tests.e2e.backoffice.opened_office import MANAGER, OpenedOffice
from tests.e2e.backoffice.payments_double import Json, ago

pytestmark = pytest.mark.chromium


def acquirer(**given: Any) -> Json:
    def replica(name: str, *, active: bool) -> Json:
        counts = {"outstanding": 0, "failures": 0, "sent": 10, "answered": 10, "late_or_foreign": 0, "unreadable": 0}
        return {"replica": name, "active": active, "connected": True, **counts, "seen_at": ago()}

    def link(name: str, *, active: bool) -> Json:
        return {
            "name": name,
            "address": f"{name}.bank.example:5001",
            "replicas": [replica("payments-1", active=active)],
        }

    made: Json = {
        "name": "nordbank",
        "title": "Nordbank Acquiring",
        "links": [link("primary", active=True), link("backup", active=False)],
        "choice": None,
        "waiting_reversals": 0,
        "waiting_completions": 0,
        "refused_count": 0,
        "oldest_waiting_at": None,
    }
    return {**made, **given}


def terminal(office: OpenedOffice, till: str, store: str, **given: Any) -> Json:
    made: Json = {
        "terminal_id": str(uuid4()),
        "store_id": str(office.stores[store]),
        "name": "card-terminal",
        "standalone": False,
        "gateway_id": None,
        "till_ids": [str(office.tills[till])],
        "active": True,
        "state": "ready",
        "driver": "zvt",
        "unsettled_count": 3,
        "undecided_count": 0,
    }
    return {**made, **given}


async def test_a_link_is_switched_with_a_reason_and_a_name_and_taken_back(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    office.payments.acquirers["nordbank"] = acquirer()
    page = await signed_on("/payments/live", width=PHONE)
    card = page.get_by_label("Nordbank Acquiring")
    await expect(card.get_by_text("On the primary")).to_be_visible()
    await expect(card.get_by_role("button", name="Back to automatic…")).to_be_hidden()
    await card.get_by_role("button", name="Switch link…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Switch", exact=True).click()
    await expect(dialog.get_by_text("Please fill this in")).to_be_visible()
    assert office.payments.asked == []
    await dialog.get_by_label("Why").fill("Line works until six")
    await dialog.get_by_role("button", name="Switch", exact=True).click()
    await expect(card.get_by_text("On the backup", exact=True)).to_be_visible()
    await expect(card.get_by_text("Kept on the backup by Ada Novak")).to_contain_text("Line works until six")
    chosen = ("link-choice", {"name": "nordbank", "link": "backup", "reason": "Line works until six"})
    assert office.payments.asked == [chosen]
    await card.get_by_role("button", name="Back to automatic…").click()
    await page.get_by_role("dialog").get_by_role("button", name="Back to automatic").click()
    await expect(card.get_by_text("Kept on the backup")).to_have_count(0)
    assert office.payments.asked == [chosen, ("link-choice taken back", {"name": "nordbank"})]


async def test_whoever_may_not_configure_sees_the_links_and_no_switch(office: OpenedOffice, signed_on: SignOn) -> None:
    office.payments.acquirers["nordbank"] = acquirer()
    page = await signed_on("/payments/live", who=MANAGER)
    await expect(page.get_by_text("primary.bank.example:5001")).to_be_visible()
    await expect(page.get_by_role("button", name="Switch link…")).to_have_count(0)


async def test_what_changes_is_shown_without_a_reload(office: OpenedOffice, signed_on: SignOn) -> None:
    office.payments.acquirers["nordbank"] = acquirer()
    till = terminal(office, "V1", "VIE")
    office.payments.terminals.append(till)
    page = await signed_on("/payments/live")
    row = page.get_by_role("row", name="card-terminal")
    await expect(row).to_contain_text("Ready")
    await expect(page.get_by_text("Without a terminal of their own: Till 2.")).to_be_visible()
    await page.evaluate("window.not_reloaded = true")
    till.update(state="absent", undecided_count=2)
    office.payments.acquirers["nordbank"].update(waiting_reversals=7, oldest_waiting_at=ago())
    office.payments.transactions.append(
        {
            "intent_id": str(uuid4()),
            "at": (datetime.now(UTC) - timedelta(seconds=5)).isoformat(),
            "store_id": till["store_id"],
            "till_id": till["till_ids"][0],
            "terminal_id": till["terminal_id"],
            "terminal": "card-terminal",
            "kind": "purchase",
            "state": "captured",
            "currency": "EUR",
            "amount_minor": 1_999,
            "scheme": "visa",
        }
    )
    await expect(row).to_contain_text("Not reachable")
    await expect(row).to_contain_text("€\N{NO-BREAK SPACE}19,99, taken")
    await expect(row.get_by_role("link", name="2")).to_be_visible()
    await expect(page.get_by_label("Nordbank Acquiring")).to_contain_text("7")
    assert await page.evaluate("window.not_reloaded") is True


async def test_the_events_of_a_link_and_the_messages_that_wait_are_listed(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    office.payments.acquirers["nordbank"] = acquirer()
    event = {
        "at": ago(hours=1),
        "event": "switched_over",
        "link": "backup",
        "replica": "payments-1",
        "actor_name": None,
    }
    office.payments.events["nordbank"] = [{**event, "reason": "The host closed the connection"}]
    message = {"message_id": str(uuid4()), "acquirer": "nordbank", "terminal_name": "kasse-3", "kind": "reversal"}
    facts = {"state": "refused", "attempts": 4, "code": "96", "amount_minor": 899, "currency": "EUR"}
    office.payments.stored_messages.append({**message, **facts, "created_at": ago(minutes=30), "next_at": None})
    page = await signed_on("/payments/acquirers/nordbank")
    await expect(page.get_by_role("row", name="kasse-3")).to_contain_text("€8.99")
    await expect(page.get_by_text("code 96")).to_be_visible()
    await expect(page.get_by_role("row", name="The host closed the connection")).to_contain_text(
        "Switched over to the backup"
    )
    await expect(page.get_by_text("Nothing waits")).to_be_visible()
