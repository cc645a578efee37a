"""Text as search compares it: without accents, in lower case, in plain words.

Done here, the same for what is stored and for what is asked, because PostgreSQL's own `unaccent` is an extension.
"""

from __future__ import annotations

import re
import unicodedata

LARGEST_QUERY_WORDS = 8
_NOT_A_WORD = re.compile(r"[\W_]+")
# Letters that are letters of their own, which decomposition leaves alone; people type them without the stroke.
_STROKES = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ı": "i", "ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"})


def fold(text: str) -> str:
    """Words in lower case without accents, one space apart: 'Żółty SER-40%' is 'zolty ser 40'."""
    if text.isascii():
        return _NOT_A_WORD.sub(" ", text.lower()).strip()
    decomposed = unicodedata.normalize("NFKD", text)
    bare = "".join(letter for letter in decomposed if not unicodedata.combining(letter))
    # Capitals last: decomposition makes new ones, as in the sign for "number".
    folded = bare.casefold().translate(_STROKES)
    return _NOT_A_WORD.sub(" ", folded).strip()


def prefix_query(text: str) -> str | None:
    """A tsquery that finds every word of `text` as the beginning of a word; None if there is no word in it."""
    words = fold(text).split()[:LARGEST_QUERY_WORDS]
    # Folded words hold letters and digits only, so there is nothing to escape inside the quotes.
    return " & ".join(f"'{word}':*" for word in words) if words else None
