"""Text as the bytes of a line display: its code page where that has the letter, else the nearest plain letters. Pure.

`ESC t n` chooses a code page; the numbers are those of Epson's printers (protocols.md A.2 and B [M] for displays).
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum


class CodePage(StrEnum):
    """A code page that the display has."""

    CP437 = "cp437"
    CP850 = "cp850"
    CP852 = "cp852"
    CP858 = "cp858"
    CP866 = "cp866"
    CP1251 = "cp1251"
    CP1250 = "cp1250"
    CP1252 = "cp1252"


NUMBERS = {
    CodePage.CP437: 0,
    CodePage.CP850: 2,
    CodePage.CP852: 18,
    CodePage.CP858: 19,
    CodePage.CP866: 17,
    CodePage.CP1252: 16,
    CodePage.CP1250: 45,
    CodePage.CP1251: 46,
}

# Letters that Unicode does not take apart, and what a shopper reads for them.
_PLAIN = {
    "ł": "l", "Ł": "L", "ø": "o", "Ø": "O", "đ": "d", "Đ": "D", "ß": "ss", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE",
    "þ": "th", "Þ": "Th", "ı": "i", "€": "EUR", "₽": "RUB", "₮": "MNT", "£": "GBP", "¥": "JPY", "–": "-", "—": "-",
    "‑": "-", "−": "-", "×": "x", "…": "...", "„": '"', "“": '"', "”": '"', "«": '"', "»": '"', "‘": "'", "’": "'",
    "•": "*", "№": "No", "°": " ", "²": "2", "³": "3", "½": "1/2", "¼": "1/4", "¾": "3/4", "ъ": "", "ь": "",
}  # fmt: skip
_CYRILLIC = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщыэюяөүіїєґ",
        [
            "a",
            "b",
            "v",
            "g",
            "d",
            "e",
            "yo",
            "zh",
            "z",
            "i",
            "y",
            "k",
            "l",
            "m",
            "n",
            "o",
            "p",
            "r",
            "s",
            "t",
            "u",
            "f",
            "kh",
            "ts",
            "ch",
            "sh",
            "shch",
            "y",
            "e",
            "yu",
            "ya",
            "o",
            "u",
            "i",
            "yi",
            "ye",
            "g",
        ],
        strict=True,
    )
)
_UNKNOWN = "?"


def encoded(text: str, page: CodePage) -> bytes:
    """The text in that code page; letters that it has not are written with those that it has, and never refused.

    Control characters become spaces: nothing in a product's name may command the display.
    """
    return b"".join(_encoded_character(character, page) for character in unicodedata.normalize("NFC", text))


def line_of(text: str, width: int, page: CodePage) -> bytes:
    """One row: cut to the width or filled with spaces."""
    return encoded(text, page)[:width].ljust(width, b" ")


def _encoded_character(character: str, page: CodePage) -> bytes:
    if character < " " or character == "\x7f" or unicodedata.category(character) in ("Zs", "Zl", "Zp", "Cc"):
        return b" "
    for candidate in (character, plain(character)):
        try:
            return candidate.encode(page)
        except UnicodeEncodeError:
            continue
    return _UNKNOWN.encode("ascii")


def plain(character: str) -> str:
    """What stands for a character where only plain letters are: `ł` is `l`, `щ` is `shch`; `?` where nobody knows."""
    if character in _PLAIN:
        return _PLAIN[character]
    if character in ("Ъ", "Ь"):
        return ""
    cyrillic = _CYRILLIC.get(character.lower())
    if cyrillic is not None:
        return cyrillic.capitalize() if character != character.lower() else cyrillic
    base = "".join(part for part in unicodedata.normalize("NFKD", character) if not unicodedata.combining(part))
    return base if base and base.isascii() else _UNKNOWN
