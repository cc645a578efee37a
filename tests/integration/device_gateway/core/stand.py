"""A gateway on a bus, with a server at the other end that sends commands and hears what is reported."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
from cryptography.fernet import Fernet
from pydantic import SecretStr

from device_gateway.bus_link import commands_of
from device_gateway.configuration import ConfiguredDevice
from device_gateway.domain.device_state import STARTING
from device_gateway.domain.orders import PrintJob
from device_gateway.enrolment import EnrolledTill, Enrolment
from device_gateway.service import RunningGateway, gateway_at_work
from device_gateway.settings import GatewaySettings
from libs.bus.consumer import Consumer
from libs.bus.envelope import Envelope, from_headers
from libs.bus.sealing import seal
from libs.bus.transport import Delivery, NotConfirmed, Transport, WireMessage
from libs.bus.transports.local import LocalTransport
from libs.contracts.gateway import DeviceChanged, DrawerOpened, OpenDrawer, PrintDocument, PrintJobChanged
from libs.contracts.message import Command, Event, definition_of
from libs.contracts.permissions import Permission
from libs.contracts.printing import PrintedDocument, TextBlock
from libs.persistence import Origin, Outgoing, new_id, utc_now
from libs.web.authentication import TokenVerifier
from services.identity.gateways.signing import TokenSigner

GATEWAY = UUID("019a0000-0000-7000-8000-00000000000a")
STORE = UUID("019a0000-0000-7000-8000-00000000000b")
TILL = UUID("019a0000-0000-7000-8000-000000000001")
OTHER_TILL = UUID("019a0000-0000-7000-8000-000000000002")
CASHIER = UUID("019a0000-0000-7000-8000-0000000000cc")
ENROLMENT = Enrolment(
    gateway_id=GATEWAY,
    store_id=STORE,
    secret=SecretStr("secret"),
    tills=(EnrolledTill(till_id=TILL, code="1"), EnrolledTill(till_id=OTHER_TILL, code="2")),
)
QUICK: dict[str, Any] = {
    "poll_s": 0.01,
    "reopen_s": 0.02,
    "reopen_limit_s": 0.1,
    "status_every_s": 0.05,
    "print_retry_s": 0.02,
    "print_retry_limit_s": 0.1,
    "expiry_sweep_s": 0.02,
    "drawer_seen_s": 0.2,
    "publish_poll_s": 0.5,
    "publish_retry_s": 0.02,
    "publish_retry_limit_s": 0.1,
    "journal_retry_s": 0.02,
    "device_call_timeout_s": 0.5,
    "measure_every_s": 0.05,
    "allowed_hosts": ("localhost", "127.0.0.1"),
    "allowed_origins": ("https://till.example.com",),
}


async def _nothing(*_: object) -> None:
    """Deliveries go to the server's own sink."""


REPORTS = Consumer(
    "testing.reports", {PrintJobChanged: _nothing, DrawerOpened: _nothing, DeviceChanged: _nothing}, prefetch=200
)


async def until(check: Callable[[], Any], timeout_s: float = 10.0) -> None:
    """Wait until `check` is true; fail with what it says if it does not become so."""
    deadline = time.monotonic() + timeout_s
    while not check():
        assert time.monotonic() < deadline, "it did not come about"
        await asyncio.sleep(0.005)


@dataclass
class Server:
    """The other end of the bus. `heard` are the reports in order of arrival, each with its envelope."""

    transport: Transport
    heard: list[tuple[Envelope, Event]] = field(default_factory=list)
    _known_ids: set[str] = field(default_factory=set)

    async def listen(self) -> None:
        """Begin to hear reports."""
        await self.transport.attach(REPORTS, self._hear)

    def _hear(self, delivery: Delivery) -> None:
        envelope = from_headers(delivery.headers, delivery.body)
        message = definition_of(envelope.type).model.parse(delivery.body)
        assert isinstance(message, Event)
        # A repetition is recognised by its id, as an inbox does.
        if envelope.id not in self._known_ids:
            self._known_ids.add(envelope.id)
            self.heard.append((envelope, message))
        delivery.ack()

    async def send(self, command: Command, expires_at: datetime | None = None, *, times: int = 1) -> None:
        """Send a command, as an outbox does: until it is confirmed."""
        sealed = seal(
            Outgoing(command, 1, command.subject, expires_at),
            Origin("correlated-with-it"),
            source="/sales",
            now=utc_now(),
            traceparent=None,
            limit_bytes=4_000_000,
        )
        message = WireMessage(str(sealed.id), sealed.kind, sealed.routing_key, sealed.headers, sealed.body)
        for _ in range(times):
            await self.send_raw(message)

    async def send_raw(self, message: WireMessage) -> None:
        """Send a message until it is confirmed."""
        while True:
            try:
                await self.transport.publish(message)
                return
            except NotConfirmed:
                await asyncio.sleep(0.05)

    def states_of(self, job_id: UUID) -> list[str]:
        """The states a job was reported in, in order."""
        return [event.state for _, event in self.heard if isinstance(event, PrintJobChanged) and event.job_id == job_id]

    def openings(self, opening_id: UUID | None = None) -> list[DrawerOpened]:
        """The reported openings of drawers."""
        return [
            event
            for _, event in self.heard
            if isinstance(event, DrawerOpened) and opening_id in (None, event.opening_id)
        ]

    def device_states(self, name: str) -> list[str]:
        """The states a device was reported in, in order."""
        return [event.state for _, event in self.heard if isinstance(event, DeviceChanged) and event.name == name]

    async def hears(self, job_id: UUID, state: str) -> None:
        """Wait until a job is reported in a state."""
        await until(lambda: state in self.states_of(job_id))

    def sequences(self, subject: UUID) -> list[int]:
        """The sequence numbers of what was reported of a subject, in order of arrival."""
        return [envelope.sequence for envelope, _ in self.heard if envelope.subject == str(subject)]


