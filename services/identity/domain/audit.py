"""The audit trail: who did what, when, on what, and what it was before and after. Never a secret or its hash."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from libs.web.principal import Principal
from services.identity.domain.api_keys import ApiKey
from services.identity.domain.roles import Role
from services.identity.domain.staff import StaffMember
from services.identity.domain.stores import Store, Till


class AuditAction(StrEnum):
    """Everything that leaves a trace."""

    CHAIN_SET_UP = "chain_set_up"
    CHAIN_CHANGED = "chain_changed"
    STORE_ADDED = "store_added"
    STORE_CHANGED = "store_changed"
    TILL_ADDED = "till_added"
    TILL_CHANGED = "till_changed"
    ENROLMENT_CODE_ISSUED = "enrolment_code_issued"
    TILL_ENROLLED = "till_enrolled"
    GATEWAY_ADDED = "gateway_added"
    GATEWAY_CHANGED = "gateway_changed"
    GATEWAY_CODE_ISSUED = "gateway_code_issued"
    GATEWAY_ENROLLED = "gateway_enrolled"
    GATEWAY_ENROLMENT_FAILED = "gateway_enrolment_failed"
    STAFF_ADDED = "staff_added"
    STAFF_CHANGED = "staff_changed"
    PIN_SET = "pin_set"
    PASSWORD_SET = "password_set"  # noqa: S105 - the name of an action
    STAFF_UNLOCKED = "staff_unlocked"
    ROLE_ADDED = "role_added"
    ROLE_CHANGED = "role_changed"
    SIGNED_ON = "signed_on"
    SIGNED_OFF = "signed_off"
    SIGN_ON_REFUSED = "sign_on_refused"
    LOCKED_OUT = "locked_out"
    APPROVAL_GIVEN = "approval_given"
    APPROVAL_REFUSED = "approval_refused"
    API_KEY_MADE = "api_key_made"
    API_KEY_REVOKED = "api_key_revoked"
    SIGNING_KEY_MADE = "signing_key_made"
    SIGNING_KEY_RETIRED = "signing_key_retired"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it: a member of staff, a till, an API key, or the system itself."""

    kind: str
    id: UUID | None
    name: str
    store_id: UUID | None = None
    till_id: UUID | None = None

    @classmethod
    def of(cls, caller: Principal) -> Actor:
        """The caller of a request."""
        return cls(caller.kind, caller.id, caller.name, caller.store_id, caller.till_id)


SYSTEM = Actor("system", None, "Tillstream")


@dataclass(frozen=True, slots=True)
class Subject:
    """What it was done to; `store_id` decides which managers may read of it."""

    kind: str
    id: UUID | None
    name: str
    store_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the trail. `before` and `after` hold only what differs, or everything when something is new."""

    action: AuditAction
    actor: Actor
    subject: Subject
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """A line of the trail as stored."""

    id: UUID
    at: datetime
    entry: AuditEntry
    correlation_id: str = field(default="")


def differences(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Only the members of two descriptions that differ."""
    changed = sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
    return {name: before.get(name) for name in changed}, {name: after.get(name) for name in changed}


def describe_store(store: Store) -> dict[str, Any]:
    """A store as the trail shows it."""
    return _without(asdict(store), "id", "version")


def describe_till(till: Till) -> dict[str, Any]:
    """A till as the trail shows it."""
    return _without(asdict(till), "id", "version", "enrolled_at") | {"enrolled": till.enrolled}


def describe_role(role: Role) -> dict[str, Any]:
    """A role as the trail shows it."""
    return {
        "code": role.code,
        "name": role.name,
        "permissions": sorted(permission.value for permission in role.permissions),
        **asdict(role.limits),
    }


def describe_staff(member: StaffMember) -> dict[str, Any]:
    """A member of staff as the trail shows them."""
    return {
        "code": member.code,
        "name": member.name,
        "language": member.language,
        "all_stores": member.all_stores,
        "store_ids": sorted(str(store_id) for store_id in member.store_ids),
        "roles": list(member.role_codes),
        "active": member.active,
    }


def describe_api_key(key: ApiKey) -> dict[str, Any]:
    """An API key as the trail shows it."""
    return {
        "name": key.name,
        "hint": key.hint,
        "scopes": list(key.scopes),
        "all_stores": key.all_stores,
        "store_ids": sorted(str(store_id) for store_id in key.store_ids),
        "expires_at": key.expires_at.isoformat() if key.expires_at else None,
    }


def _without(description: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in description.items() if name not in names}
