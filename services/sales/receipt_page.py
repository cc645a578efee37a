"""The receipt as one self-contained HTML page: no script, no request to anywhere, readable on a phone and on paper."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from services.sales.domain.receipt import Receipt

_TEMPLATES = Path(__file__).parent / "api" / "templates"
_CODE_GROUP = 4


def receipt_page(receipt: Receipt, *, picture: str | None = None) -> str:
    """The page; everything that people entered is escaped. The QR code holds the receipt code.

    It is drawn in the page, or is the image at the URL `picture`, for mail readers that draw nothing.
    """
    code = receipt.receipt_code
    spaced = " ".join(code[start : start + _CODE_GROUP] for start in range(0, len(code), _CODE_GROUP))
    if picture is None:
        image = Markup(_code_image(code))  # noqa: S704 - made by segno from a receipt code, not from people's text
    else:
        image = Markup('<img src="{}" alt="{}" width="156" height="156">').format(picture, code)
    return _template().render(receipt=receipt, code_image=image, spaced_code=spaced)


def code_picture(code: str) -> bytes:
    """The QR code as a PNG."""
    image = io.BytesIO()
    _qr(code).save(image, kind="png", scale=6, border=2)
    return image.getvalue()


@lru_cache(maxsize=1)
def _template() -> Template:
    # Undefined names raise: a receipt with a hole in it must not reach a customer.
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("receipt.html")


def _code_image(code: str) -> str:
    """An SVG element, scaled by its style sheet."""
    image = io.BytesIO()
    _qr(code).save(image, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2, title=code, dark="#000")
    return image.getvalue().decode()


def _qr(code: str) -> segno.QRCode:
    # Error correction M survives a creased print.
    return segno.make(code, error="m", micro=False)
