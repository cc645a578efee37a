"""The slips in field 90 of an answer: blocks `0xTAG^^text~` (protocols.md C.4 [S]). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from device_gateway.domain.card_operations import Slips

_BLOCK = re.compile(r"0x(?P<tag>[0-9A-Fa-f]{1,8})\^\^(?P<text>[^~]*)(?:~|$)")
_LINE_END = re.compile(r"\r\n|\n\r|\r|\n")


@dataclass(frozen=True, slots=True)
class SlipTags:
    """Which block is for whom, as upper-case hexadecimal. That DF is the customer's and DA the shop's is [M]."""

    customer: frozenset[str] = frozenset({"DF"})
    merchant: frozenset[str] = frozenset({"DA"})


def read_slips(text: str, tags: SlipTags) -> Slips:
    """The slips in a text. A block with a tag that is not known goes on both slips, and so does text without blocks:
    nothing that the terminal wants printed is lost.
    """
    customer: list[str] = []
    merchant: list[str] = []
    blocks = [(match["tag"].upper(), match["text"]) for match in _BLOCK.finditer(text)]
    for tag, content in blocks or [("", text)]:
        lines = _lines(content)
        if tag not in tags.merchant:
            customer += lines
        if tag not in tags.customer:
            merchant += lines
    return Slips(customer=tuple(customer), merchant=tuple(merchant))


def _lines(content: str) -> list[str]:
    lines = [line.rstrip() for line in _LINE_END.split(content)]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines
