"""Secrets that machines remember: till secrets, API keys, enrolment codes.

They are long and random, so that one fast hash of them will do.
"""

from __future__ import annotations

import hashlib
import secrets

TILL_SECRET_BYTES = 32
API_KEY_PREFIX = "ts_"
API_KEY_HINT_LENGTH = len(API_KEY_PREFIX) + 6

# Without the letters and digits that people mistake for others: 0 and O, 1, I and L, U and V.
_CODE_ALPHABET = "23456789ABCDEFGHJKMNPQRSTWXYZ"
_CODE_GROUPS, _CODE_GROUP_LENGTH = 3, 4


def new_till_secret() -> str:
    """A secret for a till's device: 256 bits."""
    return secrets.token_urlsafe(TILL_SECRET_BYTES)


def new_gateway_secret() -> str:
    """A secret for a device gateway, or its password at the broker: 256 bits, of letters, digits, - and _."""
    return secrets.token_urlsafe(TILL_SECRET_BYTES)


def new_api_key() -> str:
    """An API key: 256 bits behind a prefix that secret scanners can look for."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def new_enrolment_code() -> str:
    """A code to type at a till, e.g. 7KQM-2XWA-9RTD: 58 bits, for the minutes that it lives."""
    groups = ("".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_GROUP_LENGTH)) for _ in range(_CODE_GROUPS))
    return "-".join(groups)


def hash_secret(secret: str) -> bytes:
    """The hash under which a till secret or an API key is stored."""
    return hashlib.sha256(secret.encode()).digest()


def hash_enrolment_code(code: str) -> bytes:
    """The hash under which a code is stored; dashes, spaces and case do not matter to whoever types it."""
    return hash_secret("".join(character for character in code.upper() if character.isalnum()))
