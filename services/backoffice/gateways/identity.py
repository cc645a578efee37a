"""What the pages need of identity: sign-on, stores and tills, staff and roles."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import SecretStr

from services.backoffice.gateways.api_client import ApiClient, Facts

_ROOT = "/identity/v1"


class Staff(Facts):
    """A member of staff, with what their roles add up to."""

    id: UUID
    code: str
    name: str
    all_stores: bool
    store_ids: tuple[UUID, ...]
    roles: tuple[str, ...]
    permissions: frozenset[str]
    active: bool
    has_password: bool = False
    version: int


class SignedOn(Facts):
    """A token, until when it counts, and whose it is."""

    access_token: SecretStr
    expires_at: datetime
    staff: Staff


class Role(Facts):
    """A named set of permissions."""

    code: str
    name: str
    permissions: frozenset[str]
    built_in: bool


class Store(Facts):
    """A store: where it is decides how its figures are written and when its days begin."""

    id: UUID
    code: str
    name: str
    country: str
    currency: str
    time_zone: str
    language: str
    active: bool


class Till(Facts):
    """A till of a store."""

    id: UUID
    store_id: UUID
    code: str
    name: str
    active: bool
    enrolled: bool


class Identity:
    """Identity's API in the name of one person; raises what ApiClient raises."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def sign_on(self, staff_code: str, password: str) -> SignedOn:
        """Sign on to the back office."""
        body = {"staff_code": staff_code, "password": password}
        return await self._client.send(SignedOn, "POST", f"{_ROOT}/office-sign-ons", body)

    async def sign_off(self) -> None:
        """Leave a trace that the person has gone."""
        await self._client.act("DELETE", f"{_ROOT}/sign-ons/current")

    async def stores(self) -> list[Store]:
        """The person's stores, by code."""
        return await self._client.all(Store, f"{_ROOT}/stores")

    async def tills(self, store_id: UUID | None = None) -> list[Till]:
        """The tills of a store, or of all of the person's stores."""
        return await self._client.all(Till, f"{_ROOT}/tills", store_id=store_id)

    async def staff(self, cursor: str | None, rows: int) -> tuple[list[Staff], str | None]:
        """A page of the staff of the person's stores, by code."""
        return await self._client.page(Staff, f"{_ROOT}/staff", cursor=cursor, limit=rows)

    async def member(self, staff_id: UUID) -> Staff:
        """One member of staff as they are now."""
        return await self._client.get(Staff, f"{_ROOT}/staff/{staff_id}")

    async def roles(self) -> list[Role]:
        """Every role, by code."""
        return await self._client.all(Role, f"{_ROOT}/roles")

    async def give_roles(self, member: Staff, roles: frozenset[str]) -> Staff:
        """Set the roles of a member as they were read; refused if somebody changed them meanwhile."""
        body = {"roles": sorted(roles), "version": member.version}
        return await self._client.send(Staff, "PATCH", f"{_ROOT}/staff/{member.id}", body)
