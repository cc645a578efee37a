"""The shipped fonts: which of them has a character, and the font at a size. See README.md for where they come from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

_FOLDER = Path(__file__).parent
MONOSPACED = "DejaVuSansMono.ttf"
MONOSPACED_BOLD = "DejaVuSansMono-Bold.ttf"
CHINESE = "NotoSansMonoCJKsc-GB2312.otf"
# DejaVu Sans Mono is 0.602 em wide: a cell of 12 dots takes 20 pixels per em, a wide character of 24 dots takes 24.
_EM_TO_CELL = 0.602
# Private use: no font has it, so it shows what "not there" looks like.
_NOWHERE = "\uf8ff"


def font_of(character: str, *, bold: bool) -> str | None:
    """The file of the font to draw a character with; None if no shipped font has it."""
    for file in (MONOSPACED_BOLD if bold else MONOSPACED, CHINESE, MONOSPACED):
        if _has(file, character):
            return file
    return None


@lru_cache(maxsize=64)
def font(file: str, cell_dots: int) -> ImageFont.FreeTypeFont:
    """A font whose single-width character fills a cell of that many dots; Chinese characters fill two."""
    pixels = cell_dots * 2 if file == CHINESE else int(cell_dots / _EM_TO_CELL + 0.5)
    return ImageFont.truetype(str(_FOLDER / file), pixels, layout_engine=ImageFont.Layout.BASIC)


@lru_cache(maxsize=16_384)
def _has(file: str, character: str) -> bool:
    drawn = font(file, 12).getmask(character)
    return character.isspace() or (drawn.size, bytes(drawn)) != _missing(file)


@lru_cache(maxsize=4)
def _missing(file: str) -> tuple[tuple[int, int], bytes]:
    drawn = font(file, 12).getmask(_NOWHERE)
    return drawn.size, bytes(drawn)
