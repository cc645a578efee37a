"""Sign a person off: here at once, and with a trace at identity."""

from __future__ import annotations

import structlog

from services.backoffice.gateways.api_client import ApiFailure
from services.backoffice.office import Office
from services.backoffice.sessions import Session

_log = structlog.get_logger(__name__)


async def sign_off(office: Office, session: Session) -> None:
    """End the session. That identity does not answer keeps nobody signed on."""
    try:
        await office.identity(session).sign_off()
    except ApiFailure as failure:
        _log.warning("sign-off left no trace at identity", because=failure.sentence)
    finally:
        office.sessions.end(session.key)
