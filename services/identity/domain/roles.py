"""Roles: named sets of permissions, with limits on how far one may go without a manager (retail rule 26)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from libs.contracts.permissions import ADMINISTRATOR, CASHIER, MANAGER, Permission
from libs.contracts.values import LARGEST_MINOR
from libs.web.principal import Limits
from services.identity.domain.refusals import AboveOwnRights

ADMINISTRATOR_ROLE = "administrator"
UNLIMITED = Limits(discount_ppm=1_000_000, refund_minor=LARGEST_MINOR, cash_out_minor=LARGEST_MINOR)


@dataclass(frozen=True, slots=True)
class Role:
    """A named set of permissions with limits; amounts in minor units of the store where it is used."""

    id: UUID
    code: str
    name: str
    permissions: frozenset[Permission]
    limits: Limits
    built_in: bool
    version: int


@dataclass(frozen=True, slots=True)
class RoleDraft:
    """What a role is made of, before it has an id."""

    code: str
    name: str
    permissions: frozenset[Permission]
    limits: Limits


BUILT_IN_ROLES = (
    RoleDraft("cashier", "Cashier", CASHIER, Limits(discount_ppm=100_000, refund_minor=5_000)),
    RoleDraft(
        "manager", "Manager", MANAGER, Limits(discount_ppm=500_000, refund_minor=100_000, cash_out_minor=100_000)
    ),
    RoleDraft(ADMINISTRATOR_ROLE, "Administrator", ADMINISTRATOR, UNLIMITED),
)


@dataclass(frozen=True, slots=True)
class Rights:
    """What somebody may do and how far: the union of roles' permissions, the highest of their limits."""

    permissions: frozenset[str]
    limits: Limits

    @classmethod
    def of(cls, roles: Iterable[Role]) -> Rights:
        """What `roles` add up to."""
        held = list(roles)
        return cls(
            frozenset(permission.value for role in held for permission in role.permissions),
            Limits(
                discount_ppm=max((role.limits.discount_ppm for role in held), default=0),
                refund_minor=max((role.limits.refund_minor for role in held), default=0),
                cash_out_minor=max((role.limits.cash_out_minor for role in held), default=0),
            ),
        )

    def demand_covers(self, wanted: Rights, *, field: str, doing: str) -> None:
        """Raise AboveOwnRights unless nothing in `wanted` goes beyond these rights. `doing` completes the sentence."""
        missing = sorted(name for name in wanted.permissions if not self._holds(name))
        if missing:
            raise AboveOwnRights(
                f"You may not {doing}: you do not have {', '.join(missing)} yourself.", field=field, missing=missing
            )
        for name in ("discount_ppm", "refund_minor", "cash_out_minor"):
            if getattr(wanted.limits, name) > getattr(self.limits, name):
                raise AboveOwnRights(
                    f"You may not {doing}: the limit {name.rpartition('_')[0]} goes beyond your own.", field=field
                )

    def _holds(self, permission: str) -> bool:
        return permission in self.permissions or f"{permission.partition('.')[0]}.*" in self.permissions
