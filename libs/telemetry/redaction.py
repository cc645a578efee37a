"""Keeps card numbers, PINs and secrets out of the logs, whoever logged them.

PCI DSS 4.0, 3.3.1 and 3.5.1: no sensitive authentication data after authorisation, no readable card number in logs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

REDACTED = "[redacted]"
CARD_NUMBER = "[card number]"

_SECRET_WORDS = frozenset(
    {"pin", "pan", "cvv", "cvc", "cvv2", "password", "passwd", "secret", "token", "authorization", "cookie", "track2"}
)
_SECRET_PAIRS = (("card", "number"), ("api", "key"), ("private", "key"), ("signing", "key"), ("track", "data"))
_WORD = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")
# 13 to 19 digits, possibly grouped; card networks number from 2 to 6 (ISO/IEC 7812-1).
_DIGITS = re.compile(r"(?<![\w.-])[2-6](?:[ -]?\d){12,18}(?![\w-])")
_BEARER = re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]+", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"(?P<before>[a-z][a-z0-9+.-]*://[^\s:/@]*:)[^\s/@]+(?=@)", re.IGNORECASE)
_DEEPEST = 6


def is_secret_name(name: str) -> bool:
    """Whether a key names something that must not be logged: `pin`, `staffPin`, `X-Api-Key`, `card_number`..."""
    words = [word.lower() for word in _WORD.findall(name)]
    if any(word in _SECRET_WORDS for word in words):
        return True
    return any(pair in _SECRET_PAIRS for pair in pairwise(words))


def redact_text(text: str) -> str:
    """`text` with card numbers (by Luhn's check), bearer tokens and passwords in URLs taken out."""
    text = _BEARER.sub(rf"\1 {REDACTED}", text)
    text = _URL_PASSWORD.sub(rf"\g<before>{REDACTED}", text)
    return _DIGITS.sub(_card_number, text)


def redact(value: Any, depth: int = 0) -> Any:
    """`value` without secrets: mappings by key, everything printable by content. Containers come back as copies."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, bytes):
        return redact_text(value.decode("utf-8", "replace"))
    if isinstance(value, bool | float) or value is None:
        return value
    if isinstance(value, int):
        return CARD_NUMBER if redact_text(str(value)) == CARD_NUMBER else value
    if depth >= _DEEPEST:
        return "[too deep to log]"
    if isinstance(value, Mapping):
        return {key: REDACTED if is_secret_name(str(key)) else redact(inner, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(inner, depth + 1) for inner in value]
    return redact_text(str(value))


def _card_number(match: re.Match[str]) -> str:
    digits = [int(character) for character in match.group() if character.isdigit()]
    doubled = sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return CARD_NUMBER if (doubled + sum(digits[-1::-2])) % 10 == 0 else match.group()
