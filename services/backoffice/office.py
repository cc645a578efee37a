"""What every page needs: the way to the APIs, who is signed on, the clock, the limits."""

from __future__ import annotations

from dataclasses import dataclass

import httpx

from libs.persistence import Clock
from services.backoffice.gateways.api_client import ApiClient, SignedOff
from services.backoffice.gateways.identity import Identity
from services.backoffice.gateways.payments import Payments
from services.backoffice.sessions import Session, Sessions
from services.backoffice.settings import BackofficeSettings


@dataclass(frozen=True)
class Office:
    """The back office of one process."""

    http: httpx.AsyncClient
    sessions: Sessions
    clock: Clock
    settings: BackofficeSettings

    def client(self, session: Session | None) -> ApiClient:
        """The way to the APIs in the name of a session's person; of nobody for sign-on."""

        def token() -> str | None:
            if session is not None and self.sessions.find(session.key) is None:
                raise SignedOff("Your sign-on has ended. Sign on again.")
            return None if session is None else session.token

        return ApiClient(self.http, token, self.settings.api_timeout_s)

    def identity(self, session: Session | None) -> Identity:
        """Identity's API for a session."""
        return Identity(self.client(session))

    def payments(self, session: Session) -> Payments:
        """Payments' API for a session."""
        return Payments(self.client(session))
