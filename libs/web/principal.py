"""Who is calling, and what they may do."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from libs.contracts.refusal import Forbidden
from libs.contracts.values import LARGEST_MINOR, CurrencyCode

PrincipalKind = Literal["staff", "till", "gateway", "api_key", "service"]


@dataclass(frozen=True, slots=True)
class Limits:
    """How far the caller may go without a manager's approval. Amounts are in minor units of the store's currency."""

    discount_ppm: int = 0
    refund_minor: int = 0
    cash_out_minor: int = 0


class TokenClaims(BaseModel):
    """The claims of an access token (JWT, ES256) that identity issues; unknown claims are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    sub: UUID
    kind: PrincipalKind
    name: str
    exp: int
    permissions: frozenset[str] = frozenset()
    store_ids: frozenset[UUID] = frozenset()
    all_stores: bool = False
    store_id: UUID | None = None
    till_id: UUID | None = None
    limits: dict[str, int] = {}


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller.

    `id` is the staff member, till, gateway or API key; `till_id` and `store_id` say at which till a member of staff is
    signed on. `permissions` are names such as `sales.refund`; an API key's scopes are its permissions.
    """

    id: UUID
    kind: PrincipalKind
    name: str
    permissions: frozenset[str]
    limits: Limits = field(default_factory=Limits)
    store_ids: frozenset[UUID] = frozenset()
    all_stores: bool = False
    store_id: UUID | None = None
    till_id: UUID | None = None

    @classmethod
    def from_claims(cls, claims: TokenClaims) -> Principal:
        """The caller that a verified token speaks of."""
        limits = {name: claims.limits.get(name, 0) for name in ("discount_ppm", "refund_minor", "cash_out_minor")}
        return cls(
            id=claims.sub,
            kind=claims.kind,
            name=claims.name,
            permissions=claims.permissions,
            limits=Limits(**limits),
            store_ids=claims.store_ids,
            all_stores=claims.all_stores,
            store_id=claims.store_id,
            till_id=claims.till_id,
        )

    def may(self, permission: str) -> bool:
        """Whether the caller holds `permission`, by name or by `<service>.*`."""
        return permission in self.permissions or f"{permission.partition('.')[0]}.*" in self.permissions

    def demand(self, permission: str) -> None:
        """Raise Forbidden, naming the permission, unless the caller holds it."""
        if not self.may(permission):
            raise Forbidden(
                f"{self.name} may not do this: the permission {permission} is missing. "
                "Ask a manager to approve it or to change the role.",
                permission=permission,
            )

    def demand_store(self, store_id: UUID) -> None:
        """Raise Forbidden unless the caller works for the store."""
        if not (self.all_stores or store_id in self.store_ids or store_id == self.store_id):
            raise Forbidden(f"{self.name} does not work for store {store_id}.", store_id=str(store_id))


class Extent(BaseModel):
    """How far an action goes, and how far an approval lets it go: what the manager was shown.

    Either `discount_ppm`, the part of a line's price that is given away (150_000 is 15 %), or `amount_minor` of
    `currency`: what is paid out, given back, or by how much prices are changed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    discount_ppm: int | None = Field(default=None, strict=True, ge=0, le=1_000_000, examples=[150_000])
    amount_minor: int | None = Field(default=None, strict=True, ge=0, le=LARGEST_MINOR, examples=[3_000])
    currency: CurrencyCode | None = None

    @model_validator(mode="after")
    def _says_one_thing(self) -> Self:
        if (self.discount_ppm is None) == (self.amount_minor is None):
            raise ValueError("say either discount_ppm or amount_minor with its currency")
        if (self.amount_minor is None) != (self.currency is None):
            raise ValueError("amount_minor and currency come together")
        return self

    def covers(self, needed: Extent) -> bool:
        """Whether `needed` is of the same kind, in the same currency, and no further."""
        if self.discount_ppm is not None:
            return needed.discount_ppm is not None and needed.discount_ppm <= self.discount_ppm
        assert self.amount_minor is not None, "the validator saw to it"
        return (
            needed.amount_minor is not None
            and needed.currency == self.currency
            and needed.amount_minor <= self.amount_minor
        )

    def facts(self) -> dict[str, int | str]:
        """Only the members that say something, as identity takes them in `up_to`."""
        return self.model_dump(exclude_none=True)


class ApprovalClaims(BaseModel):
    """The claims of a manager's one-time approval."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    jti: UUID
    sub: UUID
    kind: Literal["approval"]
    name: str
    action: str
    bound_to: str
    requested_by: UUID
    exp: int
    limits: dict[str, int] = {}
    up_to: Extent | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """A manager's yes to one action on one thing, usable once (`id` is recorded by the service that spends it).

    `action` is the permission it lends, `bound_to` the id of what it was given for (a basket, a sale, a shift),
    `requested_by` the member of staff who asked, `limits` the approver's own. `up_to` is how far they said yes to;
    None for actions that have no size, such as a void of one sale.
    """

    id: UUID
    action: str
    bound_to: str
    approver_id: UUID
    approver_name: str
    requested_by: UUID
    limits: Limits
    up_to: Extent | None = None

    @classmethod
    def from_claims(cls, claims: ApprovalClaims) -> Approval:
        """The approval that a verified token carries."""
        limits: dict[str, Any] = {
            name: claims.limits.get(name, 0) for name in ("discount_ppm", "refund_minor", "cash_out_minor")
        }
        return cls(
            claims.jti,
            claims.action,
            claims.bound_to,
            claims.sub,
            claims.name,
            claims.requested_by,
            Limits(**limits),
            claims.up_to,
        )
