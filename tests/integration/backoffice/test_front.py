"""Before the pages: who may sign on from where, what the browser gets to keep, and what opens no door."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, running
from services.backoffice.service import definition as backoffice
from services.identity.service import definition as identity

BASE = "http://tillstream.test"
HERE = {"Sec-Fetch-Site": "same-origin"}
PASSWORD = "a long pass phrase"
SIGN_ON = {"staff_code": "A01", "password": PASSWORD}


@pytest.fixture(scope="module")
async def shop(postgres_server: DatabaseServer) -> AsyncIterator[RunningServices]:
    async with running([identity, backoffice], postgres_server) as services:
        administrator = {"code": "A01", "name": "Ada Novak", "pin": "2468", "password": PASSWORD}
        code = services.secrets["TILLSTREAM_IDENTITY_SETUP_CODE"]
        body = {"setup_code": code, "chain_name": "Corner", "administrator": administrator}
        assert (await services.http.post("/identity/v1/set-up", json=body)).status_code == 201
        yield services


@pytest.fixture
async def http(shop: RunningServices) -> AsyncIterator[httpx.AsyncClient]:
    """A browser of its own: the shop's client would keep cookies for the next test."""
    async with httpx.AsyncClient(transport=shop.http._transport, base_url=BASE) as client:
        yield client


async def signed_on(http: httpx.AsyncClient, **fields: str) -> httpx.Response:
    return await http.post("/backoffice/sign-on", data={**SIGN_ON, **fields}, headers=HERE)


async def test_sign_on_gives_a_cookie_that_no_script_reads_and_that_goes_to_the_pages_only(
    http: httpx.AsyncClient,
) -> None:
    answer = await signed_on(http)
    assert (answer.status_code, answer.headers["location"]) == (303, "/backoffice/payments/live")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("tillstream_backoffice=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/backoffice" in cookie
    # Over plain HTTP, as on a shop's own network, a secure cookie would never come back.
    assert "Secure" not in cookie
    assert "eyJ" not in answer.text + cookie


async def test_over_https_the_cookie_is_secure(shop: RunningServices) -> None:
    async with httpx.AsyncClient(transport=shop.http._transport, base_url="https://office.test") as http:
        assert "Secure" in (await signed_on(http)).headers["set-cookie"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Origin": "http://elsewhere.test"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site", "Origin": BASE},
    ],
    ids=["says nothing", "another site", "a sister site", "another origin", "no origin", "contradicts itself"],
)
async def test_a_form_that_is_not_ours_signs_nobody_on_or_off(http: httpx.AsyncClient, headers: dict[str, str]) -> None:
    refused = await http.post("/backoffice/sign-on", data=SIGN_ON, headers=headers)
    assert refused.status_code == 403
    assert "set-cookie" not in refused.headers
    await signed_on(http)
    assert (await http.post("/backoffice/sign-off", headers=headers)).status_code == 403
    assert (await http.get("/backoffice/sign-on")).status_code == 303


async def test_an_old_browser_is_believed_by_its_origin(http: httpx.AsyncClient) -> None:
    answer = await http.post("/backoffice/sign-on", data=SIGN_ON, headers={"Origin": BASE})
    assert answer.status_code == 303


@pytest.mark.parametrize(
    "to", ["https://elsewhere.test/", "//elsewhere.test", "/\\elsewhere.test", "rights", "/a\tb", ""]
)
async def test_sign_on_leads_to_our_own_pages_only(http: httpx.AsyncClient, to: str) -> None:
    assert (await signed_on(http, to=to)).headers["location"] == "/backoffice/payments/live"


async def test_sign_on_leads_back_to_where_one_was(http: httpx.AsyncClient) -> None:
    asked = await http.get("/backoffice/payments/transactions?from=2026-03-04&to=2026-03-05")
    assert asked.status_code == 303
    form = await http.get(asked.headers["location"])
    assert 'value="/payments/transactions?from=2026-03-04&amp;to=2026-03-05"' in form.text
    answer = await signed_on(http, to="/payments/transactions?from=2026-03-04&to=2026-03-05")
    assert answer.headers["location"] == "/backoffice/payments/transactions?from=2026-03-04&to=2026-03-05"


async def test_a_wrong_password_is_a_401_that_keeps_the_code_escaped_and_not_the_password(
    http: httpx.AsyncClient,
) -> None:
    answer = await signed_on(http, staff_code='"><script>', password="wrong password")
    assert answer.status_code in (401, 422)
    assert "<script>" not in answer.text
    assert "wrong password" not in answer.text
    assert (await signed_on(http, password="wrong password")).status_code == 401


async def test_an_oversized_form_is_refused(http: httpx.AsyncClient) -> None:
    assert (await signed_on(http, password="x" * 5_000)).status_code == 413


@pytest.mark.parametrize("cookie", ["", "made-up", "a" * 4_000])
async def test_a_made_up_cookie_opens_no_page_no_file_and_no_socket(http: httpx.AsyncClient, cookie: str) -> None:
    http.cookies.set("tillstream_backoffice", cookie)
    for path in ("/payments/live", "/rights", "/payments/transactions.csv", "/_nicegui_ws/socket.io/?EIO=4"):
        answer = await http.get(f"/backoffice{path}")
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/backoffice/sign-on"), path


async def test_an_earlier_key_is_worth_nothing_after_a_new_sign_on(http: httpx.AsyncClient) -> None:
    await signed_on(http)
    earlier = http.cookies["tillstream_backoffice"]
    await signed_on(http)
    assert http.cookies["tillstream_backoffice"] != earlier
    http.cookies.clear()
    http.cookies.set("tillstream_backoffice", earlier, path="/backoffice")
    assert (await http.get("/backoffice/rights")).headers["location"].startswith("/backoffice/sign-on")


async def test_pages_may_not_be_framed_kept_or_fed_from_elsewhere(http: httpx.AsyncClient) -> None:
    form = await http.get("/backoffice/sign-on")
    await signed_on(http)
    page = await http.get("/backoffice/rights")
    assert page.status_code == 200
    for answer in (form, page):
        policy = answer.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in policy
        assert "http:" not in policy
        assert answer.headers["cache-control"] == "no-store"
    assert "script-src" not in form.headers["content-security-policy"]
    assert "default-src 'none'" in form.headers["content-security-policy"]


async def test_the_root_leads_to_the_first_page_and_what_is_no_page_is_said_so(http: httpx.AsyncClient) -> None:
    assert (await http.get("/backoffice/")).headers["location"] == "/backoffice/payments/live"
    await signed_on(http)
    missing = await http.get("/backoffice/no/such<page>")
    assert missing.status_code == 404
    assert "There is no such page" in missing.text
    assert "such<page>" not in missing.text
    assert missing.headers["cache-control"] == "no-store"


async def test_the_service_has_its_health_and_its_docs_beside_the_pages(http: httpx.AsyncClient) -> None:
    assert (await http.get("/backoffice/readyz")).json() == {"ready": True, "checks": {}}
    assert (await http.get("/backoffice/docs")).status_code == 200
    assert (await http.get("/backoffice/assets/pages.css")).headers["content-type"].startswith("text/css")
