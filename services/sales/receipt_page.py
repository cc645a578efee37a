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


def receipt_page(receipt: Receipt) -> str:
    """The page; everything that people entered is escaped. The QR code holds the receipt code."""
    code = receipt.receipt_code
    spaced = " ".join(code[start : start + _CODE_GROUP] for start in range(0, len(code), _CODE_GROUP))
    return _template().render(receipt=receipt, code_image=Markup(_code_image(code)), spaced_code=spaced)  # noqa: S704 - made by segno from a receipt code, not from people's text


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
    """An SVG element, scaled by its style sheet; error correction M survives a creased print."""
    image = io.BytesIO()
    segno.make(code, error="m", micro=False).save(
        image, kind="svg", xmldecl=False, svgns=True, omitsize=True, border=2, title=code, dark="#000"
    )
    return image.getvalue().decode()
