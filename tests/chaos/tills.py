"""Tills that sell whatever happens: they send twice, give up too early, and try again until they know."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import httpx

from infra.demo.api import Api
from infra.demo.cashier import CURRENCY
from libs.persistence import new_id
from libs.testkit.history import Answer, History, Request

PATIENCE_S = 5.0
PAUSE_S = 0.25
TRIES = 60

Body = dict[str, Any]


class OpenApi(Api):
    """The demo's way to set up a shop, for whoever then wants to send every single request themselves."""

    def __init__(self, http: httpx.AsyncClient, token: str | None = None) -> None:
        super().__init__(http, token)
        self.http = http
        self.headers = {"Authorization": f"Bearer {token}"}

    def as_bearer(self, token: str) -> OpenApi:
        """The same for somebody else."""
        return OpenApi(self.http, token)


@dataclass
class Till:
    """One till with its cashier's token; `chance` decides what goes wrong, so that a seed repeats it."""

    till_id: str
    headers: dict[str, str]
    http: httpx.AsyncClient
    history: History
    chance: Random
    codes: Sequence[str]

    async def work(self, until_s: float) -> None:
        """Sell until the loop's clock says `until_s`."""
        loop = asyncio.get_running_loop()
        sold: list[Body] = []
        while loop.time() < until_s:
            body = self._basket()
            await self._sell(body)
            sold.append(body)
            if self.chance.random() < 0.1:
                # A retry that was stuck somewhere arrives long after.
                await self._send(self.chance.choice(sold))
            await asyncio.sleep(self.chance.uniform(0, PAUSE_S))

    async def _sell(self, body: Body) -> None:
        what = self.chance.random()
        if what < 0.2:
            known = any(await asyncio.gather(self._send(body), self._send(body)))
        elif what < 0.3:
            # Too impatient to hear the answer, which may well be under way.
            known = await self._send(body, patience_s=self.chance.uniform(0.001, 0.05))
        elif what < 0.35:
            known = await self._send({**body, "lines": [*body["lines"], {"code": "no-such-thing"}]})
        else:
            known = await self._send(body)
        if self.chance.random() < 0.03:
            # The till is switched off before it knows; nobody ever asks again.
            return
        for _ in range(TRIES):
            if known:
                return
            await asyncio.sleep(PAUSE_S)
            known = await self._send(body)

    async def _send(self, body: Body, patience_s: float = PATIENCE_S) -> bool:
        """Send once and record it; True when the till knows what became of the sale."""
        request = self.history.invoke(self.till_id, body["sale_id"], json.dumps(body["lines"]))
        try:
            async with asyncio.timeout(patience_s):
                response = await self.http.post("/sales/v1/sales", json=body, headers=self.headers)
        except (TimeoutError, httpx.TransportError):
            self.history.unknown(request)
            return False
        return self._note(request, response)

    def _note(self, request: Request, response: httpx.Response) -> bool:
        if response.status_code == httpx.codes.CREATED:
            document = response.json()
            cash_minor = sum(tender["given_minor"] - (tender["change_minor"] or 0) for tender in document["tenders"])
            self.history.ok(request, Answer(document["number"], document["total_minor"], cash_minor))
            return True
        if response.is_client_error:
            self.history.fail(request)
            return True
        self.history.unknown(request)
        return False

    def _basket(self) -> Body:
        lines = [
            {"code": code, "quantity": self.chance.randrange(1, 4)}
            for code in self.chance.sample(self.codes, self.chance.randrange(1, 6))
        ]
        return {
            "sale_id": str(new_id()),
            "currency": CURRENCY,
            "age_confirmed_years": 18,
            "lines": lines,
            "tenders": [{"tender_id": str(new_id()), "kind": "cash", "given_minor": 100_000}],
        }
