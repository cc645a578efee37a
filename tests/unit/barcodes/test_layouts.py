"""Layouts of in-store codes: what is accepted, and what is refused with the field that is wrong."""

from __future__ import annotations

import pytest

from libs.barcodes import UnreadableBarcode, check_layouts, normalise_item_code
from libs.contracts.catalog import BarcodeLayout
from libs.contracts.refusal import Invalid

GOOD = BarcodeLayout(prefix="27", item_digits=5, value_digits=5, value_kind="weight", value_decimals=3)


def test_a_layout_for_each_prefix_is_accepted() -> None:
    price = GOOD.model_copy(update={"prefix": "26", "value_kind": "price", "value_decimals": 2})
    check_layouts([GOOD, price])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"prefix": "59"}, "prefix"),
        ({"prefix": ""}, "prefix"),
        ({"value_kind": "length"}, "value_kind"),
        ({"item_digits": 0, "value_digits": 10}, "item_digits"),
        ({"item_digits": 6}, "value_digits"),
        ({"price_check_digit": True, "item_digits": 3, "value_digits": 6}, "price_check_digit"),
        ({"value_decimals": 4}, "value_decimals"),
    ],
)
def test_a_layout_that_cannot_be_read_names_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_layouts([GOOD.model_copy(update={"prefix": "20"}), GOOD.model_copy(update=change)])
    assert refused.value.field == f"layouts.1.{field}"


def test_two_layouts_with_one_prefix_are_refused() -> None:
    with pytest.raises(Invalid, match="its own prefix") as refused:
        check_layouts([GOOD, GOOD])
    assert refused.value.field == "layouts.1.prefix"


def test_item_codes_are_compared_without_leading_zeros() -> None:
    assert [normalise_item_code(text) for text in ("00123", "123", "000")] == ["123", "123", "0"]


@pytest.mark.parametrize("text", ["", "12a", "12345678901", "١٢"])
def test_an_item_code_is_digits(text: str) -> None:
    with pytest.raises(UnreadableBarcode) as refused:
        normalise_item_code(text, field="item_code")
    assert refused.value.field == "item_code"
