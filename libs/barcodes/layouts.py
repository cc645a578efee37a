"""In-store weight and price codes: GTIN-13 with prefix 20 to 29 (UPC-A with 2), laid out as each chain likes.

GS1 General Specifications, section 2.1.11, leaves variable-measure restricted circulation numbers to each country and
company; biip knows nine countries, so the chain's layouts are data.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal

from biip.checksums import gs1_price_weight_check_digit

from libs.barcodes.refusals import UnreadableBarcode, WrongCheckDigit
from libs.barcodes.scan import Scan, ScanKind
from libs.contracts.catalog import BarcodeLayout
from libs.contracts.refusal import Invalid
from libs.money import Quantity

WEIGHT = "weight"
PRICE = "price"
LARGEST_PRICE_DECIMALS = 4
_PREFIX = re.compile(r"2[0-9]{0,3}", re.ASCII)
_CODE_DIGITS = {"gtin-13": 13, "upc-a": 12}
# The check digit inside the code is defined for these lengths only (GS1 General Specifications, section 7.9).
_CHECKED_VALUE_DIGITS = (4, 5)


def normalise_item_code(text: str, *, field: str = "item_code") -> str:
    """The number inside in-store codes as it is stored and compared: digits without leading zeros.

    Raises UnreadableBarcode naming `field` unless it is 1 to 10 digits.
    """
    digits = text.strip()
    if not (digits.isascii() and digits.isdecimal() and len(digits) <= 10):
        raise UnreadableBarcode(
            f"An item code is 1 to 10 digits, as they stand in the shop's weight and price codes, not {text!r}.",
            field=field,
        )
    return digits.lstrip("0") or "0"


def check_layouts(layouts: Iterable[BarcodeLayout], *, field: str = "layouts") -> None:
    """Raise Invalid, naming the layout's field, for layouts that cannot be read or that contradict each other."""
    seen: set[tuple[str, int]] = set()
    for index, layout in enumerate(layouts):
        where = f"{field}.{index}"
        _check_layout(layout, where)
        key = (layout.prefix, _length(layout))
        if key in seen:
            raise Invalid(f"Two layouts begin with {layout.prefix}; give each its own prefix.", field=f"{where}.prefix")
        seen.add(key)


def _check_layout(layout: BarcodeLayout, where: str) -> None:
    if not _PREFIX.fullmatch(layout.prefix):
        raise Invalid(
            f"In-store codes begin with 20 to 29 (or 2 on a UPC-A), not with {layout.prefix!r}.",
            field=f"{where}.prefix",
        )
    if layout.value_kind not in (WEIGHT, PRICE):
        raise Invalid(f"A layout holds a weight or a price, not {layout.value_kind!r}.", field=f"{where}.value_kind")
    if layout.item_digits < 1 or layout.value_digits < 1:
        raise Invalid("A layout has at least one digit of item code and one of value.", field=f"{where}.item_digits")
    if _length(layout) not in _CODE_DIGITS.values():
        raise Invalid(
            f"Prefix, item code, value and check digits add up to {_length(layout)} digits; an EAN-13 has 13 and a "
            "UPC-A 12.",
            field=f"{where}.value_digits",
        )
    if layout.price_check_digit and layout.value_digits not in _CHECKED_VALUE_DIGITS:
        raise Invalid(
            f"A check digit for the value exists for 4 and 5 digits, not for {layout.value_digits}.",
            field=f"{where}.price_check_digit",
        )
    largest = 3 if layout.value_kind == WEIGHT else LARGEST_PRICE_DECIMALS
    if not 0 <= layout.value_decimals <= largest:
        raise Invalid(
            f"A {layout.value_kind} has 0 to {largest} decimals, not {layout.value_decimals}.",
            field=f"{where}.value_decimals",
        )


def read_in_store(text: str, gtin: str, layouts: Iterable[BarcodeLayout], *, field: str) -> Scan | None:
    """Read `gtin` (check digit already proved) by the layout with the longest fitting prefix; None if none fits.

    A value of zero means that the label carries none. Raises WrongCheckDigit for a wrong inner check digit.
    """
    fitting = [layout for layout in layouts if gtin.startswith(layout.prefix) and _length(layout) == len(gtin)]
    if not fitting:
        return None
    layout = max(fitting, key=lambda candidate: len(candidate.prefix))
    item_starts = len(layout.prefix)
    value_starts = item_starts + layout.item_digits + layout.price_check_digit
    value_digits = gtin[value_starts : value_starts + layout.value_digits]
    if layout.price_check_digit:
        given, expected = int(gtin[value_starts - 1]), gs1_price_weight_check_digit(value_digits)
        if given != expected:
            raise WrongCheckDigit(
                f"The check digit of the {layout.value_kind} {value_digits} in {gtin} is {given} and would be right "
                f"as {expected}. Scan the label again, or weigh and label the goods anew.",
                field=field,
            )
    item_code = normalise_item_code(gtin[item_starts : item_starts + layout.item_digits])
    value = int(value_digits)
    if layout.value_kind == WEIGHT:
        return Scan(
            text,
            ScanKind.IN_STORE_WEIGHT,
            item_code=item_code,
            alternatives=(gtin,),
            quantity=Quantity(value * 10 ** (3 - layout.value_decimals)) if value else None,
        )
    return Scan(
        text,
        ScanKind.IN_STORE_PRICE,
        item_code=item_code,
        alternatives=(gtin,),
        price=Decimal(value).scaleb(-layout.value_decimals) if value else None,
    )


def _length(layout: BarcodeLayout) -> int:
    return len(layout.prefix) + layout.item_digits + layout.price_check_digit + layout.value_digits + 1
