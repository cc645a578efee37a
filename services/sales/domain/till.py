"""A till as sales knows it from identity."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from libs.contracts.refusal import Invalid


class UnknownTill(Invalid):
    """No till with this id is registered, or it was taken out of use."""

    type = "unknown-till"


class UnknownStore(Invalid):
    """No store with this id is known, or it is closed down."""

    type = "unknown-store"


@dataclass(frozen=True, slots=True)
class Till:
    """A till of a store; `code` and `name` are what people see."""

    till_id: UUID
    store_id: UUID
    code: str
    name: str
    active: bool
