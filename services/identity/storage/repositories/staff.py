"""Members of staff, with their stores and roles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, delete, exists, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.identity.domain.roles import ADMINISTRATOR_ROLE, Role
from services.identity.domain.staff import StaffMember
from services.identity.storage.repositories.roles import ROLE_COLUMNS, role_of
from services.identity.storage.tables import roles, staff, staff_roles, staff_stores

_CODE = func.lower(staff.c.code)
_COLUMNS: list[ColumnElement[Any]] = [
    staff.c.id,
    staff.c.code,
    staff.c.name,
    staff.c.language,
    staff.c.all_stores,
    staff.c.active,
    staff.c.pin_hash.is_not(None).label("has_pin"),
    staff.c.password_hash.is_not(None).label("has_password"),
    staff.c.version,
]
_HASHES = {"pin": staff.c.pin_hash, "password": staff.c.password_hash}

SecretKind = Literal["pin", "password"]


class StaffRepository:
    """Reads and writes staff on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, member: StaffMember, now: datetime) -> bool:
        """Insert a new member with stores and roles, without secrets; False if the code is taken."""
        statement = insert(staff).values(
            id=member.id,
            code=member.code,
            name=member.name,
            language=member.language,
            all_stores=member.all_stores,
            active=member.active,
            version=member.version,
            created_at=now,
            changed_at=now,
        )
        result = await self._connection.execute(statement.on_conflict_do_nothing().returning(staff.c.id))
        if result.first() is None:
            return False
        await self._link(member)
        return True

    async def save(self, member: StaffMember, now: datetime) -> None:
        """Write a member with stores and roles; the caller holds the lock on staff and roles."""
        await self._connection.execute(
            update(staff)
            .where(staff.c.id == member.id)
            .values(
                name=member.name,
                language=member.language,
                all_stores=member.all_stores,
                active=member.active,
                version=member.version,
                changed_at=now,
            )
        )
        await self._connection.execute(delete(staff_stores).where(staff_stores.c.staff_id == member.id))
        await self._connection.execute(delete(staff_roles).where(staff_roles.c.staff_id == member.id))
        await self._link(member)

    async def _link(self, member: StaffMember) -> None:
        if member.store_ids:
            links = [{"staff_id": member.id, "store_id": store_id} for store_id in member.store_ids]
            await self._connection.execute(insert(staff_stores).values(links))
        if member.roles:
            held = [{"staff_id": member.id, "role_id": role.id} for role in member.roles]
            await self._connection.execute(insert(staff_roles).values(held))

    async def find(self, staff_id: UUID) -> StaffMember | None:
        """The member with this id."""
        return await self._one(select(*_COLUMNS).where(staff.c.id == staff_id))

    async def find_by_code(self, code: str) -> StaffMember | None:
        """The member with this code, in whatever case it is written."""
        return await self._one(select(*_COLUMNS).where(func.lower(code) == _CODE))

    async def holders_of(self, role_id: UUID) -> list[StaffMember]:
        """Everybody who holds the role."""
        held = select(staff_roles.c.staff_id).where(staff_roles.c.role_id == role_id)
        return await self._complete(select(*_COLUMNS).where(staff.c.id.in_(held)).order_by(staff.c.id))

    async def raise_versions_of_holders(self, role_id: UUID, now: datetime) -> None:
        """Count the version of everybody up by one who holds the role, as what they may do has changed."""
        held = select(staff_roles.c.staff_id).where(staff_roles.c.role_id == role_id)
        await self._connection.execute(
            update(staff).where(staff.c.id.in_(held)).values(version=staff.c.version + 1, changed_at=now)
        )

    async def another_administrator(self, staff_id: UUID) -> bool:
        """Whether somebody other than this member can sign on to the back office and change anything."""
        statement = select(
            exists().where(
                staff.c.id != staff_id,
                staff.c.active,
                staff.c.all_stores,
                staff.c.password_hash.is_not(None),
                staff_roles.c.staff_id == staff.c.id,
                roles.c.id == staff_roles.c.role_id,
                roles.c.code == ADMINISTRATOR_ROLE,
            )
        )
        return bool((await self._connection.execute(statement)).scalar_one())

    async def page(
        self,
        *,
        within: Collection[UUID] | None,
        store_id: UUID | None,
        active: bool | None,
        after: tuple[str, UUID] | None,
        rows: int,
    ) -> list[StaffMember]:
        """Up to `rows` members by code; only those who work in the stores `within` unless it is None."""
        statement = select(*_COLUMNS).order_by(_CODE, staff.c.id).limit(rows)
        if within is not None:
            linked = exists().where(staff_stores.c.staff_id == staff.c.id, staff_stores.c.store_id.in_(within))
            statement = statement.where(or_(staff.c.all_stores, linked))
        if store_id is not None:
            here = exists().where(staff_stores.c.staff_id == staff.c.id, staff_stores.c.store_id == store_id)
            statement = statement.where(or_(staff.c.all_stores, here))
        if active is not None:
            statement = statement.where(staff.c.active == active)
        if after is not None:
            statement = statement.where(tuple_(_CODE, staff.c.id) > after)
        return await self._complete(statement)

    async def secret_hash(self, staff_id: UUID, kind: SecretKind) -> str | None:
        """The stored hash of a member's PIN or password."""
        statement = select(_HASHES[kind]).where(staff.c.id == staff_id)
        found: str | None = (await self._connection.execute(statement)).scalar_one_or_none()
        return found

    async def set_secret_hash(self, staff_id: UUID, kind: SecretKind, secret_hash: str) -> None:
        """Store the hash of a member's PIN or password."""
        await self._connection.execute(
            update(staff).where(staff.c.id == staff_id).values({_HASHES[kind].name: secret_hash})
        )

    async def _one(self, statement: Select[Any]) -> StaffMember | None:
        found = await self._complete(statement)
        return found[0] if found else None

    async def _complete(self, statement: Select[Any]) -> list[StaffMember]:
        """The members that `statement` selects, with stores and roles: three statements, however many they are."""
        rows = (await self._connection.execute(statement)).all()
        ids = [row.id for row in rows]
        if not ids:
            return []
        stores_of: defaultdict[UUID, set[UUID]] = defaultdict(set)
        links = select(staff_stores.c.staff_id, staff_stores.c.store_id).where(staff_stores.c.staff_id.in_(ids))
        for link in await self._connection.execute(links):
            stores_of[link.staff_id].add(link.store_id)
        roles_of: defaultdict[UUID, list[Role]] = defaultdict(list)
        held = (
            select(staff_roles.c.staff_id, *ROLE_COLUMNS)
            .join(roles, roles.c.id == staff_roles.c.role_id)
            .where(staff_roles.c.staff_id.in_(ids))
            .order_by(roles.c.code)
        )
        for holding in await self._connection.execute(held):
            roles_of[holding.staff_id].append(role_of(holding))
        return [_member(row, frozenset(stores_of[row.id]), roles_of[row.id]) for row in rows]


def _member(row: Row[Any], store_ids: frozenset[UUID], held: Sequence[Role]) -> StaffMember:
    return StaffMember(
        id=row.id,
        code=row.code,
        name=row.name,
        language=row.language,
        all_stores=row.all_stores,
        store_ids=store_ids,
        roles=tuple(held),
        active=row.active,
        has_pin=row.has_pin,
        has_password=row.has_password,
        version=row.version,
    )
