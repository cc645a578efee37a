"""The back office at work on a port, with identity behind it and a stand-in for payments."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from libs.host.edge import Edge
from libs.host.server import listen, serving
from libs.host.settings import HostSettings
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, running
from services.backoffice.service import definition as backoffice
from services.identity.service import definition as identity
from tests.e2e.backoffice.payments_double import Double

ADMINISTRATOR, MANAGER, CASHIER = "A01", "M01", "C01"
PASSWORD = "a long pass phrase"


@dataclass(frozen=True)
class OpenedOffice:
    """`url` is where the pages are; `stores` and `tills` are identity's, by code."""

    url: str
    services: RunningServices
    payments: Double
    stores: dict[str, UUID]
    tills: dict[str, UUID]


@asynccontextmanager
async def opened_office(server: DatabaseServer) -> AsyncIterator[OpenedOffice]:
    double = Double()
    async with running([identity, double.definition(), backoffice], server) as services:
        stores, tills = await _people_and_places(services)
        edge = Edge()
        for name, app in services.apps.items():
            edge.add(name, app, name)
        listener = listen("127.0.0.1", 0)
        async with serving(edge, listener, HostSettings(), behind_proxy=False):
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/backoffice"
            yield OpenedOffice(url, services, double, stores, tills)


async def _people_and_places(services: RunningServices) -> tuple[dict[str, UUID], dict[str, UUID]]:
    async def posted(path: str, body: dict[str, Any], headers: dict[str, str] | None = None) -> dict[str, Any]:
        answer = await services.http.post(f"/identity/v1/{path}", json=body, headers=headers or {})
        assert answer.is_success, answer.text
        made: dict[str, Any] = answer.json()
        return made

    vienna = _store("VIE", "Vienna, Graben", "AT", "EUR", "Europe/Vienna", "de")
    first = {"code": ADMINISTRATOR, "name": "Ada Novak", "pin": "2468", "password": PASSWORD}
    code = services.secrets["TILLSTREAM_IDENTITY_SETUP_CODE"]
    made = await posted("set-up", {"setup_code": code, "chain_name": "Corner", "administrator": first, "store": vienna})
    signed_on = await posted("office-sign-ons", {"staff_code": ADMINISTRATOR, "password": PASSWORD})
    bearer = {"Authorization": f"Bearer {signed_on['access_token']}"}
    warsaw = await posted("stores", _store("WAW", "Warsaw, Nowy Świat", "PL", "PLN", "Europe/Warsaw", "pl"), bearer)
    stores = {"VIE": UUID(made["store"]["id"]), "WAW": UUID(warsaw["id"])}
    tills = {}
    for code, store in (("V1", "VIE"), ("V2", "VIE"), ("W1", "WAW")):
        body = {"store_id": str(stores[store]), "code": code, "name": f"Till {code[1]}"}
        tills[code] = UUID((await posted("tills", body, bearer))["id"])
    for staff_code, name, role in ((MANAGER, "Mia Berger", "manager"), (CASHIER, "Cem Yildiz", "cashier")):
        places = {"store_ids": [str(stores["VIE"])]}
        person = {"code": staff_code, "name": name, "roles": [role], "password": PASSWORD, **places}
        await posted("staff", person, bearer)
    return stores, tills


def _store(code: str, name: str, country: str, currency: str, time_zone: str, language: str) -> dict[str, Any]:
    place = {"country": country, "currency": currency, "time_zone": time_zone, "language": language}
    return {"code": code, "name": name, **place}
