"""The message bus: exactly-once effects over an at-least-once transport.

A business transaction writes its messages to the outbox (`outbox`). The relay (`relay`) publishes them, in order per
key, over a `transport` (`transports.rabbit` or `transports.local`). A consumer (`consumer`, run by `runner`) takes
each into the inbox (`inbox`), where its handler's effects, what it emits and the mark "done" commit together. What
fails is parked (`parking`, `parked`) and holds up its own key only; what is dead waits for an operator (`dead`).

A service adds `messaging_tables` to its MetaData; the host wires one `bus.MessageBus` per service.
"""

from libs.bus.consumer import AnyConsumer, CommandConsumer, Consumer, ProjectionConsumer, Received
from libs.bus.envelope import Envelope, MalformedEnvelope
from libs.bus.settings import BusSettings
from libs.bus.tables import MessagingTables, messaging_tables

__all__ = [
    "AnyConsumer",
    "BusSettings",
    "CommandConsumer",
    "Consumer",
    "Envelope",
    "MalformedEnvelope",
    "MessagingTables",
    "ProjectionConsumer",
    "Received",
    "messaging_tables",
]
