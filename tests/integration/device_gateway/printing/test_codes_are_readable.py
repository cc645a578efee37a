"""QR and bar codes on the printed picture, read by ZBar, which knows nothing of us."""

from __future__ import annotations

import importlib
import os
from typing import Any

import pytest
from PIL import Image

from device_gateway.drivers.printer.escpos.encoder import Habits, Paper, encoded
from device_gateway.drivers.printer.escpos.profiles import profile_named
from device_gateway.drivers.printer.escpos.simulator import PrinterOptions, PrinterSimulator
from libs.contracts.printing import BarcodeBlock, Block, PrintedDocument, QrBlock
from tests.conftest import LEFT_OUT
from tests.unit.device_gateway.printing.receipts import EAN, SALE_ID, receipt


@pytest.fixture(scope="module")
def zbar() -> Any:
    """The decoder, which needs the Debian package libzbar0."""
    try:
        return importlib.import_module("pyzbar.pyzbar")
    except ImportError as error:
        reason = f"libzbar cannot be loaded ({error}): apt install libzbar0"
        if os.environ.get("TILLSTREAM_REQUIRE_SERVICES") == "1":
            pytest.fail(reason)
        pytest.skip(LEFT_OUT + reason)


def _printed(document: PrintedDocument, profile: str, paper_mm: int, **habits: Any) -> Image.Image:
    chosen = profile_named(profile, {})
    simulator = PrinterSimulator(PrinterOptions.model_validate({"paper_mm": paper_mm}))
    simulator.received(encoded(document, chosen, Paper(*chosen.paper(paper_mm)), Habits(**habits), None).data)
    if not simulator.receipts:
        simulator.tear_off()
    return simulator.receipts[0].picture.convert("L")


def _read(zbar: Any, picture: Image.Image) -> set[tuple[str, str]]:
    return {(found.type, found.data.decode()) for found in zbar.decode(picture)}


@pytest.mark.parametrize(
    ("profile", "paper_mm", "native_qr"),
    [("TM-T20II", 80, True), ("TM-T20II", 58, True), ("TM-T20II", 80, False), ("POS-5890", 58, False)],
    ids=["80 mm, by commands", "58 mm, by commands", "80 mm, drawn QR", "58 mm, everything drawn"],
)
def test_the_codes_of_a_receipt_are_read_from_its_picture(
    zbar: Any, profile: str, paper_mm: int, native_qr: bool
) -> None:
    picture = _printed(receipt("mn"), profile, paper_mm, native_qr=native_qr)
    assert _read(zbar, picture) == {("QRCODE", SALE_ID), ("EAN13", EAN)}


@pytest.mark.parametrize("profile", ["TM-T20II", "POS-5890"])
@pytest.mark.parametrize("data", ["A-12/b{c}", "00123456", "K-07 1204"])
def test_code_128_is_read_by_commands_and_drawn(zbar: Any, profile: str, data: str) -> None:
    block: Block = BarcodeBlock(symbology="code128", data=data)
    picture = _printed(PrintedDocument(language="en", blocks=(block,)), profile, 80, native_qr=False)
    assert _read(zbar, picture) == {("CODE128", data)}


def test_a_long_text_still_makes_a_code_that_fits_narrow_paper(zbar: Any) -> None:
    text = "https://receipts.example.com/" + "x" * 300
    document = PrintedDocument(language="en", blocks=(QrBlock(data=text, module_dots=12),))
    assert _read(zbar, _printed(document, "POS-5890", 58, native_qr=False)) == {("QRCODE", text)}
