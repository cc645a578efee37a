"""A device gateway in the place of a real one: it hears commands from the bus and tells of its devices over it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID, uuid4

from libs.bus.consumer import CommandConsumer
from libs.bus.envelope import Envelope, from_headers
from libs.bus.sealing import seal
from libs.bus.transport import Delivery, WireMessage
from libs.bus.transports.local import LocalTransport
from libs.contracts.gateway import DeviceChanged, OpenDrawer, PrintDocument, gateway_route
from libs.contracts.identity import GatewayChanged
from libs.contracts.message import Event, Message, definition_of
from libs.persistence import Origin, Outgoing
from tests.integration.sales.shift_shop import Shop

CommandT = TypeVar("CommandT", PrintDocument, OpenDrawer)


@dataclass
class GatewayDouble:
    """What a gateway was asked, in order, each with its envelope."""

    shop: Shop
    transport: LocalTransport
    gateway_id: UUID = field(default_factory=uuid4)
    asked: list[tuple[Message, Envelope]] = field(default_factory=list)

    async def attach(self) -> None:
        """Begin to hear commands."""
        consumer = CommandConsumer(name=f"gateway.{self.gateway_id}", route=gateway_route(self.gateway_id), handlers={})
        await self.transport.attach(consumer, self._take)

    def _take(self, delivery: Delivery) -> None:
        envelope = from_headers(delivery.headers, delivery.body)
        self.asked.append((definition_of(envelope.type).model.parse(delivery.body), envelope))
        delivery.ack()

    def took(self, kind: type[CommandT]) -> list[CommandT]:
        """The commands of a kind."""
        return [message for message, _ in self.asked if isinstance(message, kind)]

    async def serves(self, *till_ids: UUID, version: int = 1, **changes: Any) -> None:
        """Identity tells which tills it serves."""
        facts: dict[str, Any] = {
            "gateway_id": self.gateway_id,
            "store_id": self.shop.store.store_id,
            "code": "PC1",
            "name": "PC",
            "till_ids": till_ids,
            "enrolled": True,
            "active": True,
        }
        await self.tells(GatewayChanged(**{**facts, **changes}), sequence=version)

    async def has_printer(self, *till_ids: UUID, **changes: Any) -> None:
        """It tells of a printer that it has for these tills."""
        facts: dict[str, Any] = {
            "device_id": self.gateway_id,
            "gateway_id": self.gateway_id,
            "store_id": self.shop.store.store_id,
            "till_ids": till_ids,
            "name": "receipt-printer",
            "kind": "printer",
            "driver": "escpos",
            "configured": True,
            "state": "ready",
            "changed_at": self.shop.clock(),
        }
        await self.tells(DeviceChanged(**{**facts, **changes}))

    async def tells(self, event: Event, *, sequence: int = 1) -> None:
        """Publish an event as a gateway does, and wait until sales has taken it in."""
        sealed = seal(
            Outgoing(event, sequence, event.subject),
            Origin(),
            source="/test",
            now=self.shop.clock(),
            traceparent=None,
            limit_bytes=4_000_000,
        )
        message = WireMessage(str(sealed.id), sealed.kind, sealed.routing_key, sealed.headers, sealed.body)
        await self.transport.publish(message)
        await self.shop.services.drained()

    def expiry(self, number: int = -1) -> datetime | None:
        """Until when a command may be carried out."""
        return self.asked[number][1].expiry_time
