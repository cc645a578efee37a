"""The edge of proving a secret: counted in one transaction, verified in none, concluded in another.

What is counted and traced must stay although the request is refused, so it cannot be the request's own transaction.
"""

from __future__ import annotations

import hmac

from libs.persistence import Database, Origin
from services.identity.domain.audit import Actor, AuditAction
from services.identity.domain.refusals import WrongSecret
from services.identity.domain.staff import StaffMember
from services.identity.domain.tries import LockOutPolicy
from services.identity.gateways.hashing import SecretHasher
from services.identity.use_cases.prove_secret import SecretClaim, begin_try, conclude_try
from services.identity.use_cases.set_up_chain import conclude_set_up_try, count_set_up_try


class Prover:
    """Checks PINs, passwords and the set-up code, and counts the tries."""

    def __init__(self, database: Database, hasher: SecretHasher, policy: LockOutPolicy) -> None:
        self._database = database
        self._hasher = hasher
        self._policy = policy

    async def prove(self, origin: Origin, claim: SecretClaim, secret: str) -> StaffMember:
        """The active member of staff to whom the code and the secret belong. Raises WrongSecret or LockedOut."""
        async with self._database.transaction(origin) as work:
            attempt = await begin_try(work, claim, self._policy)
        right = await self._hasher.verify(attempt.stored_hash, secret)
        better_hash = None
        if right and attempt.stored_hash is not None and self._hasher.is_outdated(attempt.stored_hash):
            better_hash = await self._hasher.hash(secret)
        async with self._database.transaction(origin) as work:
            outcome = await conclude_try(work, attempt, self._policy, right=right, better_hash=better_hash)
        if isinstance(outcome, WrongSecret):
            raise outcome
        return outcome

    async def prove_pin(
        self, origin: Origin, code: str, pin: str, witness: Actor, *, refused: AuditAction = AuditAction.SIGN_ON_REFUSED
    ) -> StaffMember:
        """As `prove`, for a PIN typed at a till."""
        return await self.prove(origin, SecretClaim("pin", code, witness, refused), pin)

    async def prove_set_up_code(self, origin: Origin, given: str, expected: str) -> None:
        """Raise WrongSecret or LockedOut unless `given` is the operator's set-up code, AlreadySetUp if it is over."""
        async with self._database.transaction(origin) as work:
            tries = await count_set_up_try(work, self._policy)
        right = hmac.compare_digest(given.encode(), expected.encode())
        async with self._database.transaction(origin) as work:
            outcome = await conclude_set_up_try(work, tries, self._policy, right=right)
        if isinstance(outcome, WrongSecret):
            raise outcome
