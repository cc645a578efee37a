"""What a scan means for the till."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.domain.observations import Scan
from device_gateway.domain.scanned import NothingScanned, ProductScanned, ReceiptScanned, meaning_message, meaning_of
from libs.barcodes import Scan as Barcode
from libs.barcodes import ScanKind
from libs.contracts.catalog import BarcodeLayout
from libs.money import Quantity, Unit
from services.sales.domain.numbering import receipt_code

PRICE_LABEL = BarcodeLayout(
    prefix="22", value_kind="price", item_digits=5, value_digits=5, value_decimals=2, price_check_digit=False
)


def product(text: str, aim: str | None = None, *layouts: BarcodeLayout) -> Barcode:
    meaning = meaning_of(Scan(text, aim), layouts)
    assert isinstance(meaning, ProductScanned)
    return meaning.barcode


def test_an_ean_means_a_product() -> None:
    assert product("5901234123457", "]E0").gtin == "5901234123457"
    assert product("5901234123457").gtin == "5901234123457"


def test_six_digits_from_an_ean_scanner_are_a_upc_e() -> None:
    # The AIM identifier is part of the meaning: it must reach the reader of codes.
    assert product("04252614", "]E0").gtin == "042100005264"


def test_gs1_elements_say_product_weight_lot_and_date() -> None:
    code = product("0105901234123457310300125010AB\x1d17261231", "]C1")
    assert (code.gtin, code.quantity, code.unit) == ("5901234123457", Quantity(1250), Unit.KILOGRAM)
    assert (code.lot, code.expires_on) == ("AB", date(2026, 12, 31))


def test_a_digital_link_means_its_product() -> None:
    assert product("https://id.gs1.org/01/09506000134352/10/ABC", "]Q1").gtin == "9506000134352"


def test_an_in_store_price_label_is_read_by_the_chains_layout() -> None:
    code = product("2212345012992", None, PRICE_LABEL)
    assert (code.kind, code.item_code, code.price) == (ScanKind.IN_STORE_PRICE, "12345", Decimal("12.99"))


def test_a_card_with_a_plain_code_means_that_code() -> None:
    assert product("CARD-0001").own_code == "CARD-0001"


@settings(deadline=None)
@given(st.uuids(version=4))
def test_the_code_that_sales_prints_on_a_receipt_means_that_sale(sale_id: UUID) -> None:
    code = receipt_code(sale_id)
    spaced = " ".join(code[start : start + 4] for start in range(0, 26, 4))
    assert meaning_of(Scan(code, "]Q1")) == ReceiptScanned(sale_id)
    assert meaning_of(Scan(code.lower())) == ReceiptScanned(sale_id)
    assert meaning_of(Scan(spaced)) == ReceiptScanned(sale_id)


def test_a_weight_label_of_26_digits_is_no_receipt() -> None:
    assert product("01059012341234573103001250").quantity == Quantity(1250)


def test_a_code_as_long_as_a_receipt_code_that_is_no_sale_means_itself() -> None:
    assert product("9" * 26).own_code == "9" * 26
    assert product("0" * 26).own_code == "0" * 26


@pytest.mark.parametrize(
    ("scan", "begin"),
    [
        (Scan("5901234123458"), "The check digit of 5901234123458 is wrong"),
        (Scan("Ж"), "A barcode holds plain letters, digits and signs (ASCII) only"),
        (Scan(" "), "The barcode is empty"),
        (Scan("12", "]E1"), "This is only the add-on beside a barcode"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(scan: Scan, begin: str) -> None:
    meaning = meaning_of(scan)
    assert isinstance(meaning, NothingScanned)
    assert meaning.sentence.startswith(begin)


@settings(deadline=None)
@given(st.text(max_size=420), st.sampled_from([None, "]E0", "]C1", "]d2", "]Q3", "]e0", "]X9"]))
def test_any_text_has_a_meaning(text: str, aim: str | None) -> None:
    assert isinstance(meaning_of(Scan(text, aim)), ProductScanned | ReceiptScanned | NothingScanned)


def test_a_product_is_told_with_everything_its_code_holds() -> None:
    scan = Scan("0105901234123457310300125010AB\x1d17261231", "]C1")
    assert meaning_message(meaning_of(scan)) == {
        "meaning": "product",
        "kind": "gs1",
        "candidates": ["5901234123457"],
        "item_code": None,
        "quantity_milli": 1250,
        "unit": "kg",
        "price": None,
        "lot": "AB",
        "serial": None,
        "expires_on": "2026-12-31",
        "best_before": None,
    }
    label = meaning_message(meaning_of(Scan("2212345012992"), [PRICE_LABEL]))
    assert (label["kind"], label["item_code"], label["price"]) == ("in_store_price", "12345", "12.99")


def test_a_receipt_and_a_failure_are_told_as_such() -> None:
    sale_id = UUID("0190f3a0-0000-7000-8000-000000000001")
    assert meaning_message(meaning_of(Scan(receipt_code(sale_id)))) == {"meaning": "receipt", "sale_id": str(sale_id)}
    told = meaning_message(meaning_of(Scan("5901234123458")))
    assert told["meaning"] == "nothing"
    assert str(told["sentence"]).startswith("The check digit of 5901234123458 is wrong")
