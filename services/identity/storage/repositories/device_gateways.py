"""Device gateways, the tills they serve, and their enrolment codes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, Select, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from services.identity.domain.device_gateways import Gateway, GatewayCode
from services.identity.domain.stores import Till
from services.identity.storage.repositories.tills import TillRepository
from services.identity.storage.tables import gateway_enrolment_codes, gateway_tills, gateways

_CODE = func.lower(gateways.c.code)
_TILLS = (
    select(func.array_agg(gateway_tills.c.till_id))
    .where(gateway_tills.c.gateway_id == gateways.c.id)
    .correlate(gateways)
    .scalar_subquery()
    .label("till_ids")
)


def _selected() -> Select[Any]:
    return select(
        gateways.c.id,
        gateways.c.store_id,
        gateways.c.code,
        gateways.c.name,
        _TILLS,
        gateways.c.active,
        gateways.c.enrolled_at,
        gateways.c.version,
    )


def _gateway(row: Row[Any]) -> Gateway:
    tills = tuple(sorted(row.till_ids or ()))
    return Gateway(row.id, row.store_id, row.code, row.name, tills, row.active, row.enrolled_at, row.version)


class GatewayRepository:
    """Reads and writes gateways and their codes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, gateway: Gateway, now: datetime) -> bool:
        """Insert a new gateway, without its tills; False if its code is taken in its store."""
        statement = insert(gateways).values(
            id=gateway.id,
            store_id=gateway.store_id,
            code=gateway.code,
            name=gateway.name,
            active=gateway.active,
            version=gateway.version,
            created_at=now,
            changed_at=now,
        )
        result = await self._connection.execute(statement.on_conflict_do_nothing().returning(gateways.c.id))
        return result.first() is not None

    async def find(self, gateway_id: UUID, *, for_update: bool = False) -> Gateway | None:
        """The gateway, locked until the transaction ends if it is `for_update`."""
        if for_update:
            # Locked first and read then: a subquery sees what was there when its statement began.
            await self._connection.execute(select(gateways.c.id).where(gateways.c.id == gateway_id).with_for_update())
        row = (await self._connection.execute(_selected().where(gateways.c.id == gateway_id))).first()
        return None if row is None else _gateway(row)

    async def save(self, gateway: Gateway, now: datetime) -> None:
        """Write name, activity and version of a gateway that was read for update."""
        await self._connection.execute(
            update(gateways)
            .where(gateways.c.id == gateway.id)
            .values(name=gateway.name, active=gateway.active, version=gateway.version, changed_at=now)
        )

    async def serve(self, gateway: Gateway) -> UUID | None:
        """Write which tills the gateway serves; a till that another gateway serves, if there is one."""
        await self._connection.execute(
            delete(gateway_tills).where(
                gateway_tills.c.gateway_id == gateway.id, gateway_tills.c.till_id.not_in(gateway.till_ids)
            )
        )
        for till_id in gateway.till_ids:
            written = await self._connection.execute(
                insert(gateway_tills)
                .values(till_id=till_id, gateway_id=gateway.id)
                .on_conflict_do_update(
                    index_elements=[gateway_tills.c.till_id],
                    set_={"gateway_id": gateway.id},
                    where=gateway_tills.c.gateway_id == gateway.id,
                )
                .returning(gateway_tills.c.till_id)
            )
            if written.first() is None:
                return till_id
        return None

    async def serving(self, till_id: UUID) -> Gateway | None:
        """The gateway that serves a till."""
        serving = select(gateway_tills.c.gateway_id).where(gateway_tills.c.till_id == till_id).scalar_subquery()
        row = (await self._connection.execute(_selected().where(gateways.c.id == serving))).first()
        return None if row is None else _gateway(row)

    async def tills(self, till_ids: Collection[UUID]) -> list[Till]:
        """The tills with these ids that there are, by code."""
        repository = TillRepository(self._connection)
        found = [await repository.find(till_id) for till_id in till_ids]
        return sorted((till for till in found if till is not None), key=lambda till: till.code.lower())

    async def enrol(self, gateway: Gateway, secret_hash: bytes, now: datetime) -> None:
        """Write a gateway's new secret; the one before is no longer known to anybody."""
        await self._connection.execute(
            update(gateways)
            .where(gateways.c.id == gateway.id)
            .values(
                secret_hash=secret_hash,
                enrolled_at=gateway.enrolled_at,
                enrolling_code_id=None,
                version=gateway.version,
                changed_at=now,
            )
        )

    async def begin_enrolment(self, gateway_id: UUID, code_id: UUID, broker_account_at: datetime | None) -> None:
        """Note whose enrolment is under way, and that the broker may know the gateway from now on."""
        values: dict[str, Any] = {"enrolling_code_id": code_id}
        if broker_account_at is not None:
            values["broker_account_at"] = broker_account_at
        await self._connection.execute(update(gateways).where(gateways.c.id == gateway_id).values(values))

    async def forget_enrolment(self, gateway_id: UUID) -> None:
        """Note that no enrolment is under way."""
        await self._connection.execute(
            update(gateways).where(gateways.c.id == gateway_id).values(enrolling_code_id=None)
        )

    async def enrolling_code(self, gateway_id: UUID) -> UUID | None:
        """The code whose enrolment is under way."""
        found: UUID | None = await self._connection.scalar(
            select(gateways.c.enrolling_code_id).where(gateways.c.id == gateway_id)
        )
        return found

    async def with_account_to_remove(self, rows: int) -> Sequence[UUID]:
        """Up to `rows` gateways that are switched off and may still have a user at the broker."""
        statement = (
            select(gateways.c.id)
            .where(gateways.c.active.is_(False), gateways.c.broker_account_at.is_not(None))
            .order_by(gateways.c.id)
            .limit(rows)
        )
        return list((await self._connection.scalars(statement)).all())

    async def forget_account(self, gateway_id: UUID) -> None:
        """Note that the broker knows a gateway no more, unless it was switched on again meanwhile."""
        await self._connection.execute(
            update(gateways)
            .where(gateways.c.id == gateway_id, gateways.c.active.is_(False))
            .values(broker_account_at=None)
        )

    async def find_by_secret(self, gateway_id: UUID, secret_hash: bytes) -> Gateway | None:
        """The gateway if this is its present secret."""
        statement = _selected().where(gateways.c.id == gateway_id, gateways.c.secret_hash == secret_hash)
        row = (await self._connection.execute(statement)).first()
        return None if row is None else _gateway(row)

    async def page(
        self,
        *,
        within: Collection[UUID] | None,
        store_id: UUID | None,
        after: tuple[UUID, str, UUID] | None,
        rows: int,
    ) -> list[Gateway]:
        """Up to `rows` gateways by store and code; only those of the stores `within` unless it is None."""
        statement = _selected().order_by(gateways.c.store_id, _CODE, gateways.c.id).limit(rows)
        if within is not None:
            statement = statement.where(gateways.c.store_id.in_(within))
        if store_id is not None:
            statement = statement.where(gateways.c.store_id == store_id)
        if after is not None:
            statement = statement.where(tuple_(gateways.c.store_id, _CODE, gateways.c.id) > after)
        return [_gateway(row) for row in await self._connection.execute(statement)]


