"""Every service at work behind one real port, and a shop set up through their APIs: what contract tests talk to."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import httpx

from libs.contracts.gateway import DeviceChanged
from libs.contracts.permissions import Permission
from libs.host.edge import Edge
from libs.host.registry import all_services
from libs.host.server import listen, serving
from libs.host.settings import HostSettings
from libs.persistence import Database, UnitOfWork
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, running
from services.sales.storage.devices import DeviceRepository

Json = dict[str, Any]

CURRENCY = "EUR"
ADMINISTRATOR = {"code": "root", "name": "Ada Root", "pin": "73914", "password": "correct horse battery"}
MANAGER_CODE, MANAGER_PIN = "maeve", "90125"
CLERK_PASSWORD = "ledger and ink pot"
BREAD_EAN, WINE_EAN = "5901234123457", "5909999000013"
REQUEST_TIMEOUT_S = 30.0
STORE: Json = {
    "code": "B01",
    "name": "Rathmines",
    "country": "IE",
    "currency": CURRENCY,
    "time_zone": "Europe/Dublin",
    "language": "en",
    "cash_rounding_minor": 5,
    "price_list": "retail",
}


@dataclass(frozen=True, slots=True)
class Till:
    """A till whose device is enrolled, the device's token, and that of the administrator signed on there."""

    id: str
    secret: str
    device_token: str
    token: str