class Keys:
    """Tokens, as identity issues them."""

    def __init__(self) -> None:
        self._signer = TokenSigner(Fernet.generate_key().decode())
        now = datetime.now(UTC)
        self._key = self._signer.new_key(published_at=now, signs_from=now)
        self.verifier = TokenVerifier(self._fetch, utc_now)

    async def _fetch(self) -> dict[str, Any]:
        return {"keys": [self._key.public_jwk]}

    def headers(
        self,
        *permissions: str,
        store: UUID = STORE,
    ) -> dict[str, str]:
        """The header of a signed-on cashier; with what a cashier may do unless told otherwise."""
        chosen = permissions or (Permission.GATEWAY_READ, Permission.GATEWAY_USE, Permission.GATEWAY_PRINT_DUPLICATE)
        claims = {
            "iss": "tillstream",
            "sub": str(CASHIER),
            "kind": "staff",
            "name": "Kim",
            "exp": int((datetime.now(UTC) + timedelta(hours=1)).timestamp()),
            "permissions": list(chosen),
            "store_ids": [str(store)],
        }
        return {"Authorization": f"Bearer {self._signer.sign(self._key, claims)}"}


@dataclass
class Stand:
    """A gateway at work, and what a test needs around it."""

    gateway: RunningGateway
    server: Server
    http: httpx.AsyncClient
    keys: Keys

    def job(self, job_id: UUID) -> PrintJob:
        """A job as the journal has it."""
        with self.gateway.parts.journal.step() as step:
            found = step.job(job_id)
        assert found is not None
        return found

    async def job_is(self, job_id: UUID, state: str) -> PrintJob:
        """Wait until a job is in a state."""

        def there() -> bool:
            with self.gateway.parts.journal.step() as step:
                found = step.job(job_id)
            return found is not None and found.state.value == state

        await until(there)
        return self.job(job_id)

    async def device_is(self, name: str, state: str) -> None:
        """Wait until a device is in a state."""
        worker = self.gateway.parts.workforce.worker(name)
        # A device that is still being looked for is absent, but not yet known to be.
        await until(lambda: worker.health.state.value == state and worker.health is not STARTING)


@asynccontextmanager
async def stand(
    folder: Path,
    devices: Sequence[ConfiguredDevice],
    *,
    transport: Transport | None = None,
    server_transport: Transport | None = None,
    **settings: Any,
) -> AsyncIterator[Stand]:
    """Run a gateway in `folder` for the block: on a local transport, or on the given one, started."""
    async with AsyncExitStack() as stack:
        carrier = transport or LocalTransport()
        if transport is None:
            await carrier.start()
            stack.push_async_callback(carrier.stop)
        server = Server(server_transport or carrier)
        await server.transport.declare([REPORTS, commands_of(GATEWAY)])
        await server.listen()
        keys = Keys()
        gateway = await stack.enter_async_context(
            gateway_at_work(
                enrolment=ENROLMENT,
                devices=devices,
                data_folder=folder,
                transport=carrier,
                verifier=keys.verifier,
                settings=GatewaySettings(**(QUICK | settings)),
            )
        )
        http = await stack.enter_async_context(
            httpx.AsyncClient(
                transport=httpx.ASGITransport(gateway.app, raise_app_exceptions=False), base_url="http://localhost:8011"
            )
        )
        yield Stand(gateway, server, http, keys)


def receipt(text: str = "Milk 1.29", *, job_id: UUID | None = None, till_id: UUID = TILL, **more: Any) -> PrintDocument:
    """A command to print a receipt."""
    document = PrintedDocument(language="en", blocks=(TextBlock(text=text),))
    return PrintDocument(
        gateway_id=GATEWAY,
        store_id=STORE,
        till_id=till_id,
        job_id=job_id or new_id(),
        document_kind="receipt",
        title=f"Receipt of {text}",
        document=document,
        **more,
    )


def drawer_order(till_id: UUID = TILL, reason: str = "no_sale") -> OpenDrawer:
    """A command to open a drawer."""
    return OpenDrawer(gateway_id=GATEWAY, store_id=STORE, till_id=till_id, opening_id=new_id(), reason=reason)


def later(seconds: float) -> datetime:
    """A moment from now."""
    return utc_now() + timedelta(seconds=seconds)