class GatewayCodeRepository:
    """Reads and writes gateways' enrolment codes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(
        self, code_id: UUID, gateway_id: UUID, code_hash: bytes, *, expires_at: datetime, now: datetime
    ) -> None:
        """Store a new code for the gateway; those before it no longer count."""
        codes = gateway_enrolment_codes
        await self._connection.execute(
            update(codes)
            .where(codes.c.gateway_id == gateway_id, codes.c.used_at.is_(None), codes.c.replaced_at.is_(None))
            .values(replaced_at=now)
        )
        await self._connection.execute(
            insert(codes).values(id=code_id, gateway_id=gateway_id, code_hash=code_hash, expires_at=expires_at)
        )

    async def find(self, code_hash: bytes) -> GatewayCode | None:
        """The code. Whoever wants to spend or replace it locks its gateway first, and then reads it again."""
        codes = gateway_enrolment_codes
        statement = select(
            codes.c.id, codes.c.gateway_id, codes.c.expires_at, codes.c.used_at, codes.c.replaced_at
        ).where(codes.c.code_hash == code_hash)
        row = (await self._connection.execute(statement)).first()
        return None if row is None else GatewayCode(*row)

    async def mark_used(self, code_id: UUID, used_at: datetime | None) -> None:
        """Mark a code as used, or as unused again."""
        codes = gateway_enrolment_codes
        await self._connection.execute(update(codes).where(codes.c.id == code_id).values(used_at=used_at))

    async def forget_before(self, moment: datetime, rows: int) -> int:
        """Delete up to `rows` codes that expired before `moment`; how many."""
        codes = gateway_enrolment_codes
        old = select(codes.c.id).where(codes.c.expires_at < moment).limit(rows)
        result = await self._connection.execute(delete(codes).where(codes.c.id.in_(old.scalar_subquery())))
        return result.rowcount
