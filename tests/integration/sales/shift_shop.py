"""A shop for tests of shifts: sales served over HTTP on a database of its own, people who sign on, goods to sell."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from pydantic_core import from_json
from sqlalchemy import text

from libs.bus.transport import Transport
from libs.contracts.catalog import PriceChanged, PriceFacts, ProductChanged, TaxCategoryChanged, TaxRateFacts
from libs.contracts.identity import StoreChanged, TillChanged
from libs.contracts.message import Message
from libs.contracts.permissions import (
    APPROVED_UP_TO_A_DISCOUNT,
    APPROVED_UP_TO_AN_AMOUNT,
    CASHIER,
    MANAGER,
    Permission,
)
from libs.persistence import Database, new_id
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, running
from libs.web.authentication import ISSUER, TokenVerifier
from services.sales.domain.shift import ShiftPolicy
from services.sales.service import definition
from services.sales.use_cases.keep_catalogue import CatalogueChanges, keep_catalogue

OPENED = datetime(2025, 11, 19, 13, 0, tzinfo=UTC)
TOKEN_LIFETIME_S = 3600
PRICES_MINOR = {"bread": (450, "reduced"), "wine": (3_999, "standard"), "tea": (1_298, "standard")}


@dataclass(frozen=True)
class Person:
    """Somebody signed on at a till; `asks` sends requests as them."""

    staff_id: UUID
    name: str
    till_id: UUID
    http: httpx.AsyncClient
    token: str

    async def asks(self, method: str, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        if key:
            headers["Idempotency-Key"] = key
        return await self.http.request(method, f"/sales/v1{path}", json=body, headers=headers)

    async def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        return await self.asks("POST", path, body, key)

    async def get(self, path: str) -> httpx.Response:
        return await self.asks("GET", path)

    async def opens(self, **body: Any) -> dict[str, Any]:
        """A new shift at their till, by default with a float of 200.00 PLN."""
        given = {"shift_id": str(new_id()), "currency": "PLN", "float_minor": 20_000, **body}
        shift: dict[str, Any] = answered(await self.post("/shifts", given), 201)
        return shift

    async def sells(self, lines: Sequence[Any], *tenders: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """A document: lines are product codes or bodies; without tenders it is paid in cash, exactly."""
        document: dict[str, Any] = answered(await self.tries_to_sell(lines, *tenders, **more), 201)
        return document

    async def tries_to_sell(self, lines: Sequence[Any], *tenders: Mapping[str, Any], **more: Any) -> httpx.Response:
        bodies = [{"code": line} if isinstance(line, str) else line for line in lines]
        sale = {"sale_id": str(new_id()), "currency": "PLN", "lines": bodies, "tenders": list(tenders), **more}
        return await self.post("/sales", sale)


@dataclass
class Shop:
    """The running service, its store, and ways to look behind the API."""

    http: httpx.AsyncClient
    database: Database
    key: ECKey
    clock: Callable[[], datetime]
    store: StoreChanged
    resources: dict[type, Any]
    services: RunningServices
    tills: int = 0
    products: dict[str, UUID] = field(default_factory=dict)

    @contextmanager
    def policy(self, policy: ShiftPolicy) -> Iterator[None]:
        """The chain's rules for shifts, for the block."""
        before, self.resources[ShiftPolicy] = self.resources[ShiftPolicy], policy
        yield
        self.resources[ShiftPolicy] = before

    def token(self, **claims: Any) -> str:
        """A signed token with these claims."""
        expires_at = self.clock() + timedelta(seconds=TOKEN_LIFETIME_S)
        full = {"iss": ISSUER, "exp": int(expires_at.timestamp()), **claims}
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, full, self.key, algorithms=["ES256"])

    async def new_till(self, store: StoreChanged | None = None, **changes: Any) -> UUID:
        """The id of a till that the service has heard of."""
        self.tills += 1
        till = TillChanged(
            till_id=uuid4(),
            store_id=(store or self.store).store_id,
            code=f"{self.tills:02}",
            name=f"Till {self.tills}",
            enrolled=True,
            active=True,
        )
        await self.hears(till.model_copy(update=changes))
        return till.till_id

    def person(
        self,
        till_id: UUID | None,
        name: str = "Anna Kowalska",
        permissions: frozenset[Permission] = CASHIER,
        staff_id: UUID | None = None,
        cash_out_minor: int = 0,
        store: StoreChanged | None = None,
        kind: str = "staff",
    ) -> Person:
        """Somebody who works in the store, signed on at the till."""
        staff_id = staff_id or uuid4()
        store_id = (store or self.store).store_id
        token = self.token(
            sub=str(staff_id),
            kind=kind,
            name=name,
            permissions=sorted(permissions),
            store_ids=[str(store_id)],
            store_id=str(store_id),
            till_id=str(till_id) if till_id else None,
            limits={"cash_out_minor": cash_out_minor, "refund_minor": 100_000, "discount_ppm": 100_000},
        )
        return Person(staff_id, name, till_id or UUID(int=0), self.http, token)

    async def cashier(self, **options: Any) -> Person:
        """A cashier at a new till."""
        return self.person(await self.new_till(), **options)

    def manager(self, till_id: UUID, **options: Any) -> Person:
        """A manager at the till."""
        return self.person(till_id, **{"name": "Maria Nowak", "permissions": MANAGER, **options})

    def approval(
        self, action: Permission, bound_to: str, asked_by: Person, *, cash_out_minor: int = 1_000_000, **claims: Any
    ) -> str:
        """What identity gives out when a manager approves: as much as they may, unless `up_to` says less."""
        limits = {"cash_out_minor": cash_out_minor, **claims.get("limits", {})}
        if action in APPROVED_UP_TO_A_DISCOUNT:
            claims.setdefault("up_to", {"discount_ppm": limits.get("discount_ppm", 1_000_000)})
        elif action in APPROVED_UP_TO_AN_AMOUNT:
            most = limits["cash_out_minor"] if action is Permission.SALES_CASH_OUT else 1_000_000
            claims.setdefault("up_to", {"amount_minor": most, "currency": "PLN"})
        return self.token(
            **{
                "jti": str(uuid4()),
                "sub": str(uuid4()),
                "kind": "approval",
                "name": "Maria Nowak",
                "action": action.value,
                "bound_to": bound_to,
                "requested_by": str(asked_by.staff_id),
                "limits": {"cash_out_minor": cash_out_minor},
                **claims,
            }
        )

    async def hears(self, *messages: Message) -> None:
        """Let the service take in facts of catalog and identity."""
        changes = CatalogueChanges()
        for message in messages:
            changes.add(message, 1)
        async with self.database.transaction() as work:
            await keep_catalogue(work.connection, changes)

    async def events(self, shift_id: str) -> list[dict[str, Any]]:
        """What was published of a shift, in order: each with its `type`, `sequence` and `key` beside the payload."""
        async with self.database.reading() as connection:
            rows = await connection.execute(
                text("select type, key, headers, body from outbox where body like :id order by seq"),
                {"id": f'%"{shift_id}"%'.encode()},
            )
            return [
                {
                    "type": row.type.removeprefix("tillstream.sales.").removesuffix(".v1"),
                    "key": row.key,
                    **from_json(row.body),
                }
                for row in rows
            ]


