"""What is drawn for a printer instead of said: rows in a shipped font, QR and bar codes, logos. One bit for a dot."""

from __future__ import annotations

import io
import unicodedata
from dataclasses import dataclass

import barcode
import segno
from PIL import Image, ImageChops, ImageDraw, UnidentifiedImageError

from device_gateway.fonts import CHINESE, MONOSPACED, font, font_of
from device_gateway.layout.wrapping import character_width

# A row of text advances by 30 dots, 24 of them for the character: the usual line spacing of ESC/POS printers.
ROW_DOTS = 30
CELL_HEIGHT_DOTS = 24
QUIET_MODULES = 4
LEAST_MODULE_DOTS = 2
_LARGEST_PICTURE_DOTS = 16_000_000
_BASELINE = {CHINESE: 21, "": 19}
_BARCODE_HEIGHT_DOTS = 64


class PictureUnreadable(ValueError):
    """The bytes are no picture that can be printed; the text says why."""


@dataclass(frozen=True)
class DrawnText:
    """A row as a picture, and the characters that no shipped font has, shown as frames."""

    picture: Image.Image
    unknown: frozenset[str]


def text_picture(text: str, *, cell_dots: int, columns: int, bold: bool, size: int) -> DrawnText:
    """A row of text, each character in the cell in which the printer's own would stand."""
    # Drawn at the final size: letters enlarged from small ones look like stairs.
    cell = cell_dots * size
    picture = Image.new("1", (columns * cell_dots, _row_height(size)), 1)
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "1"
    unknown: set[str] = set()
    x = 0
    for cluster in _clusters(text):
        width = max(1, character_width(cluster[0])) * cell
        file = font_of(cluster[0], bold=bold)
        if file is None:
            unknown.add(cluster[0])
            draw.rectangle((x + 2, 2, x + width - 4, CELL_HEIGHT_DOTS * size - 4), outline=0)
        elif not cluster.isspace():
            baseline = _BASELINE.get(file, _BASELINE[""]) * size
            heavier = 1 if bold and file == CHINESE else 0
            for character in cluster:
                face = font(file, cell) if character == cluster[0] else font(MONOSPACED, cell)
                draw.text((x, baseline), character, fill=0, font=face, anchor="ls", stroke_width=heavier)
        x += width
    return DrawnText(picture, frozenset(unknown))


def _row_height(size: int) -> int:
    return CELL_HEIGHT_DOTS * size + ROW_DOTS - CELL_HEIGHT_DOTS


def _clusters(text: str) -> list[str]:
    """Characters with the marks that combine with them."""
    clusters: list[str] = []
    for character in text:
        if clusters and unicodedata.combining(character):
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def rule_picture(dots: int) -> Image.Image:
    """A line across the paper, in the middle of a row."""
    picture = Image.new("1", (dots, ROW_DOTS), 1)
    middle = CELL_HEIGHT_DOTS // 2
    ImageDraw.Draw(picture).rectangle((0, middle - 1, dots - 1, middle), fill=0)
    return picture


def stacked(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one width, one under the other."""
    whole = Image.new("1", (pictures[0].width, sum(each.height for each in pictures)), 1)
    top = 0
    for each in pictures:
        whole.paste(each, (0, top))
        top += each.height
    return whole


def qr_modules(data: str) -> int:
    """The width of a QR code of that text in modules, with its quiet zone."""
    # Whatever its mask, it is as wide; to find the best one takes nearly all of the time.
    return int(_qr(data, mask=0).symbol_size(border=0)[0]) + 2 * QUIET_MODULES


def qr_picture(data: str, module_dots: int) -> Image.Image:
    """A QR code of correction level M with its quiet zone."""
    rows = [bytes(row) for row in _qr(data).matrix]
    side = len(rows) + 2 * QUIET_MODULES
    picture = Image.new("1", (side, side), 1)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            if dark:
                picture.putpixel((x + QUIET_MODULES, y + QUIET_MODULES), 0)
    return picture.resize((side * module_dots, side * module_dots), Image.Resampling.NEAREST)


def _qr(data: str, mask: int | None = None) -> segno.QRCode:
    return segno.make(data, error="m", boost_error=False, micro=False, encoding="utf-8", eci=False, mask=mask)


def barcode_modules(symbology: str, data: str) -> str:
    """The bars of a code, `1` for dark, without quiet zones."""
    return str(barcode.get(symbology, data).build()[0])


def barcode_picture(modules: str, text: str, module_dots: int) -> Image.Image:
    """A bar code with its text below."""
    bars = Image.new("1", (len(modules), 1), 1)
    for x, module in enumerate(modules):
        bars.putpixel((x, 0), 0 if module == "1" else 1)
    width = max(len(modules) * module_dots, len(text) * 12)
    picture = Image.new("1", (width, _BARCODE_HEIGHT_DOTS + ROW_DOTS), 1)
    bars = bars.resize((len(modules) * module_dots, _BARCODE_HEIGHT_DOTS), Image.Resampling.NEAREST)
    picture.paste(bars, ((width - bars.width) // 2, 0))
    below = text_picture(text, cell_dots=12, columns=len(text), bold=False, size=1).picture
    picture.paste(below, ((width - below.width) // 2, _BARCODE_HEIGHT_DOTS + 2))
    return picture


def logo_picture(png: bytes, dots: int) -> tuple[Image.Image, bool]:
    """A PNG in black and white, at most `dots` wide, and whether it was made smaller. Raises PictureUnreadable."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as opened:
            if opened.width * opened.height > _LARGEST_PICTURE_DOTS:
                raise PictureUnreadable(f"it has {opened.width} x {opened.height} dots, which is too many")
            with_transparency = opened.convert("RGBA")
    except UnidentifiedImageError as error:
        raise PictureUnreadable("it is no PNG") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureUnreadable(f"it is a damaged PNG ({error})") from error
    picture = Image.new("RGBA", with_transparency.size, "white")
    picture.alpha_composite(with_transparency)
    grey = picture.convert("L")
    smaller = grey.width > dots
    if smaller:
        height = max(1, grey.height * dots // grey.width)
        grey = grey.resize((dots, height), Image.Resampling.LANCZOS)
    return grey.convert("1"), smaller


def dots_of(picture: Image.Image) -> tuple[int, bytes]:
    """The bytes of a row and the bytes of the picture, a set bit for a black dot."""
    width_bytes = (picture.width + 7) // 8
    whole = Image.new("1", (width_bytes * 8, picture.height), 1)
    whole.paste(picture, (0, 0))
    return width_bytes, ImageChops.invert(whole.convert("L")).convert("1").tobytes()
