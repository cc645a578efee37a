"""A shop with payments at work, and a gateway that answers for its terminals as a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
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

from libs.bus.consumer import CommandConsumer
from libs.bus.sealing import seal
from libs.bus.transport import Delivery, WireMessage
from libs.bus.transports.local import LocalTransport
from libs.contracts.gateway import DeviceChanged, gateway_route
from libs.contracts.identity import GatewayChanged, TillChanged
from libs.contracts.message import Event, Message
from libs.contracts.permissions import CASHIER, MANAGER, Permission
from libs.contracts.tenders import AuthorizeTender, CaptureTender, ReleaseTender, TenderCommand, TenderOutcome
from libs.contracts.terminals import CardFacts, CardReferences, OperateTerminal, TerminalAnswered
from libs.host.registry import AnyServiceDefinition
from libs.persistence import Database, Origin, Outgoing, new_id
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import RunningServices, running
from libs.web.authentication import ISSUER, TokenVerifier
from services.payments.jobs import watch
from services.payments.service import definition
from services.payments.settings import PaymentsSettings

STARTED = datetime(2025, 11, 19, 13, 0, tzinfo=UTC)
DEADLINE_S = 8.0
POLL_S = 0.01
MASKED = "476173******0119"

Answering = Callable[[OperateTerminal], dict[str, Any] | None]
"""What a terminal answers to an operation: fields of `TerminalAnswered`, or None for nothing at all."""


def approves(operation: OperateTerminal) -> dict[str, Any]:
    """Everything asked is approved in full."""
    code = str(operation.operation_id.int % 1_000_000).zfill(6)
    return {
        "outcome": "approved",
        "currency": operation.currency,
        "amount_minor": operation.amount_minor,
        "cash_back_minor": operation.cash_back_minor,
        "tip_minor": operation.tip_minor,
        "card": CardFacts(masked_number=MASKED, scheme="visa"),
        "references": CardReferences(approval_code=code, retrieval_reference=f"RRN{code}", receipt_number="0042"),
        "customer_slip": ("VISA ************0119", "APPROVED"),
        "merchant_slip": ("MERCHANT COPY",),
    }


def declines(operation: OperateTerminal) -> dict[str, Any]:
    return {"outcome": "declined", "reason_code": "51", "reason": "Insufficient funds"}


def loses(operation: OperateTerminal) -> dict[str, Any]:
    return {"outcome": "unknown", "reason": "The line broke"}


def is_silent(operation: OperateTerminal) -> None:
    return None


def finds_nothing(operation: OperateTerminal) -> dict[str, Any]:
    return {"outcome": "declined", "found": False}


def found(operation: OperateTerminal) -> dict[str, Any]:
    return {**approves(operation), "found": True}


class Gateway:
    """The gateway of one store PC. It keeps what it was asked, and answers by `script`, action by action."""

    def __init__(self, transport: LocalTransport, gateway_id: UUID, clock: Callable[[], datetime]) -> None:
        self.gateway_id = gateway_id
        self.asked: list[OperateTerminal] = []
        self.script: dict[str, Answering] = {}
        self._transport = transport
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        async def never(*_: Any) -> None:
            raise AssertionError("the sink takes everything")

        consumer = CommandConsumer(
            f"gateway.{self.gateway_id}", gateway_route(self.gateway_id), {OperateTerminal: never}
        )
        await self._transport.attach(consumer, self._take)

    def _take(self, delivery: Delivery) -> None:
        operation = OperateTerminal.parse(delivery.body)
        delivery.ack()
        self.asked.append(operation)
        facts = self.script.get(operation.action, approves)(operation)
        if facts is not None:
            task = asyncio.get_running_loop().create_task(self.answer(operation, **facts))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def answer(self, operation: OperateTerminal, **facts: Any) -> None:
        """Publish an answer, also a late or a repeated one."""
        await publish(
            self._transport,
            TerminalAnswered(
                operation_id=operation.operation_id,
                intent_id=operation.intent_id,
                gateway_id=self.gateway_id,
                store_id=operation.store_id,
                till_id=operation.till_id,
                action=operation.action,
                terminal=operation.terminal,
                answered_at=self._clock(),
                inquired_operation_id=operation.inquired_operation_id if operation.action == "inquiry" else None,
                **facts,
            ),
        )

    def actions(self, intent_id: UUID | str | None = None) -> list[str]:
        """What was asked, in order, of one intent or of all."""
        return [each.action for each in self.asked if intent_id is None or str(each.intent_id) == str(intent_id)]


async def publish(transport: LocalTransport, message: Message, sequence: int = 1) -> None:
    sealed = seal(
        Outgoing(message, sequence, message.subject),
        Origin(),
        source="/test",
        now=datetime.now(UTC),
        traceparent=None,
        limit_bytes=4_000_000,
    )
    kind = "event" if isinstance(message, Event) else "command"
    await transport.publish(WireMessage(str(sealed.id), kind, sealed.routing_key, sealed.headers, sealed.body))


@dataclass
class Person:
    """Somebody with a token."""

    http: httpx.AsyncClient
    id: UUID
    token: str

    async def asks(
        self, method: str, path: str, body: Any = None, *, key: str | None = None, **options: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": key or str(uuid4())}
        return await self.http.request(method, path, json=body, headers=headers, **options)

    async def post(self, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
        return await self.asks("POST", f"/payments/v1{path}", body, key=key)

    async def get(self, path: str, **params: Any) -> Any:
        return answered(await self.asks("GET", f"/payments/v1{path}", params=params), 200)


@dataclass
class TerminalShop:
    """Payments at work for one store with a till and a wired terminal."""

    services: RunningServices
    transport: LocalTransport
    gateway: Gateway
    key: ECKey
    clock: Clock
    store_id: UUID
    till_id: UUID
    terminal_id: UUID
    outcomes: list[TenderOutcome] = field(default_factory=list)

    @property
    def database(self) -> Database:
        database: Database = self.services.apps["payments"].state.context.database
        return database

    def person(
        self, permissions: frozenset[Permission] = CASHIER, name: str = "Anna Kowalska", **claims: Any
    ) -> Person:
        staff_id = uuid4()
        full = {
            "iss": ISSUER,
            "exp": int((self.clock() + timedelta(days=30)).timestamp()),
            "sub": str(staff_id),
            "kind": "staff",
            "name": name,
            "permissions": sorted(permissions),
            "store_ids": [str(self.store_id)],
            "store_id": str(self.store_id),
            "till_id": str(self.till_id),
            "limits": {"refund_minor": 1_000_000},
            **claims,
        }
        return Person(self.services.http, staff_id, self._signed(full))

    def manager(self) -> Person:
        return self.person(MANAGER | {Permission.PAYMENTS_CONFIGURE}, "Maria Nowak")

    def approval(self, action: Permission, bound_to: str, asked_by: Person) -> str:
        return self._signed(
            {
                "iss": ISSUER,
                "exp": int((self.clock() + timedelta(hours=1)).timestamp()),
                "jti": str(uuid4()),
                "sub": str(uuid4()),
                "kind": "approval",
                "name": "Maria Nowak",
                "action": action.value,
                "bound_to": bound_to,
                "requested_by": str(asked_by.id),
                "limits": {},
            }
        )

    def _signed(self, claims: dict[str, Any]) -> str:
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key, algorithms=["ES256"])

    async def hears(self, *messages: Message, sequence: int = 1) -> None:
        for message in messages:
            await publish(self.transport, message, sequence)
        await self.services.drained()

    async def authorize(self, amount_minor: int = 4_000, *, sent_twice: bool = False, **facts: Any) -> UUID:
        """Ask for a card tender as sales does; the tender's id, which is the intent's."""
        command = AuthorizeTender(**self._tender(amount_minor), **facts)
        await publish(self.transport, command)
        if sent_twice:
            await publish(self.transport, command)
        await self.services.drained()
        return command.tender_id

    async def capture(self, tender_id: UUID, amount_minor: int = 4_000) -> None:
        await self._command(CaptureTender(**{**self._tender(amount_minor), "tender_id": tender_id}))

    async def release(self, tender_id: UUID, amount_minor: int = 4_000) -> None:
        command = ReleaseTender(**{**self._tender(amount_minor), "tender_id": tender_id}, reason="taken back")
        await self._command(command)

    async def _command(self, command: TenderCommand) -> None:
        await publish(self.transport, command)
        await self.services.drained()

    def _tender(self, amount_minor: int) -> dict[str, Any]:
        return {
            "tender_id": new_id(),
            "sale_id": new_id(),
            "store_id": self.store_id,
            "till_id": self.till_id,
            "kind": "card",
            "currency": "PLN",
            "amount_minor": amount_minor,
        }

    async def paid(self, amount_minor: int = 4_000, **facts: Any) -> UUID:
        """A card payment that a completed sale has captured."""
        tender_id = await self.authorize(amount_minor, **facts)
        await self.becomes(tender_id, "approved")
        await self.capture(tender_id, amount_minor)
        await self.becomes(tender_id, "captured")
        return tender_id

    async def intent(self, intent_id: UUID | str) -> dict[str, Any]:
        shown: dict[str, Any] = await self.person().get(f"/intents/{intent_id}")
        return shown

    async def becomes(self, intent_id: UUID | str, *states: str) -> dict[str, Any]:
        """The intent, once it is in one of these states."""
        deadline = monotonic() + DEADLINE_S
        while True:
            shown = await self.intent(intent_id)
            if shown["state"] in states:
                return shown
            assert monotonic() < deadline, f"still {shown['state']}: {shown['history']}"
            await asyncio.sleep(POLL_S)

    async def passes(self, seconds: float) -> None:
        """Let time pass, then let the service look at what is due."""
        self.clock.advance(seconds)
        await watch(self.database, settings_of(self))
        await self.services.drained()

    async def asked(self, count: int) -> None:
        """Wait until the gateway was asked so many things in all."""
        deadline = monotonic() + DEADLINE_S
        while len(self.gateway.asked) < count:
            assert monotonic() < deadline, self.gateway.actions()
            await asyncio.sleep(POLL_S)

    async def told(self, tender_id: UUID) -> list[str]:
        """What sales was told of a tender, in order."""
        return [kind for kind, _ in await self.outcomes_of(tender_id)]

    async def published(self, intent_id: UUID) -> list[int]:
        """The sequence numbers of `payment_intent_changed` of an intent."""
        async with self.database.reading() as connection:
            rows = await connection.execute(
                text(
                    "select (headers ->> 'ce-sequence')::int from outbox where key = :key"
                    " and type = 'tillstream.payments.payment_intent_changed.v1' order by seq"
                ),
                {"key": str(intent_id)},
            )
            return list(rows.scalars())

    async def outcomes_of(self, tender_id: UUID) -> list[tuple[str, dict[str, Any]]]:
        async with self.database.reading() as connection:
            rows = await connection.execute(
                text(
                    "select type, body from outbox where key = :key and type like 'tillstream.tenders.%' order by seq"
                ),
                {"key": str(tender_id)},
            )
            return [
                (row.type.removeprefix("tillstream.tenders.tender_").removesuffix(".v1"), from_json(row.body))
                for row in rows
            ]


class Clock:
    """A clock that runs, and that a test may move on."""

    def __init__(self, ahead: timedelta = timedelta()) -> None:
        self._started = monotonic()
        self._ahead = ahead

    def __call__(self) -> datetime:
        return STARTED + self._ahead + timedelta(seconds=monotonic() - self._started)

    def advance(self, seconds: float) -> None:
        self._ahead += timedelta(seconds=seconds)


def settings_of(shop: TerminalShop) -> PaymentsSettings:
    settings: PaymentsSettings = shop.services.apps["payments"].state.resources[PaymentsSettings]
    return settings


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


def terminal_device(
    store_id: UUID, gateway_id: UUID, till_ids: Sequence[UUID], name: str = "card-terminal", **changes: Any
) -> DeviceChanged:
    facts: dict[str, Any] = {
        "device_id": uuid4(),
        "gateway_id": gateway_id,
        "store_id": store_id,
        "till_ids": tuple(till_ids),
        "name": name,
        "kind": "terminal",
        "driver": "simulated",
        "configured": True,
        "state": "ready",
        "changed_at": STARTED,
    }
    return DeviceChanged(**{**facts, **changes})


@asynccontextmanager
async def open_terminal_shop(
    server: DatabaseServer,
    *others: AnyServiceDefinition,
    database_url: str | None = None,
    clock: Clock | None = None,
) -> AsyncIterator[TerminalShop]:
    """Payments, and whatever else is named, at work over one local transport with a gateway.

    `database_url` names a database that other replicas have worked on; the store is a new one in any case.
    """
    clock = clock or Clock()
    transport = LocalTransport()
    key = ECKey.generate_key("P-256", {"use": "sig", "alg": "ES256"}, auto_kid=True)

    async def fetch_keys() -> dict[str, Any]:
        return dict(KeySet([key]).as_dict(private=False))

    definitions = [definition, *others]
    async with running(definitions, server, database_url=database_url, clock=clock, transport=transport) as services:
        for app in services.apps.values():
            app.state.context = replace(app.state.context, verifier=TokenVerifier(fetch_keys, clock))
        yield await _new_store(services, transport, key, clock)


async def another_store(shop: TerminalShop) -> TerminalShop:
    """A store of its own, with a till, a gateway and a terminal, in the same running services."""
    return await _new_store(shop.services, shop.transport, shop.key, shop.clock)


async def _new_store(services: RunningServices, transport: LocalTransport, key: ECKey, clock: Clock) -> TerminalShop:
    store_id, till_id, gateway_id = uuid4(), uuid4(), uuid4()
    gateway = Gateway(transport, gateway_id, clock)
    await gateway.listen()
    device = terminal_device(store_id, gateway_id, [till_id])
    shop = TerminalShop(services, transport, gateway, key, clock, store_id, till_id, device.device_id)
    await shop.hears(
        TillChanged(till_id=till_id, store_id=store_id, code="1", name="Till 1", enrolled=True, active=True),
        GatewayChanged(
            gateway_id=gateway_id,
            store_id=store_id,
            code="g1",
            name="Store PC",
            till_ids=(till_id,),
            enrolled=True,
            active=True,
        ),
        device,
    )
    return shop
