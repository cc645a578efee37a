r"""The markup that a receipt layout yields, line by line, and its reading into blocks. Pure.

    !store              the blocks of a section of the document, here `store`
    ---                 a line across the paper; beside another one, or at either end, it is left away
    .                   an empty row; `. 3` three of them
    # Big sale!         bold, twice as large, in the middle
    ## Opening hours    bold, in the middle
    ^ Mon to Sat        in the middle
    > until Friday      at the right
    * Important         bold
    Phone || 555 0100   a text at the left and one at the right; after `*` or `#` bold, or bold and twice as large
    @qr https://...     a QR code
    @barcode ABC-123    a bar code (Code 128)
    \# not a heading   a text that begins as none of these

Anything else is a paragraph; lines without text count for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import ValidationError

from libs.contracts.printing import (
    MOST_BLOCKS,
    Align,
    BarcodeBlock,
    Block,
    FeedBlock,
    PairBlock,
    PrintedDocument,
    QrBlock,
    RuleBlock,
    TextBlock,
)
from services.sales.domain.print_sections import Printable, Sections, plain

INERT = "\ue000"
"""Put before a value that people entered: a name that begins with an exclamation mark is still a name."""

PAIR = "||"
OWED_SECTION = "slips"
"""What a layout cannot leave away: a customer is owed the slip of their card. It ends what does not place it."""

_RULE = RuleBlock()
_FEED = re.compile(r"^\.(?:\s+(\d{1,2}))?$")


class MarkupError(ValueError):
    """A line of the markup cannot be read; `line` counts from 1, `cause` says what would be right."""

    def __init__(self, line: int, cause: str) -> None:
        super().__init__(f"line {line}: {cause}")
        self.line = line
        self.cause = cause


def printed_document(markup: str, printable: Printable) -> PrintedDocument:
    """The document that the markup makes of a printable's sections. Raises MarkupError."""
    blocks: list[Block] = []
    number = 0
    owed = printable.sections.get(OWED_SECTION, ())
    for number, line in enumerate(markup.split("\n"), start=1):
        found = _blocks(line.strip(), number, printable.sections)
        owed = () if found and found is owed else owed
        blocks += found
        if len(blocks) + len(owed) > MOST_BLOCKS:
            raise MarkupError(number, f"a document has at most {MOST_BLOCKS} blocks")
    shown = tuple(_without_idle_rules([*blocks, *owed]))
    if not shown:
        raise MarkupError(max(number, 1), "there is nothing to print; begin with !store, for instance")
    return PrintedDocument(language=printable.language, blocks=shown)


def _blocks(line: str, number: int, sections: Sections) -> tuple[Block, ...]:
    if not line.replace(INERT, ""):
        return ()
    if line.startswith("!"):
        return _section(line[1:].strip(), number, sections)
    if line == "---":
        return (_RULE,)
    if feed := _FEED.match(line):
        return (_feed(int(feed[1] or 1), number),)
    try:
        return (_code(line) or _words(line),)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)[0]
        raise MarkupError(number, f"{line.split()[0]} cannot print this: {found['msg'].lower()}") from error


def _section(name: str, number: int, sections: Sections) -> tuple[Block, ...]:
    if name not in sections:
        raise MarkupError(number, f"there is no section {name!r}; there are {', '.join(sections)}")
    return sections[name]


def _feed(rows: int, number: int) -> FeedBlock:
    if not 1 <= rows <= 20:
        raise MarkupError(number, "1 to 20 empty rows are possible, e.g. '. 3'")
    return FeedBlock(rows=rows)


def _code(line: str) -> Block | None:
    word, _, data = line.partition(" ")
    data = _shown(data)
    if word == "@qr":
        return QrBlock(data=data)
    if word == "@barcode":
        return BarcodeBlock(symbology="code128", data=data)
    return None


_MARKS: tuple[tuple[str, Align, bool, int], ...] = (
    ("## ", "center", True, 1),
    ("# ", "center", True, 2),
    ("^ ", "center", False, 1),
    ("> ", "right", False, 1),
    ("* ", "left", True, 1),
)


def _words(line: str) -> Block:
    align: Align = "left"
    bold, size = False, 1
    for mark, its_align, its_bold, its_size in _MARKS:
        if line.startswith(mark):
            line, align, bold, size = line[len(mark) :].strip(), its_align, its_bold, its_size
            break
    else:
        line = line.removeprefix("\\")
    left, separator, right = line.partition(PAIR)
    if separator:
        return PairBlock(left=_shown(left), right=_shown(right), bold=bold, size=size)
    return TextBlock(text=_shown(line), align=align, bold=bold, size=size)


def _shown(words: str) -> str:
    return plain(words.replace(INERT, "")).strip()


def _without_idle_rules(blocks: Iterable[Block]) -> list[Block]:
    shown: list[Block] = []
    for block in blocks:
        if block != _RULE or (shown and shown[-1] != _RULE):
            shown.append(block)
    while shown and shown[-1] == _RULE:
        shown.pop()
    return shown
