"""One form for the three kinds of consumer: from a message's type to its class and handler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from libs.bus.consumer import AnyConsumer, BatchHandler, CommandConsumer, Handler, ProjectionConsumer, Received
from libs.bus.envelope import Envelope
from libs.bus.topology import message_types
from libs.contracts.message import Message, UnknownMessageType
from libs.persistence import UnitOfWork


@dataclass(frozen=True)
class Subscription:
    """What a consumer does with each message type. `batch` is set for a projection."""

    name: str
    models: Mapping[str, type[Message]]
    handlers: Mapping[str, Handler]
    batch: BatchHandler | None
    commands: bool

    def wants(self, message_type: str) -> bool:
        """Whether the message is for this consumer.

        An event of another type comes by a binding of an earlier release and is passed over. A command is always
        ours: nobody else would carry it out, so an unknown one must be seen.
        """
        return self.commands or message_type in self.models

    def read(self, envelope: Envelope) -> Received[Message]:
        """Parse the payload. Raises UnknownMessageType or pydantic.ValidationError."""
        model = self.models.get(envelope.type)
        if model is None:
            raise UnknownMessageType(f"{self.name} has no handler for {envelope.type}")
        return Received(model.parse(envelope.body), envelope)


def subscription(consumer: AnyConsumer) -> Subscription:
    """The subscription of a consumer of any kind."""
    models = message_types(consumer)
    if isinstance(consumer, ProjectionConsumer):
        batch = consumer.handler

        async def one(received: Received[Message], work: UnitOfWork) -> None:
            await batch([received], work)

        return Subscription(consumer.name, models, dict.fromkeys(models, one), batch, commands=False)
    handlers = {model.message.type: handler for model, handler in consumer.handlers.items()}
    return Subscription(consumer.name, models, handlers, None, commands=isinstance(consumer, CommandConsumer))
