"""What every event and command is made of, and the registry that knows them all.

An event states a fact in the past tense and has any number of consumers; a command asks one consumer to act.
Producers may not add a field that the contract lacks (`extra="forbid"`); consumers ignore fields they do not
know, so that version 1 can grow (`parse`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict

TYPE_PREFIX = "tillstream"
_TYPE = re.compile(r"^tillstream\.[a-z]+\.[a-z_]+\.v[1-9][0-9]*$")


class UnknownMessageType(LookupError):
    """No contract is registered for this message type."""


class Message(BaseModel):
    """The payload of an event or a command; the envelope around it is `libs.bus.envelope.Envelope`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    message: ClassVar[MessageDefinition]

    @property
    def subject(self) -> str:
        """The id of the aggregate that the message is about (CloudEvents `subject`)."""
        return str(getattr(self, self.message.subject_field))

    @property
    def store(self) -> str | None:
        """The store it happened in, for routing; None for facts of the whole chain."""
        field = self.message.store_field
        value = getattr(self, field) if field else None
        return None if value is None else str(value)

    @classmethod
    def parse(cls, body: bytes) -> Self:
        """Read a payload as a consumer does: unknown fields are ignored. Raises pydantic.ValidationError."""
        return cls.model_validate_json(body, extra="ignore")

    def body(self) -> bytes:
        """The payload as UTF-8 JSON."""
        return self.__pydantic_serializer__.to_json(self)


class Event(Message):
    """A fact, published on the topic exchange."""


class Command(Message):
    """A request to one consumer, published on the direct exchange."""

    @property
    def route(self) -> str:
        """The routing key, i.e. the name of the one consumer group that carries it out."""
        raise NotImplementedError(f"{type(self).__name__} must say who carries it out")


@dataclass(frozen=True, slots=True)
class MessageDefinition:
    """What the registry knows of one message type."""

    owner: str
    kind: str
    model: type[Message]
    type: str
    subject_field: str
    store_field: str | None


_registry: dict[str, MessageDefinition] = {}
MessageClass = TypeVar("MessageClass", bound=type[Message])


def contract(
    owner: str, name: str, *, subject: str, store: str | None = None, version: int = 1
) -> Callable[[MessageClass], MessageClass]:
    """Register a message class as `tillstream.<owner>.<name>.v<version>`.

    `subject` and `store` name the fields that hold the aggregate's id and the store's id.
    Raises ValueError for a malformed or repeated type or a field the class does not have.
    """

    def register(model: MessageClass) -> MessageClass:
        message_type = f"{TYPE_PREFIX}.{owner}.{name}.v{version}"
        if not _TYPE.match(message_type):
            raise ValueError(f"{message_type} is not of the form tillstream.<service>.<event>.v1")
        if message_type in _registry:
            raise ValueError(f"{message_type} is registered twice")
        for field in filter(None, (subject, store)):
            if field not in model.__pydantic_fields__:
                raise ValueError(f"{model.__name__} has no field {field}")
        kind = "command" if issubclass(model, Command) else "event"
        definition = MessageDefinition(owner, kind, model, message_type, subject, store)
        model.message = definition
        _registry[message_type] = definition
        return model

    return register


def definition_of(message_type: str) -> MessageDefinition:
    """Look a message type up. Raises UnknownMessageType."""
    try:
        return _registry[message_type]
    except KeyError as error:
        raise UnknownMessageType(f"no contract is registered for {message_type!r}") from error


def all_definitions() -> list[MessageDefinition]:
    """Every registered contract, ordered by type. Import `libs.contracts` first so that all are registered."""
    return [_registry[key] for key in sorted(_registry)]


def json_schema(definition: MessageDefinition) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a message's payload as a consumer should read it."""
    return definition.model.model_json_schema(mode="serialization")
