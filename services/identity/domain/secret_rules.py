"""Which PINs and passwords are good enough. Errors never repeat what was given."""

from __future__ import annotations

import re
from itertools import pairwise

SHORTEST_PIN, LONGEST_PIN = 4, 12
SHORTEST_PASSWORD, LONGEST_PASSWORD = 12, 200

_PIN = re.compile(rf"[0-9]{{{SHORTEST_PIN},{LONGEST_PIN}}}", re.ASCII)


def pin(value: str) -> str:
    """`value` if it is a PIN that is not guessed first. Raises ValueError with the rule that it breaks."""
    if not _PIN.fullmatch(value):
        raise ValueError(f"a PIN is {SHORTEST_PIN} to {LONGEST_PIN} digits")
    digits = [int(character) for character in value]
    steps = {(after - before) % 10 for before, after in pairwise(digits)}
    if steps == {0}:
        raise ValueError("a PIN is not one digit repeated; mix the digits")
    if steps in ({1}, {9}):
        raise ValueError("a PIN is not a run of digits up or down; mix the digits")
    if _is_a_repeated_block(value):
        raise ValueError("a PIN is not a block of digits repeated; mix the digits")
    return value


def password(value: str) -> str:
    """`value` if it is a password for the back office. Raises ValueError with the rule that it breaks."""
    if not SHORTEST_PASSWORD <= len(value) <= LONGEST_PASSWORD:
        raise ValueError(f"a password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters; a few words are fine")
    if len(set(value)) < 5:
        raise ValueError("a password has at least 5 different characters")
    return value


def _is_a_repeated_block(value: str) -> bool:
    # A text that is found inside its own double, off the ends, is made of one block.
    return value in (value + value)[1:-1]
