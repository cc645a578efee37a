"""In a real browser: signing on and off, and resolving a payment whose outcome is unknown."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, expect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from tests.e2e.backoffice.conftest import PHONE, SignOn
from tests.e2e.backoffice.opened_office import ADMINISTRATOR, CASHIER, MANAGER, PASSWORD, OpenedOffice
from tests.e2e.backoffice.payments_double import ago, make_intent

pytestmark = pytest.mark.chromium


async def test_who_is_not_signed_on_signs_on_and_comes_to_the_page_they_wanted(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    page = await signed_on("/payments/unresolved?cursor=0")
    assert page.url == f"{office.url}/payments/unresolved?cursor=0"
    await expect(page.get_by_role("heading", name="Unresolved payments")).to_be_visible()
    await expect(page.get_by_text("Ada Novak")).to_be_visible()


async def test_a_wrong_password_is_refused_with_a_sentence_and_the_code_stays(
    office: OpenedOffice, browser: Browser
) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(f"{office.url}/sign-on")
    await page.get_by_label("Staff code").fill(MANAGER)
    await page.get_by_label("Password").fill("not the pass phrase")
    await page.get_by_role("button", name="Sign on").click()
    await expect(page.get_by_role("alert")).to_contain_text("password")
    assert await page.get_by_label("Staff code").input_value() == MANAGER
    assert await page.get_by_label("Password").input_value() == ""
    await context.close()


async def test_the_cookie_is_hidden_from_scripts_and_the_token_is_in_no_page(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    page = await signed_on("/payments/unresolved")
    (cookie,) = await page.context.cookies()
    assert cookie["httpOnly"] is True
    assert cookie["sameSite"] == "Lax"
    assert cookie["path"] == "/backoffice"
    assert await page.evaluate("document.cookie") == ""
    content = await page.content()
    # Every JWT begins with the base64 of '{"'.
    assert "eyJ" not in content
    assert "Bearer" not in content


async def test_nothing_comes_from_anywhere_but_the_office_itself(office: OpenedOffice, browser: Browser) -> None:
    context = await browser.new_context()
    page = await context.new_page()
    hosts, failed = set(), []
    page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
    page.on("requestfailed", lambda request: failed.append(request.url))
    await page.goto(f"{office.url}/payments/unresolved")
    await page.get_by_label("Staff code").fill(ADMINISTRATOR)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign on").click()
    await expect(page.get_by_text("Nothing is unresolved")).to_be_visible()
    assert hosts - {""} == {urlsplit(office.url).netloc}
    assert failed == []
    await context.close()


async def test_after_signing_off_every_page_asks_to_sign_on(office: OpenedOffice, signed_on: SignOn) -> None:
    page = await signed_on("/payments/unresolved")
    await page.get_by_role("button", name="Sign off").click()
    await expect(page.get_by_role("button", name="Sign on")).to_be_visible()
    assert await page.context.cookies() == []
    await page.goto(f"{office.url}/payments/unresolved")
    await expect(page.get_by_role("button", name="Sign on")).to_be_visible()


async def test_a_page_left_open_by_who_signed_off_elsewhere_does_nothing_any_more(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    intent = make_intent(office.stores["VIE"], office.tills["V1"])
    office.payments.intents[intent["intent_id"]] = intent
    page = await signed_on(f"/payments/intents/{intent['intent_id']}")
    await expect(page.get_by_role("button", name="Ask the terminal now")).to_be_visible()
    second = await page.context.new_page()
    await second.goto(f"{office.url}/payments/unresolved")
    await second.get_by_role("button", name="Sign off").click()
    await expect(second.get_by_role("button", name="Sign on")).to_be_visible()
    await page.get_by_role("button", name="Ask the terminal now").click()
    await expect(page.get_by_role("button", name="Sign on")).to_be_visible()
    assert office.payments.asked == []


async def test_a_socket_is_opened_to_our_own_pages_of_somebody_signed_on_and_to_nobody_else(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    page = await signed_on("/payments/unresolved")
    (cookie,) = await page.context.cookies()
    key = f"{cookie['name']}={cookie['value']}"
    here = urlsplit(office.url)
    socket = f"ws://{here.netloc}/backoffice/_nicegui_ws/socket.io/?EIO=4&transport=websocket"
    async with connect(socket, origin=Origin(f"http://{here.netloc}"), additional_headers={"Cookie": key}) as opened:
        assert str(await opened.recv()).startswith("0{")
    for origin, cookies in (("http://elsewhere.test", key), (None, key), (f"http://{here.netloc}", "none=0")):
        with pytest.raises(InvalidStatus) as refused:
            async with connect(
                socket, origin=Origin(origin) if origin else None, additional_headers={"Cookie": cookies}
            ):
                pass
        assert refused.value.response.status_code == 403


async def test_the_unresolved_are_listed_oldest_first_with_age_and_the_stores_figures(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    young = make_intent(office.stores["VIE"], office.tills["V1"], created_at=ago(minutes=12), unresolved_s=720)
    old = make_intent(
        office.stores["WAW"],
        office.tills["W1"],
        currency="PLN",
        amount_minor=123_456,
        created_at=ago(days=1, hours=3),
        unresolved_s=97_200,
    )
    office.payments.intents.update({each["intent_id"]: each for each in (young, old)})
    page = await signed_on("/payments/unresolved")
    rows = page.locator("table.rows tbody tr")
    await expect(rows).to_have_count(2)
    first, second = await rows.nth(0).inner_text(), await rows.nth(1).inner_text()
    assert "1 d 3 h" in first
    assert "Warsaw, Nowy Świat" in first
    assert "1\N{NO-BREAK SPACE}234,56\N{NO-BREAK SPACE}zł" in first
    assert "12 min" in second
    assert "€\N{NO-BREAK SPACE}42,50" in second
    # 15:18 in Vienna is 14:18 UTC + 1 hour; the clock of the stand-in says 15:30 UTC.
    assert "04.03.26, 16:18" in second


async def test_an_inquiry_finds_the_outcome_and_the_list_is_empty_then(office: OpenedOffice, signed_on: SignOn) -> None:
    intent = make_intent(office.stores["VIE"], office.tills["V1"])
    office.payments.intents[intent["intent_id"]] = intent
    page = await signed_on("/payments/unresolved", who=MANAGER)
    await page.get_by_role("link", name="Resolve", exact=True).click()
    await page.get_by_role("button", name="Ask the terminal now").click()
    await expect(page.get_by_text("The terminal is being asked. Now: taken.")).to_be_visible()
    await expect(page.get_by_text("Found by an inquiry.")).to_be_visible()
    await expect(page.get_by_role("button", name="Ask the terminal now")).to_have_count(0)
    assert office.payments.asked == [("inquiry", {"intent_id": intent["intent_id"]})]
    await page.get_by_role("link", name="Unresolved").click()
    await expect(page.get_by_text("Nothing is unresolved")).to_be_visible()


async def test_a_slip_is_confirmed_with_code_and_four_digits_and_nothing_less(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    intent = make_intent(office.stores["VIE"], office.tills["V1"])
    office.payments.intents[intent["intent_id"]] = intent
    page = await signed_on(f"/payments/intents/{intent['intent_id']}", who=MANAGER, width=PHONE)
    await page.get_by_role("button", name="The slip says approved…").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Last four digits of the card").fill("01")
    await dialog.get_by_role("button", name="Confirm the payment").click()
    await expect(dialog.get_by_text("Exactly four digits")).to_be_visible()
    assert office.payments.asked == []
    await dialog.get_by_label("Approval code").fill("A1B2C3")
    await dialog.get_by_label("Last four digits of the card").fill("0119")
    await dialog.get_by_role("button", name="Confirm the payment").click()
    await expect(page.get_by_text("The payment is confirmed. Now: taken.")).to_be_visible()
    said = {"outcome": "approved", "approval_code": "A1B2C3", "last_four": "0119"}
    assert office.payments.asked == [("confirmation", {"intent_id": intent["intent_id"], **said})]


async def test_what_payments_refuses_is_told_in_its_own_words(office: OpenedOffice, signed_on: SignOn) -> None:
    intent = make_intent(office.stores["VIE"], office.tills["V1"])
    office.payments.intents[intent["intent_id"]] = intent
    page = await signed_on(f"/payments/intents/{intent['intent_id']}", who=MANAGER)
    await page.get_by_role("button", name="The slip says approved…").click()
    intent["state"] = "captured"
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Approval code").fill("A1B2C3")
    await dialog.get_by_label("Last four digits of the card").fill("0119")
    await dialog.get_by_role("button", name="Confirm the payment").click()
    await expect(page.get_by_text("The payment is decided already")).to_be_visible()


async def test_a_cashier_may_ask_the_terminal_but_is_not_offered_to_confirm(
    office: OpenedOffice, signed_on: SignOn
) -> None:
    intent = make_intent(office.stores["VIE"], office.tills["V1"])
    office.payments.intents[intent["intent_id"]] = intent
    page = await signed_on(f"/payments/intents/{intent['intent_id']}", who=CASHIER)
    await expect(page.get_by_role("button", name="Ask the terminal now")).to_be_visible()
    await expect(page.get_by_role("button", name="The slip says approved…")).to_have_count(0)
    await expect(page.get_by_text("a manager does it here")).to_be_visible()
    await expect(page.get_by_role("link", name="Rights")).to_have_count(0)
