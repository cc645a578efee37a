"""The published form of the contracts: a JSON Schema for each message and one AsyncAPI 3.0 document for all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from libs.contracts.message import MessageDefinition

JSON_SCHEMA_DIALECT = "https://json-schema.org/draft/2020-12/schema"
EVENTS_EXCHANGE = "tillstream.events"
COMMANDS_EXCHANGE = "tillstream.commands"

# The envelope: CloudEvents 1.0.2 attributes as AMQP 0-9-1 headers (binary content mode), and our extensions.
_HEADERS: dict[str, tuple[str, str]] = {
    "ce-specversion": ("string", "CloudEvents version, 1.0."),
    "ce-id": ("string", "Unique id of the message; a repetition has the same id. Also the AMQP message_id."),
    "ce-type": ("string", "Type of the message, tillstream.<service>.<event>.v<version>."),
    "ce-source": ("string", "The service that sent it, e.g. /sales."),
    "ce-subject": ("string", "Id of the aggregate it is about."),
    "ce-time": ("string", "When it happened, RFC 3339 in UTC."),
    "ce-partitionkey": ("string", "Messages with one key arrive in order."),
    "ce-sequence": ("string", "Counts the messages about one subject from 1, without gaps."),
    "ce-correlationid": ("string", "Shared by everything that one request set off."),
    "ce-causationid": ("string", "Id of the message or request that caused this one."),
    "ce-storeid": ("string", "The store it happened in, if any."),
    "ce-expirytime": ("string", "A command is refused after this time."),
    "ce-traceparent": ("string", "W3C trace context."),
}
_REQUIRED_HEADERS = (
    "ce-specversion",
    "ce-id",
    "ce-type",
    "ce-source",
    "ce-subject",
    "ce-time",
    "ce-partitionkey",
    "ce-sequence",
    "ce-correlationid",
)


def message_schema(definition: MessageDefinition) -> dict[str, Any]:
    """The JSON Schema of a message's payload as consumers read it: fields they do not know are allowed.

    Required is what every message of this version ever had: a field that was added later has a default, and older
    messages lack it.
    """
    schema = _open(definition.model.model_json_schema(mode="validation"))
    return {"$schema": JSON_SCHEMA_DIALECT, "$id": f"{definition.type}.json", **schema}


def asyncapi_document(definitions: Iterable[MessageDefinition], version: str) -> dict[str, Any]:
    """The AsyncAPI 3.0 document of every message: where it is published, by whom and what it holds."""
    known = list(definitions)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Tillstream messages",
            "version": version,
            "description": (
                "Events and commands of Tillstream as CloudEvents 1.0 in binary mode over AMQP 0-9-1. Version 1 of a "
                "type only grows: ignore fields you do not know. A message may arrive twice; ce-id tells."
            ),
        },
        "defaultContentType": "application/json",
        "servers": {
            "rabbitmq": {"host": "rabbitmq:5672", "protocol": "amqp", "description": "The installation's own broker."}
        },
        "channels": {name: _channel(name, messages) for name, messages in _by_exchange(known).items() if messages},
        "operations": {f"send.{item.type}": _operation(item) for item in known},
        "components": {
            "messages": {item.type: _message(item) for item in known},
            "schemas": {"envelope": _envelope()},
        },
    }


def _by_exchange(definitions: list[MessageDefinition]) -> dict[str, list[MessageDefinition]]:
    return {
        EVENTS_EXCHANGE: [item for item in definitions if item.kind == "event"],
        COMMANDS_EXCHANGE: [item for item in definitions if item.kind == "command"],
    }


def _exchange(definition: MessageDefinition) -> str:
    return COMMANDS_EXCHANGE if definition.kind == "command" else EVENTS_EXCHANGE


def _channel(name: str, definitions: list[MessageDefinition]) -> dict[str, Any]:
    kind = "direct" if name == COMMANDS_EXCHANGE else "topic"
    return {
        "address": name,
        "description": "Key of an event: <service>.<event>.v<version>.<store or all>.p<partition 00 to 15>."
        if kind == "topic"
        else "Key of a command: the one who carries it out, e.g. tenders.card.",
        "messages": {item.type: {"$ref": f"#/components/messages/{item.type}"} for item in definitions},
        "bindings": {
            "amqp": {"is": "routingKey", "exchange": {"name": name, "type": kind, "durable": True}},
        },
    }


def _operation(definition: MessageDefinition) -> dict[str, Any]:
    channel = f"#/channels/{_exchange(definition)}"
    return {
        "action": "send",
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{definition.type}"}],
        "tags": [{"name": definition.owner}],
    }


def _message(definition: MessageDefinition) -> dict[str, Any]:
    return {
        "name": definition.type,
        "title": definition.model.__name__,
        "summary": (definition.model.__doc__ or "").strip().split("\n", 1)[0],
        "tags": [{"name": definition.owner}, {"name": definition.kind}],
        "contentType": "application/json",
        "headers": {"$ref": "#/components/schemas/envelope"},
        "payload": {"$ref": f"./{definition.type}.json"},
    }


def _envelope() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": kind, "description": text} for name, (kind, text) in _HEADERS.items()},
        "required": list(_REQUIRED_HEADERS),
    }


def _open(schema: Any) -> Any:
    """The schema without the producers' ban on further fields."""
    if isinstance(schema, dict):
        return {
            key: _open(value) for key, value in schema.items() if not (key == "additionalProperties" and value is False)
        }
    if isinstance(schema, list):
        return [_open(item) for item in schema]
    return schema
