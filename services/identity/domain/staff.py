"""Members of staff: who they are, where they work, what they may do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.contracts.identity import StaffChanged, StaffLimits
from services.identity.domain.roles import ADMINISTRATOR_ROLE, Rights, Role


@dataclass(frozen=True, slots=True)
class StaffMember:
    """A member of staff with their roles. Whether there is a PIN or a password is known here, never which."""

    id: UUID
    code: str
    name: str
    language: str | None
    all_stores: bool
    store_ids: frozenset[UUID]
    roles: tuple[Role, ...]
    active: bool
    has_pin: bool
    has_password: bool
    version: int

    @property
    def rights(self) -> Rights:
        """What the roles add up to."""
        return Rights.of(self.roles)

    @property
    def role_codes(self) -> tuple[str, ...]:
        """The roles by code, in order."""
        return tuple(sorted(role.code for role in self.roles))

    @property
    def administers(self) -> bool:
        """Whether this person can sign on to the back office and change anything in the whole chain."""
        return (
            self.active
            and self.all_stores
            and self.has_password
            and any(role.code == ADMINISTRATOR_ROLE for role in self.roles)
        )

    def works_for(self, store_id: UUID) -> bool:
        """Whether this person works at the store."""
        return self.all_stores or store_id in self.store_ids

    def facts(self) -> StaffChanged:
        """The event that tells the others; its sequence is `version`."""
        rights = self.rights
        return StaffChanged(
            staff_id=self.id,
            code=self.code,
            name=self.name,
            language=self.language,
            all_stores=self.all_stores,
            store_ids=tuple(sorted(self.store_ids)),
            roles=self.role_codes,
            permissions=tuple(sorted(rights.permissions)),
            limits=StaffLimits(
                discount_ppm=rights.limits.discount_ppm,
                refund_minor=rights.limits.refund_minor,
                cash_out_minor=rights.limits.cash_out_minor,
            ),
            active=self.active,
        )


@dataclass(frozen=True, slots=True)
class Locks:
    """Until when a member of staff is locked out, by the kind of secret."""

    pin_until: datetime | None
    password_until: datetime | None
