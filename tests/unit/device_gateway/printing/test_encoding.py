"""Documents as bytes: golden receipts in every language and width, code pages, pictures, codes, cuts."""

from __future__ import annotations

import pytest

from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.printer.escpos.code_pages import CodePages
from device_gateway.drivers.printer.escpos.commands import raster
from device_gateway.drivers.printer.escpos.encoder import Habits, Paper, encoded
from device_gateway.drivers.printer.escpos.profiles import profile_at, profile_named
from device_gateway.drivers.printer.escpos.simulator import PrinterOptions, PrinterSimulator
from libs.contracts.printing import BarcodeBlock, Block, CutBlock, ImageBlock, PrintedDocument, QrBlock, TextBlock
from tests.unit.device_gateway.printing.receipts import EAN, SALE_ID, receipt
from tests.unit.device_gateway.printing.write_goldens import NAMES, bytes_of, golden


def _document(*blocks: Block) -> PrintedDocument:
    return PrintedDocument(language="en", blocks=blocks)


def _encoded(*blocks: Block, profile: str = "TM-T20II", **habits: object) -> tuple[bytes, tuple[str, ...]]:
    chosen = profile_named(profile, {})
    paper = Paper(*chosen.paper(80 if chosen.name != "POS-5890" else 58))
    result = encoded(_document(*blocks), chosen, paper, Habits(**habits), None)  # type: ignore[arg-type]
    return result.data, result.warnings


def _seen(data: bytes, paper_mm: int = 80) -> str:
    """What a printer makes of it."""
    simulator = PrinterSimulator(PrinterOptions.model_validate({"paper_mm": paper_mm}))
    simulator.received(data)
    if not simulator.receipts:
        simulator.tear_off()
    return simulator.receipts[0].text


@pytest.mark.parametrize(("language", "paper_mm"), NAMES)
def test_a_receipt_is_encoded_byte_for_byte_as_before(language: str, paper_mm: int) -> None:
    assert bytes_of(language, paper_mm) == golden(language, paper_mm).read_bytes(), (
        "The bytes have changed. If they should have: python -m tests.unit.device_gateway.printing.write_goldens"
    )


@pytest.mark.parametrize("paper_mm", [80, 58])
@pytest.mark.parametrize("language", ["en", "pl", "de", "ru"])
def test_a_receipt_is_read_from_the_paper_as_it_was_written(language: str, paper_mm: int) -> None:
    text = _seen(bytes_of(language, paper_mm), paper_mm)
    words = text.split()
    for block in receipt(language).blocks:
        for asked in (getattr(block, name, "") for name in ("text", "left", "right", "caption")):
            assert all(word in words for word in asked.split()), asked
    assert f"[QR: {SALE_ID}]" in text
    assert f"[EAN-13: {EAN}]" in text


@pytest.mark.parametrize(
    ("profile", "text", "data"),
    [
        ("TM-T88V", "Zażółć", "5A 61 1B 74 12 BE A2 88 86"),
        ("TM-T88V", "Мясной", "1B 74 11 8C EF E1 AD AE A9"),
        ("TM-T20II", "Größe", "47 72 1B 74 00 94 E1 65"),
        ("TM-T20II", "5 €", "35 20 1B 74 10 80"),
        ("default", "total 12.99", "74 6F 74 61 6C 20 31 32 2E 39 39"),
        # Two alphabets in a row: a switch for each, and none for the ASCII between.
        ("TM-T88V", "żyto - хлеб", "1B 74 12 BE 79 74 6F 20 2D 20 1B 74 11 E5 AB A5 A1"),
    ],
)
def test_text_is_sent_in_the_code_page_that_has_it(profile: str, text: str, data: str) -> None:
    pages = CodePages(profile_named(profile, {}).pages)
    assert pages.can_show(text)
    assert pages.encoded(text) == bytes.fromhex(data)


