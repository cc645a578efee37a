"""The pages at work, and a browser that is signed on."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from libs.testkit.databases import DatabaseServer
from tests.conftest import LEFT_OUT
from tests.e2e.backoffice.opened_office import ADMINISTRATOR, PASSWORD, OpenedOffice, opened_office

WIDE, PHONE = 1_280, 390
PATIENCE_MS = 20_000

SignOn = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="module")
async def running_office(postgres_server: DatabaseServer) -> AsyncIterator[OpenedOffice]:
    async with opened_office(postgres_server) as office:
        yield office


@pytest.fixture
def office(running_office: OpenedOffice) -> OpenedOffice:
    """The office, with nothing in payments yet."""
    running_office.payments.forget()
    return running_office


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Debian's Chromium, or the one that is named."""
    path = os.environ.get("TILLSTREAM_TEST_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if path is None:
        absent = "no Chromium: install the package chromium, or name one in TILLSTREAM_TEST_CHROMIUM"
        if os.environ.get("TILLSTREAM_REQUIRE_SERVICES") == "1":
            pytest.fail(absent)
        pytest.skip(LEFT_OUT + absent)
    expect.set_options(timeout=PATIENCE_MS)
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=path, args=options)
        yield launched
        await launched.close()


@pytest.fixture
async def signed_on(office: OpenedOffice, browser: Browser) -> AsyncIterator[SignOn]:
    """`await signed_on("/payments/live", who=MANAGER, width=PHONE)` is a page of a browser of its own."""
    contexts = []

    async def sign_on(path: str, *, who: str = ADMINISTRATOR, width: int = WIDE) -> Page:
        context = await browser.new_context(viewport={"width": width, "height": 850}, locale="en-GB")
        contexts.append(context)
        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        await page.goto(office.url + path)
        await page.get_by_label("Staff code").fill(who)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign on").click()
        await expect(page.get_by_role("button", name="Sign off")).to_be_visible()
        return page

    yield sign_on
    for context in contexts:
        await context.close()
