"""Argon2id for PINs and passwords, off the event loop: one hash takes tens of milliseconds and megabytes."""

from __future__ import annotations

import anyio
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError
from structlog import get_logger

_log = get_logger(__name__)


class SecretHasher:
    """Hashes and verifies in worker threads, `concurrent` at a time, so that a rush of sign-ons keeps its memory."""

    def __init__(self, *, memory_kib: int, iterations: int, parallelism: int, concurrent: int) -> None:
        self._hasher = PasswordHasher(
            time_cost=iterations, memory_cost=memory_kib, parallelism=parallelism, type=Type.ID
        )
        self._limiter = anyio.CapacityLimiter(concurrent)
        # Verified against when nobody has the code, so that the answer takes as long as if somebody had it.
        self._nobody = self._hasher.hash("nobody")

    async def hash(self, secret: str) -> str:
        """The hash to store, with its parameters and salt in it."""
        return await anyio.to_thread.run_sync(self._hasher.hash, secret, limiter=self._limiter)

    async def verify(self, stored_hash: str | None, secret: str) -> bool:
        """Whether `secret` is the one that was hashed; False, after as long a time, if there is no hash."""

        def check() -> bool:
            try:
                return self._hasher.verify(stored_hash or self._nobody, secret) and stored_hash is not None
            except VerifyMismatchError:
                return False
            except (VerificationError, InvalidHashError):
                _log.exception("a stored hash cannot be verified")
                return False

        return await anyio.to_thread.run_sync(check, limiter=self._limiter)

    def is_outdated(self, stored_hash: str) -> bool:
        """Whether the hash was made with other parameters than those of today."""
        return self._hasher.check_needs_rehash(stored_hash)
