"""A chain's logo: a small PNG that printers can print, looked at before it is kept."""

from __future__ import annotations

import io

from PIL import Image, UnidentifiedImageError

from libs.contracts.refusal import Invalid

# Every receipt carries it over the bus: as much as a logo in black and white needs. 832 dots are 104 mm at 203 dpi,
# wider than any receipt printer.
LARGEST_LOGO_BYTES = 32_768
LARGEST_WIDTH_DOTS = 832
LARGEST_HEIGHT_DOTS = 600


class UnusableLogo(Invalid):
    """The picture cannot be printed on receipts."""

    type = "unusable-logo"


def check_logo(png: bytes) -> tuple[int, int]:
    """Width and height in dots. Raises UnusableLogo, saying what would be right."""
    if len(png) > LARGEST_LOGO_BYTES:
        raise UnusableLogo(
            f"The logo has {len(png)} bytes; {LARGEST_LOGO_BYTES} are possible. Save it in black and white.",
            field="png",
        )
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            width, height = image.size
            # Before a pixel is read: a small file may claim a picture that fills the memory.
            if width > LARGEST_WIDTH_DOTS or height > LARGEST_HEIGHT_DOTS:
                raise UnusableLogo(
                    f"The logo is {width} × {height} dots; {LARGEST_WIDTH_DOTS} × {LARGEST_HEIGHT_DOTS} are possible.",
                    field="png",
                )
            image.load()
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise UnusableLogo(
            "This is not a whole PNG picture. Save the logo as PNG and send it again.", field="png"
        ) from error
    return width, height
