"""Roles."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, select, update
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.permissions import Permission
from libs.persistence import Connection
from libs.web.principal import Limits
from services.identity.domain.roles import Role
from services.identity.storage.tables import roles

_KNOWN_PERMISSIONS = frozenset(Permission)

ROLE_COLUMNS: list[ColumnElement[Any]] = [
    roles.c.id,
    roles.c.code,
    roles.c.name,
    roles.c.permissions,
    roles.c.discount_ppm,
    roles.c.refund_minor,
    roles.c.cash_out_minor,
    roles.c.built_in,
    roles.c.version,
]


def role_of(row: Row[Any]) -> Role:
    """A role from a row with ROLE_COLUMNS. A permission that this release no longer knows grants nothing."""
    return Role(
        id=row.id,
        code=row.code,
        name=row.name,
        permissions=frozenset(Permission(name) for name in row.permissions if name in _KNOWN_PERMISSIONS),
        limits=Limits(row.discount_ppm, row.refund_minor, row.cash_out_minor),
        built_in=row.built_in,
        version=row.version,
    )


def _values(role: Role) -> dict[str, Any]:
    return {
        "id": role.id,
        "code": role.code,
        "name": role.name,
        "permissions": sorted(permission.value for permission in role.permissions),
        "discount_ppm": role.limits.discount_ppm,
        "refund_minor": role.limits.refund_minor,
        "cash_out_minor": role.limits.cash_out_minor,
        "built_in": role.built_in,
        "version": role.version,
    }


class RoleRepository:
    """Reads and writes roles on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, new: Sequence[Role], now: datetime) -> int:
        """Insert new roles; how many, as those whose code is taken are left out."""
        rows = [_values(role) | {"created_at": now, "changed_at": now} for role in new]
        statement = insert(roles).values(rows).on_conflict_do_nothing(index_elements=[roles.c.code])
        return len((await self._connection.execute(statement.returning(roles.c.id))).all())

    async def find(self, role_id: UUID) -> Role | None:
        """The role."""
        row = (await self._connection.execute(select(*ROLE_COLUMNS).where(roles.c.id == role_id))).first()
        return None if row is None else role_of(row)

    async def save(self, role: Role, now: datetime) -> None:
        """Write a role; the caller holds the lock on staff and roles."""
        await self._connection.execute(
            update(roles).where(roles.c.id == role.id).values(**_values(role), changed_at=now)
        )

    async def with_codes(self, codes: Collection[str]) -> list[Role]:
        """The roles with these codes."""
        result = await self._connection.execute(select(*ROLE_COLUMNS).where(roles.c.code.in_(codes)))
        return [role_of(row) for row in result]

    async def page(self, *, after: str | None, rows: int) -> list[Role]:
        """Up to `rows` roles by code."""
        statement = select(*ROLE_COLUMNS).order_by(roles.c.code).limit(rows)
        if after is not None:
            statement = statement.where(roles.c.code > after)
        return [role_of(row) for row in await self._connection.execute(statement)]
