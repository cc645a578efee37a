"""Contracts: every event and command by owning service, their registry, golden samples and generated schemas."""

from libs.contracts import catalog, gateway, identity, operations, payments, sales, tenders, terminals
from libs.contracts.message import (
    Command,
    Event,
    Message,
    MessageDefinition,
    UnknownMessageType,
    all_definitions,
    contract,
    definition_of,
    json_schema,
)
from libs.contracts.permissions import Permission
from libs.contracts.refusal import (
    Conflict,
    Forbidden,
    Invalid,
    NotFound,
    Refusal,
    TooMany,
    Unauthenticated,
)

__all__ = [
    "Command",
    "Conflict",
    "Event",
    "Forbidden",
    "Invalid",
    "Message",
    "MessageDefinition",
    "NotFound",
    "Permission",
    "Refusal",
    "TooMany",
    "Unauthenticated",
    "UnknownMessageType",
    "all_definitions",
    "catalog",
    "contract",
    "definition_of",
    "gateway",
    "identity",
    "json_schema",
    "operations",
    "payments",
    "sales",
    "tenders",
    "terminals",
]
