"""New ids: UUID version 7 (RFC 9562), which sort by time of creation and so keep indexes compact."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    """A new unique id."""
    return uuid7()
