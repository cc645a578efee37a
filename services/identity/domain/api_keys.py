"""API keys: what an integrator's program signs on with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.contracts.permissions import Permission
from services.identity.domain.refusals import WrongSecret


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key, known here only by its hash. `hint` is its first characters, for telling keys apart; no secret."""

    id: UUID
    name: str
    hint: str
    scopes: tuple[str, ...]
    all_stores: bool
    store_ids: frozenset[UUID]
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime
    created_by: str

    def demand_usable(self, now: datetime) -> None:
        """Raise WrongSecret, saying why, unless the key may be used now."""
        if self.revoked_at is not None:
            raise WrongSecret(f"The API key {self.hint}… was revoked. Ask for a new one.")
        if self.expires_at is not None and self.expires_at <= now:
            raise WrongSecret(f"The API key {self.hint}… has expired. Ask for a new one.")


def scope(name: str) -> str:
    """`name` if it is a permission or `<service>.*`. Raises ValueError."""
    services = {permission.partition(".")[0] for permission in Permission}
    if name in frozenset(Permission) or name in {f"{service}.*" for service in services}:
        return name
    raise ValueError("not a permission; a scope is e.g. catalog.read, or catalog.* for all of a service")


def permissions_of_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """The permissions that scopes stand for today, `<service>.*` spelt out."""
    granted: set[str] = set()
    for name in scopes:
        service = name.removesuffix("*")
        granted |= {known for known in Permission if known.startswith(service)} if service != name else {name}
    return frozenset(str(name) for name in granted)
