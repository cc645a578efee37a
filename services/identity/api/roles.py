"""Roles: named sets of permissions with limits."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from libs.web.authentication import RequestBody
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.identity.api.callers import Reader, StaffManager
from services.identity.api.schemas import (
    IfMatch,
    LimitValues,
    Line,
    PermissionNames,
    RoleCode,
    Version,
    expected_version,
    tag,
)
from services.identity.domain.refusals import unknown
from services.identity.domain.roles import Role, RoleDraft
from services.identity.storage.repositories.roles import RoleRepository
from services.identity.use_cases.add_role import add_role
from services.identity.use_cases.change_role import change_role

router = APIRouter(prefix="/roles", tags=["roles"])


class NewRole(RequestBody):
    """A role as it begins."""

    code: RoleCode
    name: Line
    permissions: PermissionNames
    limits: LimitValues = Field(default_factory=LimitValues)


class RoleBody(RequestBody):
    """A role as it is to be; everything is replaced."""

    name: Line
    permissions: PermissionNames
    limits: LimitValues
    version: Version | None = Field(default=None, description="The version that you read, unless If-Match says it.")


class RoleView(BaseModel):
    """A role as it is now."""

    id: UUID
    code: str
    name: str
    permissions: PermissionNames
    limits: LimitValues
    built_in: bool
    version: int

    @classmethod
    def of(cls, role: Role) -> RoleView:
        """A role as it is shown."""
        return cls(
            id=role.id,
            code=role.code,
            name=role.name,
            permissions=role.permissions,
            limits=LimitValues.of(role.limits),
            built_in=role.built_in,
            version=role.version,
        )


@router.post("", status_code=201, summary="Add a role")
async def add(
    body: NewRole,
    response: Response,
    work: Work,
    caller: StaffManager,
) -> RoleView:
    role = await add_role(work, caller, RoleDraft(body.code, body.name, body.permissions, body.limits.limits()))
    tag(response, role.version)
    return RoleView.of(role)


@router.get("", summary="The roles, by code")
async def read_all(paging: Paging, connection: Reading, caller: Reader) -> Page[RoleView]:
    after = paging.after_keys(str)
    roles = await RoleRepository(connection).page(after=after[0] if after else None, rows=paging.limit + 1)
    return paging.page(roles, lambda role: (role.code,), RoleView.of)


@router.get("/{role_id}", summary="A role")
async def read(role_id: UUID, connection: Reading, response: Response, caller: Reader) -> RoleView:
    role = await RoleRepository(connection).find(role_id)
    if role is None:
        raise unknown("role", role_id)
    tag(response, role.version)
    return RoleView.of(role)


@router.put("/{role_id}", summary="Replace what a role holds")
async def put(
    role_id: UUID,
    body: RoleBody,
    response: Response,
    work: Work,
    caller: StaffManager,
    if_match: IfMatch = None,
) -> RoleView:
    role = await change_role(
        work,
        caller,
        role_id,
        expected_version(if_match, body.version),
        name=body.name,
        permissions=body.permissions,
        limits=body.limits.limits(),
    )
    tag(response, role.version)
    return RoleView.of(role)