def answered(response: httpx.Response, status: int) -> Any:
    """The JSON of an answer that has this status."""
    assert response.status_code == status, response.text
    return response.json()


def refused(response: httpx.Response, status: int, slug: str, field_name: str | None = None) -> dict[str, Any]:
    """The problem document of a refusal, which names this type and field."""
    problem: dict[str, Any] = answered(response, status)
    assert problem["type"].rpartition("/")[2] == slug, problem
    if field_name:
        assert [error["field"] for error in problem["errors"]] == [field_name]
    return problem


def counted(currency: str, **notes: int) -> dict[str, Any]:
    """A count: `counted("PLN", n20000=1)` is one note of 200.00."""
    return {
        "currency": currency,
        "denominations": [{"value_minor": int(name[1:]), "count": count} for name, count in notes.items()],
    }


def _store() -> StoreChanged:
    return StoreChanged(
        store_id=uuid4(),
        code="W1",
        name="Corner Grocery",
        country="PL",
        currency="PLN",
        time_zone="Europe/Warsaw",
        language="en",
        tax_mode="inclusive",
        tax_rounding="per_line",
        cash_rounding_minor=5,
        price_list=None,
        tax_number=None,
    )


def _goods() -> tuple[dict[str, UUID], list[Message]]:
    messages: list[Message] = [
        TaxCategoryChanged(
            code=code,
            name=code,
            rates=(TaxRateFacts(code="VAT", name="VAT", rate_ppm=rate, valid_from=None, valid_until=None),),
        )
        for code, rate in (("standard", 230_000), ("reduced", 80_000))
    ]
    products = {code: uuid4() for code in PRICES_MINOR}
    for code, (price_minor, category) in PRICES_MINOR.items():
        product = ProductChanged(
            product_id=products[code],
            code=code,
            name=code.capitalize(),
            category_ids=(),
            kind="goods",
            unit="piece",
            tax_category=category,
            barcodes=(),
            item_code=None,
            minimum_age_years=None,
            discountable=True,
            image_url=None,
            variant_of=None,
        )
        price = PriceFacts(price_list="standard", currency="PLN", amount_minor=price_minor, minimum_quantity_milli=0)
        messages += [product, PriceChanged(product_id=products[code], prices=(price,))]
    return products, messages


@asynccontextmanager
async def open_shop(server: DatabaseServer, transport: Transport | None = None) -> AsyncIterator[Shop]:
    """The service at work, its clock starting at `OPENED`. `transport` is the local one unless given."""
    started = monotonic()

    def clock() -> datetime:
        return OPENED + timedelta(seconds=monotonic() - started)

    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)

    async def fetch_keys() -> dict[str, Any]:
        return dict(KeySet([key]).as_dict(private=False))

    async with running([definition], server, clock=clock, transport=transport) as services:
        app = services.apps["sales"]
        app.state.context = replace(app.state.context, verifier=TokenVerifier(fetch_keys, clock))
        products, messages = _goods()
        store = _store()
        shop = Shop(
            services.http,
            app.state.context.database,
            key,
            clock,
            store,
            app.state.resources,
            services,
            products=products,
        )
        await shop.hears(store, *messages)
        yield shop