class Api:
    """JSON calls that must succeed, as one caller."""

    def __init__(self, http: httpx.Client, token: str | None = None) -> None:
        self.http = http
        self.token = token

    def __call__(self, method: str, path: str, body: Any = None, **query: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        if method == "POST":
            headers["Idempotency-Key"] = str(uuid4())
        response = self.http.request(method, path, json=body, params=query, headers=headers)
        assert response.is_success, f"{method} {path} answered {response.status_code}: {response.text}"
        return response.json() if response.content else None


class LivingShop:
    """A chain with a store that trades: the administrator is signed on at its tills, with a shift open at the first.

    The other store, staff, till, role and so on are there to be changed or deactivated by whatever a test sends.
    """

    def __init__(
        self, services: RunningServices, loop: asyncio.AbstractEventLoop, url: str, http: httpx.Client
    ) -> None:
        self._services = services
        self._loop = loop
        self.url = url
        self.http = http
        self.setup_code = services.secrets["TILLSTREAM_IDENTITY_SETUP_CODE"]
        self._set_up()

    def settle(self) -> None:
        """Wait until every event has reached every service."""
        asyncio.run_coroutine_threadsafe(self._services.drained(), self._loop).result()

    def behind(self, service: str, change: Callable[[UnitOfWork], Awaitable[None]]) -> None:
        """Change what a service has stored, where its messages would come from outside."""

        async def commit() -> None:
            async with self._services.apps[service].state.context.database.transaction() as work:
                await change(work)

        asyncio.run_coroutine_threadsafe(commit(), self._loop).result()

    def _set_up(self) -> None:
        anonymous = Api(self.http)
        made = anonymous(
            "POST",
            "/identity/v1/set-up",
            {"setup_code": self.setup_code, "chain_name": "Corner", "administrator": ADMINISTRATOR, "store": STORE},
        )
        self.store_id: str = made["store"]["id"]
        signed_on = anonymous(
            "POST", "/identity/v1/office-sign-ons", {"staff_code": "root", "password": ADMINISTRATOR["password"]}
        )
        self.office = Api(self.http, signed_on["access_token"])
        self._stock_the_shelves()
        self._engage_staff()
        self.first, self.second, self.spare = (self.new_till(code) for code in ("1", "2", "3"))
        self.till = Api(self.http, self.first.token)
        self.other_till = Api(self.http, self.second.token)
        self.settle()
        self.shift_id: str = self.open_shift(self.till)

    @cached_property
    def stranger(self) -> Api:
        """A caller whose only permission is for something else, at another store."""
        return self._elsewhere(["gateway.print_duplicate"])

    @cached_property
    def outsider(self) -> Api:
        """A caller who may do everything, at another store."""
        return self._elsewhere([permission.value for permission in Permission])

    @cached_property
    def anonymous(self) -> Api:
        """Somebody without a token."""
        return Api(self.http)

    @cached_property
    def printing_till_id(self) -> str:
        """A till at which nothing is sold, with a printer; its gateway is never on line."""
        till = self.new_till()
        body = {"store_id": self.store_id, "code": f"p{uuid4().hex[:12]}", "name": "PC", "till_ids": [till.id]}
        gateway = self.office("POST", "/identity/v1/gateways", body)
        code = self.office("POST", f"/identity/v1/gateways/{gateway['id']}/enrolment-codes")
        self.anonymous("POST", "/identity/v1/gateway-enrolments", {"code": code["code"]})
        self.settle()
        asyncio.run_coroutine_threadsafe(self._connect_printer(gateway["id"], till.id), self._loop).result()
        return till.id

    async def _connect_printer(self, gateway_id: str, till_id: str) -> None:
        """Let sales hear of a printer, as a gateway would tell of it."""
        printer = DeviceChanged(
            device_id=uuid4(),
            gateway_id=UUID(gateway_id),
            store_id=UUID(self.store_id),
            till_ids=(UUID(till_id),),
            name="receipt-printer",
            kind="printer",
            driver="escpos",
            configured=True,
            state="ready",
            changed_at=datetime.now(UTC),
        )
        database: Database = self._services.apps["sales"].state.context.database
        async with database.transaction() as work:
            await DeviceRepository(work.connection).keep_printers([printer])

    def _elsewhere(self, scopes: list[str]) -> Api:
        store = self.office("POST", "/identity/v1/stores", STORE | {"code": f"s{uuid4().hex[:12]}"})
        key = {"name": "From elsewhere", "scopes": scopes, "store_ids": [store["id"]]}
        made = self.office("POST", "/identity/v1/api-keys", key)
        token = Api(self.http)("POST", "/identity/v1/tokens/api-key", {"key": made["key"]})
        return Api(self.http, token["access_token"])

    def _stock_the_shelves(self) -> None:
        write = self.office
        rates = [{"code": "VAT", "name": "VAT", "percent": "23"}]
        write("POST", "/catalog/v1/tax-categories", {"code": "standard", "name": "Standard", "rates": rates})
        write("POST", "/catalog/v1/price-lists", {"code": "retail", "name": "Retail", "currency": CURRENCY})
        self.bread = self._product("bread", 259, barcodes=[BREAD_EAN])
        self.wine = self._product("wine", 1_299, barcodes=[WINE_EAN], minimum_age_years=18)
        self.apples = self._product("apples", 349, unit="kg", item_code="01234")
        self._tea_coupon()

    def _product(self, code: str, price_minor: int, **details: Any) -> str:
        body = {"code": code, "name": code.capitalize(), "tax_category": "standard", **details}
        product = self.office("POST", "/catalog/v1/products", body)
        self.office(
            "PUT",
            f"/catalog/v1/products/{product['id']}/prices",
            {"version": product["version"], "prices": [{"price_list": "retail", "amount_minor": price_minor}]},
        )
        return str(product["id"])

    def _tea_coupon(self) -> None:
        body = {
            "name": "Bread coupon",
            "kind": "percent_off",
            "percent": "10",
            "products": {"product_ids": [self.bread]},
            "coupon_code": "CRUST",
        }
        self.office("POST", "/catalog/v1/promotions", body)

    def _engage_staff(self) -> None:
        places = {"store_ids": [self.store_id]}
        manager = {"code": MANAGER_CODE, "name": "Maeve", "roles": ["manager"], "pin": MANAGER_PIN}
        clerk = {"code": "clerk", "name": "Clerk", "roles": ["manager"], "password": CLERK_PASSWORD}
        self.office("POST", "/identity/v1/staff", manager | places)
        self.office("POST", "/identity/v1/staff", clerk | places)

    def new_till(self, code: str | None = None) -> Till:
        """A till of the store at which the administrator is signed on; no shift is open."""
        code = code or f"t{uuid4().hex[:12]}"
        till = self.office(
            "POST", "/identity/v1/tills", {"store_id": self.store_id, "code": code, "name": f"Till {code}"}
        )
        enrolment = self.office("POST", f"/identity/v1/tills/{till['id']}/enrolment-codes")
        anonymous = Api(self.http)
        enrolled = anonymous("POST", "/identity/v1/enrolments", {"code": enrolment["code"]})
        device = anonymous(
            "POST", "/identity/v1/tokens/till", {"till_id": enrolled["till_id"], "secret": enrolled["secret"]}
        )
        signed_on = Api(self.http, device["access_token"])(
            "POST", "/identity/v1/sign-ons", {"staff_code": "root", "pin": ADMINISTRATOR["pin"]}
        )
        return Till(till["id"], enrolled["secret"], device["access_token"], signed_on["access_token"])

    def open_shift(self, till: Api) -> str:
        """Open a shift with a float of 100.00; its id."""
        return str(till("POST", "/sales/v1/shifts", {"currency": CURRENCY, "float_minor": 10_000})["shift_id"])

    @cached_property
    def closed_shift_id(self) -> str:
        """A shift with its Z report."""
        shift_id = self.open_shift_at_other_till()
        self.close_shift_at_other_till()
        return shift_id

    def open_shift_at_other_till(self) -> str:
        """The shift that is open at the second till, or a new one; its id."""
        return self._shift_at_other_till() or self.open_shift(self.other_till)

    def close_shift_at_other_till(self) -> None:
        """See to it that no shift is open at the second till: count exactly 100.00 and close."""
        shift_id = self._shift_at_other_till()
        if shift_id is not None:
            counts = [{"currency": CURRENCY, "denominations": [{"value_minor": 5_000, "count": 2}]}]
            self.other_till("POST", f"/sales/v1/shifts/{shift_id}/close", {"counts": counts})

    def _shift_at_other_till(self) -> str | None:
        headers = {"Authorization": f"Bearer {self.second.token}"}
        response = self.http.get("/sales/v1/shifts/current", headers=headers)
        return str(response.json()["shift_id"]) if response.is_success else None

    def basket(self) -> Json:
        """A new basket with two loaves of bread."""
        basket = self.till("POST", "/sales/v1/baskets", {"currency": CURRENCY})
        line = {"product_id": self.bread, "quantity": 2}
        basket = self.till("POST", f"/sales/v1/baskets/{basket['basket_id']}/lines", line)
        return dict(basket)

    def paid_basket(self) -> Json:
        """A new basket whose tenders cover its total."""
        basket = self.basket()
        tender = {"kind": "cash", "given_minor": 10_000}
        return dict(self.till("POST", f"/sales/v1/baskets/{basket['basket_id']}/tenders", tender))

    def sale(self) -> Json:
        """A new document of one loaf of bread, paid in cash."""
        body = {
            "sale_id": str(uuid4()),
            "currency": CURRENCY,
            "lines": [{"product_id": self.bread}],
            "tenders": [{"kind": "cash", "given_minor": 10_000}],
        }
        return dict(self.till("POST", "/sales/v1/sales", body))


@contextmanager
def living_shop(server: DatabaseServer) -> Iterator[LivingShop]:
    """All services of the installation on a database of their own, served to real HTTP clients, and the shop."""
    started: Future[tuple[RunningServices, asyncio.AbstractEventLoop, asyncio.Event, str]] = Future()
    thread = threading.Thread(target=lambda: asyncio.run(_serve(server, started)), name="services", daemon=True)
    thread.start()
    services, loop, closing, url = started.result()
    try:
        with httpx.Client(base_url=url, timeout=REQUEST_TIMEOUT_S) as http:
            yield LivingShop(services, loop, url, http)
    finally:
        loop.call_soon_threadsafe(closing.set)
        thread.join()


async def _serve(
    server: DatabaseServer, started: Future[tuple[RunningServices, asyncio.AbstractEventLoop, asyncio.Event, str]]
) -> None:
    closing = asyncio.Event()
    edge = Edge()
    try:
        async with running(all_services(), server) as services:
            for name, app in services.apps.items():
                edge.add(name, app, name)
            with listen("127.0.0.1", 0) as listener:
                port: int = listener.getsockname()[1]
                async with serving(edge, listener, HostSettings(), behind_proxy=False):
                    started.set_result((services, asyncio.get_running_loop(), closing, f"http://127.0.0.1:{port}"))
                    await closing.wait()
    except BaseException as error:
        if not started.done():
            started.set_exception(error)
        raise