def test_a_page_that_is_set_already_is_not_set_again_until_the_printer_is_initialised() -> None:
    pages = CodePages(profile_named("TM-T88V", {}).pages)
    assert pages.encoded("ż") == bytes.fromhex("1B 74 12 BE")
    assert pages.encoded("ó ł") == bytes.fromhex("A2 20 88")
    pages.reset()
    assert pages.encoded("ł") == bytes.fromhex("1B 74 12 88")


@pytest.mark.parametrize(
    ("profile", "text"),
    [("TM-T88III", "gęślą jaźń"), ("TM-T88V", "Өргөө"), ("TM-T88V", "Үхэр"), ("TM-T88V", "6 400₮"), ("TM-T88V", "单")],
)
def test_what_no_code_page_has_is_drawn_and_never_replaced(profile: str, text: str) -> None:
    pages = CodePages(profile_named(profile, {}).pages)
    assert not pages.can_show(text)
    data, warnings = _encoded(TextBlock(text=text), profile=profile)
    assert b"\x1dv0\x00" in data
    assert b"?" not in data.partition(b"\x1dv0")[0]
    assert warnings == ()


def test_where_one_row_is_drawn_all_are_unless_the_line_is_slow() -> None:
    rows = (TextBlock(text="Өргөө"), TextBlock(text="plain"))
    assert b"plain" not in _encoded(*rows)[0]
    assert b"plain\n" in _encoded(*rows, draws_whole_documents=False)[0]


def test_a_character_of_no_font_is_framed_and_warned_of() -> None:
    data, warnings = _encoded(TextBlock(text="smile 😀"))
    assert warnings == ("no shipped font has 😀; a frame was printed instead",)
    assert b"\x1dv0" in data


def test_a_printer_that_cannot_draw_says_which_characters_it_lost() -> None:
    data, warnings = _encoded(TextBlock(text="₮ 5"), profile="TM-U220")
    assert b"? 5\n" in data
    assert warnings == ("this printer can neither print nor draw ₮; ? was printed instead",)


def test_control_characters_in_a_name_never_reach_the_printer() -> None:
    harmless, _ = _encoded(TextBlock(text="Milkp0"))
    assert _encoded(TextBlock(text="Milk\x1bp\x000\x10\x14\x01\x9b\u202e"))[0] == harmless


def test_dots_never_spell_a_command_that_is_carried_out_at_once() -> None:
    data = raster(4, b"\x10\x14\x01\x00\x10\x04\x01\x10\x05\x00\x00\x00")
    assert all(sequence not in data for sequence in (b"\x10\x14", b"\x10\x04", b"\x10\x05"))
    assert len(data) == 8 + 12


@pytest.mark.parametrize(
    ("block", "seen", "warnings"),
    [
        (BarcodeBlock(symbology="ean13", data="590123412345"), "[EAN-13: 5901234123457]", 0),
        (BarcodeBlock(symbology="ean13", data="5901234123450"), "[Code 128: 5901234123450]", 1),
        (BarcodeBlock(symbology="code128", data="A{b}-12"), "[Code 128: A{b}-12]", 0),
        (BarcodeBlock(symbology="code128", data="00123456"), "[Code 128: 00123456]", 0),
        (BarcodeBlock(symbology="code128", data=SALE_ID), f"[QR: {SALE_ID}]", 1),
        (QrBlock(data="żółw"), "[QR: żółw]", 0),
    ],
)
def test_codes_hold_what_was_asked_for_or_the_nearest_that_fits(block: Block, seen: str, warnings: int) -> None:
    data, warned = _encoded(block)
    assert seen in _seen(data)
    assert len(warned) == warnings


@pytest.mark.parametrize(
    ("block", "seen"),
    [
        # In pairs, 16 20 01 is DLE DC4 01: a kick of the drawer.
        (BarcodeBlock(symbology="code128", data="16200100"), "[Code 128: 16200100]"),
        (QrBlock(data="\x10\x14\x01\x00\x01"), "[picture"),
    ],
)
def test_the_content_of_a_code_never_opens_the_drawer(block: Block, seen: str) -> None:
    data, _ = _encoded(block)
    simulator = PrinterSimulator()
    simulator.received(data)
    assert simulator.kicks == []
    assert seen in simulator.receipts[0].text


