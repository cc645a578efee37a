"""What scanners send, read: exact values for every kind of code, and refusals that say what would be right."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from biip.checksums import gs1_standard_check_digit
from biip.gtin import Gtin
from hypothesis import example, given
from hypothesis import strategies as st

from libs.barcodes import Scan, ScanKind, UnreadableBarcode, WrongCheckDigit, normalise_barcode, parse_scan
from libs.contracts import Refusal
from libs.contracts.catalog import BarcodeLayout
from libs.money import Quantity, Unit

WEIGHT_LAYOUT = BarcodeLayout(prefix="27", item_digits=5, value_digits=5, value_kind="weight", value_decimals=3)
PRICE_LAYOUT = BarcodeLayout(
    prefix="21", item_digits=4, value_digits=5, value_kind="price", price_check_digit=True, value_decimals=2
)
UPC_PRICE_LAYOUT = BarcodeLayout(prefix="2", item_digits=5, value_digits=5, value_kind="price", value_decimals=2)
LAYOUTS = (WEIGHT_LAYOUT, PRICE_LAYOUT, UPC_PRICE_LAYOUT)


@pytest.mark.parametrize(
    ("text", "gtin"),
    [
        ("5901234123457", "5901234123457"),
        (" 5901234123457\r\n", "5901234123457"),
        ("]E05901234123457", "5901234123457"),
        ("05901234123457", "5901234123457"),
        ("96385074", "96385074"),
        ("]E496385074", "96385074"),
        ("036000291452", "036000291452"),
        ("0036000291452", "036000291452"),
        ("00036000291452", "036000291452"),
        ("15901234123454", "15901234123454"),
        ("]I115901234123454", "15901234123454"),
        ("04252614", "042100005264"),
        ("]E004252614", "042100005264"),
        ("]E0425261", "042100005264"),
        ("]E35901234123457" + "12", "5901234123457"),
        ("]E35901234123457" + "51299", "5901234123457"),
    ],
)
def test_ean_and_upc_have_one_stored_form(text: str, gtin: str) -> None:
    scan = parse_scan(text)
    assert (scan.kind, scan.gtin, scan.candidates[0]) == (ScanKind.GTIN, gtin, gtin)
    assert normalise_barcode(text) == gtin


def test_eight_digits_that_are_both_ean_8_and_upc_e_are_looked_up_as_both() -> None:
    assert parse_scan("02345604").candidates == ("02345604", "023000004564")
    assert parse_scan("]E402345604").candidates == ("02345604",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("5901234123458", "5901234123457"), ("96385075", "96385074"), ("036000291453", "036000291452")],
)
def test_a_wrong_check_digit_is_refused_with_the_right_code(text: str, expected: str) -> None:
    with pytest.raises(WrongCheckDigit) as refused:
        parse_scan(text, field="barcodes.0")
    assert refused.value.field == "barcodes.0"
    assert refused.value.facts["expected"] == expected
    assert expected in refused.value.sentence


def test_gs1_128_with_gtin_weight_dates_lot_and_serial() -> None:
    scan = parse_scan("]C10195012345678903310300125017261231" + "10LOT-7\x1d21SER9")
    assert scan == Scan(
        text=scan.text,
        kind=ScanKind.GS1,
        gtin="95012345678903",
        quantity=Quantity(1250),
        unit=Unit.KILOGRAM,
        lot="LOT-7",
        serial="SER9",
        expires_on=date(2026, 12, 31),
    )


def test_datamatrix_with_leading_fnc1_and_best_before() -> None:
    scan = parse_scan("]d2\x1d010590123412345715270131" + "10A1")
    assert (scan.gtin, scan.best_before, scan.lot) == ("5901234123457", date(2027, 1, 31), "A1")


def test_gs1_without_aim_prefix_is_recognised_by_its_gtin_element() -> None:
    assert parse_scan("010590123412345710ABC").lot == "ABC"


def test_gs1_as_printed_with_brackets() -> None:
    scan = parse_scan("(01)05901234123457(3102)000250")
    assert (scan.gtin, scan.quantity, scan.unit) == ("5901234123457", Quantity(2500), Unit.KILOGRAM)


def test_gs1_litres_metres_and_counts() -> None:
    assert parse_scan("(01)05901234123457(3153)000750").quantity == Quantity(750)
    assert parse_scan("(01)05901234123457(3111)000025").unit == Unit.METRE
    count = parse_scan("(01)05901234123457(30)12")
    assert (count.quantity, count.unit) == (Quantity(12_000), Unit.PIECE)


def test_gs1_amount_payable_is_the_price_of_the_piece() -> None:
    scan = parse_scan("(01)05901234123457(3922)1299")
    assert scan.price == Decimal("12.99")
    assert scan.price_minor("EUR") == 1299
    assert scan.price_minor("MNT") == 1299
    with pytest.raises(UnreadableBarcode, match="finer than JPY"):
        scan.price_minor("JPY")


@pytest.mark.parametrize(
    "text",
    [
        "https://id.gs1.org/01/05901234123457/10/ABC123/21/12345?17=261231",
        "]Q3https://shop.example/food/01/5901234123457/10/ABC123/21/12345?17=261231",
        "]Q1HTTPS://id.gs1.org/01/05901234123457/10/ABC123/21/12345?17=261231",
    ],
)
def test_gs1_digital_link(text: str) -> None:
    scan = parse_scan(text)
    assert (scan.kind, scan.gtin) == (ScanKind.GS1, "5901234123457")
    assert (scan.lot, scan.serial, scan.expires_on) == ("ABC123", "12345", date(2026, 12, 31))


def test_a_wrong_check_digit_inside_a_gs1_code_is_said_in_those_words() -> None:
    with pytest.raises(WrongCheckDigit, match="05901234123457"):
        parse_scan("]C1010590123412345810ABC")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("\x1d", "empty"),
        ("]E112", "add-on"),
        ("]E0ABC", "digits only"),
        ("]E0123456789", "8, 12, 13 or 14"),
        ("]C100106141412345678908", "logistic unit"),
        ("]C110LOT", "no product"),
        ("https://example.com/", "Digital Link"),
        ("http://[", "Digital Link"),
        ("ą" * 3, "ASCII"),
        ("a\x00b", "ASCII"),
        ("A" * 49, "no barcode"),
        ("9" * 401, "at most 400"),
        ("(01)05901234123457(3105)000001", "finer than a thousandth"),
    ],
)
def test_what_is_no_barcode_is_refused_with_a_reason(text: str, why: str) -> None:
    with pytest.raises(UnreadableBarcode, match=why) as refused:
        parse_scan(text)
    assert refused.value.field == "barcode"


@pytest.mark.parametrize(("text", "code"), [("4011", "4011"), ("ab-12 c", "AB-12 C"), ("]C0own-1", "OWN-1")])
def test_codes_of_the_shop_itself_are_kept_in_capitals(text: str, code: str) -> None:
    scan = parse_scan(text)
    assert (scan.kind, scan.own_code, scan.gtin, normalise_barcode(text)) == (ScanKind.OWN_CODE, code, None, code)


def test_in_store_weight_code_gives_item_code_and_weight() -> None:
    scan = parse_scan("2700123012505", LAYOUTS)
    assert (scan.kind, scan.item_code, scan.quantity, scan.gtin) == (
        ScanKind.IN_STORE_WEIGHT,
        "123",
        Quantity(1250),
        None,
    )
    assert scan.candidates == ("2700123012505",)


def test_in_store_price_code_with_inner_check_digit() -> None:
    # GS1 General Specifications 7.9.4 gives 14685 the check digit 6.
    scan = parse_scan("2112346146859", LAYOUTS)
    assert (scan.kind, scan.item_code, scan.price) == (ScanKind.IN_STORE_PRICE, "1234", Decimal("146.85"))
    assert scan.price_minor("PLN") == 14_685


def test_in_store_price_code_with_wrong_inner_check_digit_is_refused() -> None:
    with pytest.raises(WrongCheckDigit, match="would be right as 6"):
        parse_scan("2112347146858", LAYOUTS)


def test_in_store_upc_a_with_number_system_2() -> None:
    scan = parse_scan("212345004999", LAYOUTS)
    assert (scan.item_code, scan.price) == ("12345", Decimal("4.99"))


def test_in_store_price_in_whole_units_becomes_minor_units_of_the_currency() -> None:
    layout = BarcodeLayout(prefix="25", item_digits=5, value_digits=5, value_kind="price", value_decimals=0)
    scan = parse_scan("2500001125002", [layout])
    assert (scan.item_code, scan.price_minor("MNT"), scan.price_minor("JPY")) == ("1", 1_250_000, 12_500)


def test_in_store_code_without_a_value_leaves_the_weight_open() -> None:
    scan = parse_scan("2700123000007", LAYOUTS)
    assert (scan.kind, scan.quantity) == (ScanKind.IN_STORE_WEIGHT, None)


def test_in_store_code_without_a_layout_is_a_plain_code() -> None:
    assert parse_scan("2700123012505").gtin == "2700123012505"


LIKELY_TEXT = st.one_of(
    st.text(),
    st.from_regex(r"\][A-Za-z][0-9A-Za-z].{0,30}", fullmatch=True),
    st.from_regex(r"[0-9]{1,20}", fullmatch=True),
    st.from_regex(r"2[0-9]{11,12}", fullmatch=True),
    st.from_regex(r"(\]C1)?(01[0-9]{14}|17[0-9]{6}|310[0-9]{7}|392[0-9]{4}|10[A-Z0-9]{1,9}\x1d){1,5}", fullmatch=True),
    st.from_regex(r"https?://[^\s]{0,20}/01/[0-9]{8,14}(/10/[^/]{1,9})?(\?[^\s]{0,20})?", fullmatch=True),
    st.from_regex(r"(\([0-9]{2,4}\)[0-9A-Z]{1,14}){1,4}", fullmatch=True),
)


@given(LIKELY_TEXT)
@example("]Q3http://[01/")
@example("٠٠٠٠٠٠٠٠")
@example("0100000000000000")
@example("(01)00000000000000(17)999999")
@example("]d20100000000000000170000001")
def test_any_text_is_read_or_refused_and_nothing_else(text: str) -> None:
    scan: Scan | Refusal
    try:
        scan = parse_scan(text, LAYOUTS)
    except Refusal as refusal:
        scan = refusal
    if isinstance(scan, Refusal):
        assert scan.field == "barcode"
        assert scan.sentence
    else:
        assert sum(name is not None for name in (scan.gtin, scan.item_code, scan.own_code)) == 1
        assert scan.candidates


@given(LIKELY_TEXT)
def test_the_stored_form_is_stable(text: str) -> None:
    try:
        stored = normalise_barcode(text)
    except Refusal:
        return
    assert normalise_barcode(stored) == stored


@given(st.integers(min_value=0, max_value=10**13 - 1), st.integers(min_value=0, max_value=9))
def test_of_ten_check_digits_one_is_right(payload: int, digit: int) -> None:
    code = f"{payload:013d}{digit}"
    right: str
    try:
        right = normalise_barcode(code).zfill(14)
    except WrongCheckDigit as refusal:
        right = refusal.facts["expected"]
        assert right != code
    assert right[:13] == code[:13]


@given(st.integers(min_value=0, max_value=10**13 - 1), st.sampled_from((8, 12, 13, 14)))
def test_padding_is_taken_off_as_biip_does(payload: int, length: int) -> None:
    digits = f"{payload:013d}"[-(length - 1) :]
    code = digits + str(gs1_standard_check_digit(digits))
    parsed = Gtin.parse(code)
    assert normalise_barcode(f"]I1{code}") == f"{parsed.payload}{parsed.check_digit}"
