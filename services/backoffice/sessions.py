"""Who is signed on, kept in this process: the token never leaves it, the browser has only a random key."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from libs.persistence import Clock

KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class Session:
    """A person at the pages. `token` is identity's; it goes to the APIs, never to the browser.

    `permissions` decide what is shown. What is allowed, the APIs decide by the token.
    """

    key: str
    token: str
    staff_id: UUID
    name: str
    permissions: frozenset[str]
    expires_at: datetime

    def may(self, permission: str) -> bool:
        """Whether to show what needs `permission`."""
        return permission in self.permissions

    def __repr__(self) -> str:
        return f"Session(of {self.name}, until {self.expires_at:%Y-%m-%d %H:%M})"


class Sessions:
    """The sessions of this process, at most `limit`: the one signed on longest ago gives way."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._by_key: OrderedDict[str, Session] = OrderedDict()

    def begin(
        self, token: str, staff_id: UUID, name: str, permissions: frozenset[str], expires_at: datetime
    ) -> Session:
        """Keep a session under a new key, also for somebody who has one: an older key is worth nothing."""
        session = Session(secrets.token_urlsafe(KEY_BYTES), token, staff_id, name, permissions, expires_at)
        self._by_key[session.key] = session
        while len(self._by_key) > self._limit:
            self._by_key.popitem(last=False)
        return session

    def find(self, key: str | None) -> Session | None:
        """The session of a key; None when there is none, or its token has expired."""
        session = self._by_key.get(key) if key else None
        if session is not None and session.expires_at <= self._clock():
            self.end(session.key)
            return None
        return session

    def end(self, key: str) -> None:
        """Forget the session, if it is there."""
        self._by_key.pop(key, None)