def test_a_printer_that_knows_no_codes_is_sent_pictures_of_them() -> None:
    data, warnings = _encoded(
        QrBlock(data=SALE_ID), BarcodeBlock(symbology="ean13", data=EAN), profile="POS-5890", native_qr=False
    )
    assert b"\x1d(k" not in data
    assert b"\x1dk" not in data
    assert data.count(b"\x1dv0\x00") > 2
    assert warnings == ()


def test_a_picture_that_is_none_is_left_out_with_a_warning() -> None:
    data, warnings = _encoded(ImageBlock.model_construct(png=b"GIF89a"), TextBlock(text="after"))
    assert "after" in _seen(data)
    assert warnings == ("a picture was left out: it is no PNG",)


@pytest.mark.parametrize(
    ("profile", "cut", "data"),
    [
        ("TM-T20II", "partial", b"\x1dV\x42\x00"),
        ("TM-T20II", "full", b"\x1dV\x41\x00"),
        ("TM-T20II", "none", b"\x1bd\x05"),
        ("POS-5890", "full", b"\x1bd\x05"),
        ("TM-U220B", "full", b"\x1dV\x42\x00"),
    ],
)
def test_the_paper_is_cut_as_the_printer_can(profile: str, cut: str, data: bytes) -> None:
    assert _encoded(TextBlock(text="x"), profile=profile, cut=cut)[0].endswith(b"x\n" + data)


def test_every_piece_is_cut_once_and_marked_at_both_ends() -> None:
    chosen = profile_named("TM-T20II", {})
    document = _document(TextBlock(text="one"), CutBlock(), TextBlock(text="two"), CutBlock())
    data = encoded(document, chosen, Paper(48, 576), Habits(), "DUPLICATE").data
    simulator = PrinterSimulator()
    simulator.received(data)
    assert [receipt.text.split() for receipt in simulator.receipts] == [
        ["DUPLICATE", "─" * 48, word, "─" * 48, "DUPLICATE"] for word in ("one", "two")
    ]


def test_an_unknown_profile_is_answered_with_those_there_are() -> None:
    with pytest.raises(DeviceMisconfigured, match=r"no printer profile 'TM-X'; there are .*TM-T20II.*Take default"):
        profile_named("TM-X", {})


def test_a_code_page_of_ones_own_is_taken_and_a_wrong_one_named() -> None:
    pages = CodePages(profile_named("TM-T88III", {50: "CP1250"}).pages)
    assert pages.encoded("ż") == bytes.fromhex("1B 74 32 BF")
    with pytest.raises(DeviceMisconfigured, match=r"'CP9', number 18, is no code page"):
        profile_named("default", {18: "CP9"})


@pytest.mark.parametrize(
    ("profile", "paper_mm", "expected"),
    [
        ("TM-T20II", 80, (48, 576)),
        ("TM-T88V", 80, (42, 512)),
        ("TM-T88V", 58, (30, 360)),
        ("POS-5890", 58, (32, 384)),
        ("default", 80, (48, 576)),
        ("default", 58, (32, 384)),
    ],
)
def test_columns_and_dots_follow_the_model_and_the_paper(
    profile: str, paper_mm: int, expected: tuple[int, int]
) -> None:
    assert profile_named(profile, {}).paper(paper_mm) == expected


@pytest.mark.parametrize(
    ("address", "profile"),
    [
        ("usb:04b8:0e15", "TM-T20II"),
        ("usb:04B8:0E21:X3A1", "TM-T88V"),
        ("usb:04b8:0e15@1-1.2", "TM-T20II"),
        ("usb:0fe6:811e", "default"),
        ("tcp://192.0.2.20:9100", "default"),
    ],
)
def test_a_printer_that_is_only_plugged_in_is_known_by_its_usb_id(address: str, profile: str) -> None:
    assert profile_at(address) == profile
