"""Issue access tokens: who somebody is and what they may do, signed for a limited time."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.persistence import Connection, new_id
from libs.web.authentication import ISSUER
from services.identity.domain.api_keys import ApiKey
from services.identity.domain.device_gateways import Gateway
from services.identity.domain.staff import StaffMember
from services.identity.domain.stores import Till
from services.identity.gateways.signing import SignedToken, TokenSigner
from services.identity.storage.repositories.keys import SigningKeyRepository

TILL_PERMISSIONS = (Permission.CATALOG_READ, Permission.SALES_READ)
"""What a till may do while nobody is signed on: show prices and its own receipts."""


@dataclass(frozen=True, slots=True)
class Place:
    """The till at which somebody is signed on."""

    store_id: UUID
    till_id: UUID


async def issue_token(
    connection: Connection, signer: TokenSigner, claims: dict[str, Any], *, now: datetime, life: timedelta
) -> SignedToken:
    """Sign `claims` with the present key, valid for `life` from `now` (in whole seconds)."""
    key = (await SigningKeyRepository(connection).ring()).signing(now)
    expires_at = now.replace(microsecond=0) + life
    standard = {"iss": ISSUER, "iat": int(now.timestamp()), "exp": int(expires_at.timestamp()), "jti": str(new_id())}
    return SignedToken(signer.sign(key, {**standard, **claims}), expires_at)


def staff_claims(member: StaffMember, place: Place | None) -> dict[str, Any]:
    """The claims of a member of staff, at a till or (without `place`) in the back office."""
    claims: dict[str, Any] = {
        "sub": str(member.id),
        "kind": "staff",
        "name": member.name,
        "permissions": sorted(member.rights.permissions),
        "store_ids": sorted(str(store_id) for store_id in member.store_ids),
        "all_stores": member.all_stores,
        "limits": asdict(member.rights.limits),
    }
    if place is not None:
        claims |= {"store_id": str(place.store_id), "till_id": str(place.till_id)}
    return claims


def till_claims(till: Till) -> dict[str, Any]:
    """The claims of a till at which nobody is signed on."""
    return {
        "sub": str(till.id),
        "kind": "till",
        "name": till.name,
        "permissions": sorted(permission.value for permission in TILL_PERMISSIONS),
        "store_ids": [str(till.store_id)],
        "store_id": str(till.store_id),
        "till_id": str(till.id),
    }


def gateway_claims(gateway: Gateway) -> dict[str, Any]:
    """The claims of a device gateway: all about devices, in its store."""
    return {
        "sub": str(gateway.id),
        "kind": "gateway",
        "name": gateway.name,
        "permissions": ["gateway.*"],
        "store_ids": [str(gateway.store_id)],
        "store_id": str(gateway.store_id),
    }


def api_key_claims(key: ApiKey) -> dict[str, Any]:
    """The claims of an API key; its scopes are its permissions."""
    return {
        "sub": str(key.id),
        "kind": "api_key",
        "name": key.name,
        "permissions": sorted(key.scopes),
        "store_ids": sorted(str(store_id) for store_id in key.store_ids),
        "all_stores": key.all_stores,
    }
