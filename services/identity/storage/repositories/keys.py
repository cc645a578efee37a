"""API keys and signing keys."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, delete, func, insert, select, tuple_, update

from libs.persistence import Connection
from services.identity.domain.api_keys import ApiKey
from services.identity.domain.key_ring import KeyRing, SigningKey
from services.identity.storage.tables import api_keys, signing_keys

_API_KEY_COLUMNS = [column for column in api_keys.c if column.name != "key_hash"]
# Advisory locks are per database, which other services may share: a number of our own.
_ROTATION_LOCK = 0x6964_656E_6B65


def _api_key(row: Row[Any]) -> ApiKey:
    values = dict(row._mapping)
    values["scopes"] = tuple(row.scopes)
    values["store_ids"] = frozenset(row.store_ids)
    return ApiKey(**values)


class ApiKeyRepository:
    """Reads and writes API keys on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, key: ApiKey, key_hash: bytes) -> None:
        """Insert a new key."""
        await self._connection.execute(
            insert(api_keys).values(
                id=key.id,
                name=key.name,
                hint=key.hint,
                key_hash=key_hash,
                scopes=list(key.scopes),
                all_stores=key.all_stores,
                store_ids=sorted(key.store_ids),
                expires_at=key.expires_at,
                created_by=key.created_by,
                created_at=key.created_at,
            )
        )

    async def find(self, key_id: UUID, *, for_update: bool = False) -> ApiKey | None:
        """The key with this id."""
        statement = select(*_API_KEY_COLUMNS).where(api_keys.c.id == key_id)
        row = (await self._connection.execute(statement.with_for_update() if for_update else statement)).first()
        return None if row is None else _api_key(row)

    async def find_by_hash(self, key_hash: bytes) -> ApiKey | None:
        """The key that was given away under this hash."""
        row = (await self._connection.execute(select(*_API_KEY_COLUMNS).where(api_keys.c.key_hash == key_hash))).first()
        return None if row is None else _api_key(row)

    async def mark_used(self, key_id: UUID, now: datetime) -> None:
        """Note that the key was used."""
        await self._connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now))

    async def revoke(self, key_id: UUID, now: datetime) -> None:
        """Note that the key may no longer be used."""
        await self._connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(revoked_at=now))

    async def page(self, *, after: tuple[str, UUID] | None, rows: int) -> list[ApiKey]:
        """Up to `rows` keys by name."""
        statement = select(*_API_KEY_COLUMNS).order_by(api_keys.c.name, api_keys.c.id).limit(rows)
        if after is not None:
            statement = statement.where(tuple_(api_keys.c.name, api_keys.c.id) > after)
        return [_api_key(row) for row in await self._connection.execute(statement)]


class SigningKeyRepository:
    """Reads and writes signing keys on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def ring(self) -> KeyRing:
        """All keys; a handful at any time, as retired ones are destroyed."""
        rows = await self._connection.execute(select(signing_keys))
        return KeyRing(
            SigningKey(row.kid, row.public_jwk, bytes(row.private_encrypted), row.published_at, row.signs_from)
            for row in rows
        )

    async def lock(self) -> None:
        """Let one rotation after the other through until this transaction ends."""
        await self._connection.execute(select(func.pg_advisory_xact_lock(_ROTATION_LOCK)))

    async def add(self, key: SigningKey) -> None:
        """Insert a new key."""
        await self._connection.execute(
            insert(signing_keys).values(
                kid=key.kid,
                public_jwk=key.public_jwk,
                private_encrypted=key.private_encrypted,
                published_at=key.published_at,
                signs_from=key.signs_from,
            )
        )

    async def destroy(self, keys: Sequence[SigningKey]) -> None:
        """Delete keys for good."""
        kids = [key.kid for key in keys]
        await self._connection.execute(delete(signing_keys).where(signing_keys.c.kid.in_(kids)))
