"""What a duplicate says of itself, in the language of the document."""

from __future__ import annotations

_MARKS = {
    "en": "DUPLICATE",
    "pl": "DUPLIKAT",
    "de": "DUPLIKAT",
    "ru": "ДУБЛИКАТ",
    "mn": "ДАВХАР ХУВЬ",
    "zh": "重复打印",
}


def duplicate_mark(language: str) -> str:
    """The mark for a document in `language` (`pl`, `pl-PL`, ...); English for one that is not known here."""
    return _MARKS.get(language.replace("_", "-").partition("-")[0].lower(), _MARKS["en"])
