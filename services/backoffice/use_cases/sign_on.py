"""Sign a person on: identity decides, and the token stays here."""

from __future__ import annotations

from services.backoffice.office import Office
from services.backoffice.sessions import Session


async def sign_on(office: Office, staff_code: str, password: str, replaced_key: str | None) -> Session:
    """A new session; one that the browser had before ends.

    Raises SignedOff for a wrong password, Refused for whoever is locked out, NotAnswering.
    """
    signed_on = await office.identity(None).sign_on(staff_code, password)
    if replaced_key is not None:
        office.sessions.end(replaced_key)
    staff = signed_on.staff
    return office.sessions.begin(
        signed_on.access_token.get_secret_value(), staff.id, staff.name, staff.permissions, signed_on.expires_at
    )
