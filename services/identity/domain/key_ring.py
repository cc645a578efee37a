"""The keys that sign tokens, and when each is published, signs and is retired.

A key is published before it signs, so that every service knows it by then; it signs until its successor does; and it
stays published until the last token it signed has expired. The first key of an installation signs at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

# Replicas whose clocks differ, and the leeway with which services accept a token just past its time.
CLOCK_MARGIN = timedelta(minutes=5)


class NoSigningKey(LookupError):
    """No key signs yet: the service has not been started on this database."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """An ES256 key pair. `private_encrypted` is the private key in PEM, encrypted with the operator's key."""

    kid: str
    public_jwk: dict[str, Any]
    private_encrypted: bytes
    published_at: datetime
    signs_from: datetime


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """How often the signing key changes, and how long before and after a key is published."""

    rotate_every: timedelta
    publish_ahead: timedelta
    longest_token_life: timedelta


class KeyRing:
    """All keys of the installation; every question is asked for a moment."""

    def __init__(self, keys: Iterable[SigningKey]) -> None:
        self._keys = sorted(keys, key=lambda key: (key.signs_from, key.kid))

    def signing(self, now: datetime) -> SigningKey:
        """The key that signs now. Raises NoSigningKey."""
        started = [key for key in self._keys if key.signs_from <= now]
        if not started:
            raise NoSigningKey("there is no key to sign with")
        return started[-1]

    def published(self, now: datetime, policy: RotationPolicy) -> list[SigningKey]:
        """The keys that services need now, oldest first."""
        retired = {key.kid for key in self.retired(now, policy)}
        return [key for key in self._keys if key.kid not in retired]

    def retired(self, now: datetime, policy: RotationPolicy) -> list[SigningKey]:
        """The keys whose last token has expired: they are to be destroyed."""
        kept_for = policy.longest_token_life + CLOCK_MARGIN
        return [
            key
            for key, successor in zip(self._keys, self._keys[1:], strict=False)
            if successor.signs_from + kept_for <= now
        ]

    def successor_signs_from(self, now: datetime, policy: RotationPolicy) -> datetime | None:
        """When the next key would begin to sign, if it is to be made now; None if it is not time yet."""
        if not self._keys:
            return now
        due = self._keys[-1].signs_from + policy.rotate_every
        if now < due - policy.publish_ahead:
            return None
        return max(due, now + policy.publish_ahead)
