from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from services.sales.logo_image import LARGEST_LOGO_BYTES, UnusableLogo, check_logo


def picture(width: int, height: int, kind: str = "PNG", mode: str = "1") -> bytes:
    file = io.BytesIO()
    Image.new(mode, (width, height)).save(file, kind)
    return file.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A small file whose header claims a picture that fills the memory."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    small = picture(1, 1)
    return small[:12] + header + struct.pack(">I", zlib.crc32(header)) + small[33:]


def test_a_small_png_is_a_logo() -> None:
    assert check_logo(picture(384, 120)) == (384, 120)
    assert check_logo(picture(832, 600, mode="RGBA")) == (832, 600)


@pytest.mark.parametrize(
    ("png", "sentence"),
    [
        (b"", "not a whole PNG"),
        (b"GIF89a", "not a whole PNG"),
        (picture(10, 10, "GIF"), "not a whole PNG"),
        (picture(10, 10, "BMP"), "not a whole PNG"),
        (picture(300, 300, mode="RGB")[:-40], "not a whole PNG"),
        (picture(833, 10), "833 × 10 dots; 832 × 600 are possible"),
        (picture(10, 601), "10 × 601 dots"),
        (picture(4_000, 4_000), "4000 × 4000 dots"),
        (claiming(60_000, 60_000), "not a whole PNG"),
        (picture(1, 1) + bytes(LARGEST_LOGO_BYTES), "bytes; 32768 are possible"),
    ],
)
def test_what_printers_cannot_print_is_refused_with_what_would_be_right(png: bytes, sentence: str) -> None:
    with pytest.raises(UnusableLogo, match=sentence) as refused:
        check_logo(png)
    assert refused.value.field == "png"
