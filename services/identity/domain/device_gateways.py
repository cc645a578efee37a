"""Device gateways: the processes on store PCs that own the devices of tills."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from libs.contracts.identity import GatewayChanged

LARGEST_TILL_COUNT = 32


@dataclass(frozen=True, slots=True)
class Gateway:
    """A device gateway. `till_ids` (sorted) are the tills whose devices it owns; `enrolled_at` is when its present
    PC took its code; its secret is known to that PC alone.
    """

    id: UUID
    store_id: UUID
    code: str
    name: str
    till_ids: tuple[UUID, ...]
    active: bool
    enrolled_at: datetime | None
    version: int

    @property
    def enrolled(self) -> bool:
        """Whether a PC has taken a code."""
        return self.enrolled_at is not None

    def facts(self) -> GatewayChanged:
        """The event that tells the others; its sequence is `version`."""
        return GatewayChanged(
            gateway_id=self.id,
            store_id=self.store_id,
            code=self.code,
            name=self.name,
            till_ids=self.till_ids,
            enrolled=self.enrolled,
            active=self.active,
        )

    def description(self) -> dict[str, Any]:
        """The gateway as the audit trail shows it."""
        return {
            "store_id": str(self.store_id),
            "code": self.code,
            "name": self.name,
            "till_ids": [str(till_id) for till_id in self.till_ids],
            "active": self.active,
            "enrolled": self.enrolled,
        }


@dataclass(frozen=True, slots=True)
class GatewayCode:
    """A one-time code for a gateway, known here only by its hash."""

    id: UUID
    gateway_id: UUID
    expires_at: datetime
    used_at: datetime | None
    replaced_at: datetime | None
