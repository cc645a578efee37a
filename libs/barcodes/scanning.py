"""From a scanner's text to what it means, over biip.

Sources: GS1 General Specifications (GTIN, application identifiers, check digits), GS1 Digital Link URI syntax,
ISO/IEC 15424 (the AIM symbology identifier, `]` and two characters, that a scanner may put in front).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from biip import BiipException
from biip.checksums import gs1_standard_check_digit
from biip.gs1_digital_link_uris import GS1DigitalLinkURI
from biip.gs1_element_strings import GS1ElementStrings
from biip.gs1_messages import GS1Message
from biip.upc import Upc

from libs.barcodes.layouts import read_in_store
from libs.barcodes.refusals import UnreadableBarcode, WrongCheckDigit
from libs.barcodes.scan import Scan, ScanKind
from libs.contracts.catalog import BarcodeLayout
from libs.money import Quantity, Unit

LARGEST_SCAN_CHARACTERS = 400
LARGEST_OWN_CODE_CHARACTERS = 48
GROUP_SEPARATOR = "\x1d"

_GTIN_LENGTHS = (8, 12, 13, 14)
_PRINTABLE = re.compile(r"[ -~\x1d]+", re.ASCII)
_AIM = re.compile(r"\][A-Za-z][0-9A-Za-z]")
_GS1_AIM = frozenset({"]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1"})
_EAN_AIM = frozenset({"]E0", "]E3", "]E4", "]I1"})
_ADD_ON_AIM = frozenset({"]E1", "]E2"})
_GTIN_ELEMENT = re.compile(r"01[0-9]{14}", re.ASCII)
# Not `|`, which stands between the barcodes of one product in the chain's CSV files.
_OWN_CODE = re.compile(r"[!-{}~]+(?: [!-{}~]+)*", re.ASCII)
_EAN_13_WITH_ADD_ON = re.compile(r"([0-9]{13})(?:[0-9]{2}|[0-9]{5})", re.ASCII)
# Application identifiers that say how much: net kilograms, metres, litres, and the count of a variable item.
_MEASURES = (("310", Unit.KILOGRAM), ("311", Unit.METRE), ("315", Unit.LITRE))
_COUNT = "30"


def parse_scan(text: str, layouts: Iterable[BarcodeLayout] = (), *, field: str = "barcode") -> Scan:
    """Read what a scanner sent or a person typed.

    `layouts` are the chain's in-store codes. Understood are EAN-8, EAN-13, UPC-A, UPC-E, ITF-14, GS1-128, GS1 DataBar,
    GS1 DataMatrix and QR, GS1 Digital Link, element strings with brackets as printed, and codes of the shop's own.
    Raises UnreadableBarcode or WrongCheckDigit, naming `field`, and never anything else.
    """
    stripped = text.strip(" \t\r\n")
    if not stripped.strip(GROUP_SEPARATOR):
        raise UnreadableBarcode("The barcode is empty: scan it again or type its digits.", field=field)
    if len(stripped) > LARGEST_SCAN_CHARACTERS:
        raise UnreadableBarcode(
            f"A barcode has at most {LARGEST_SCAN_CHARACTERS} characters, this text has {len(stripped)}.", field=field
        )
    if not _PRINTABLE.fullmatch(stripped):
        raise UnreadableBarcode(
            "A barcode holds plain letters, digits and signs (ASCII) only: set the scanner to the keyboard's language.",
            field=field,
        )
    aim = _AIM.match(stripped)
    prefix, data = (aim.group(), stripped[3:]) if aim else ("", stripped)
    if prefix in _ADD_ON_AIM:
        raise UnreadableBarcode("This is only the add-on beside a barcode: scan the barcode itself.", field=field)
    if prefix in _EAN_AIM:
        return _read_gtin(text, _without_add_on(prefix, data), layouts, field, prefix)
    if data.lower().startswith(("http://", "https://")):
        return _read_digital_link(text, data, field)
    if prefix in _GS1_AIM or _looks_like_gs1(data):
        return _read_gs1(text, data, field)
    if _is_digits(data) and len(data) in _GTIN_LENGTHS:
        return _read_gtin(text, data, layouts, field, prefix)
    return _read_own_code(text, data, field)


def normalise_barcode(text: str, *, field: str = "barcode") -> str:
    """The form in which a product stores a barcode: GTINs without padding, codes of the shop's own in capitals.

    Raises UnreadableBarcode or WrongCheckDigit, naming `field`.
    """
    return parse_scan(text, field=field).candidates[0]


def _is_digits(data: str) -> bool:
    return data.isascii() and data.isdecimal()


def _without_add_on(prefix: str, data: str) -> str:
    with_add_on = _EAN_13_WITH_ADD_ON.fullmatch(data) if prefix == "]E3" else None
    return with_add_on.group(1) if with_add_on else data


def _looks_like_gs1(data: str) -> bool:
    if GROUP_SEPARATOR in data or data.startswith("(01)"):
        return True
    return bool(_GTIN_ELEMENT.match(data))


def _read_gtin(text: str, data: str, layouts: Iterable[BarcodeLayout], field: str, prefix: str) -> Scan:
    if not _is_digits(data):
        raise UnreadableBarcode(f"An EAN or UPC has digits only, not {data!r}.", field=field)
    if prefix == "]E0" and len(data) in (6, 7, 8):
        # A scanner that says EAN/UPC (not EAN-8) and sends so few digits has read a UPC-E.
        return Scan(text, ScanKind.GTIN, gtin=_expanded_upc_e(data, field))
    if len(data) not in _GTIN_LENGTHS:
        raise UnreadableBarcode(f"An EAN or UPC has 8, 12, 13 or 14 digits, {data!r} has {len(data)}.", field=field)
    upc_e = None if prefix else _upc_e_or_none(data)
    try:
        gtin = _canonical_gtin(data, field)
    except WrongCheckDigit:
        if upc_e is None:
            raise
        return Scan(text, ScanKind.GTIN, gtin=upc_e)
    in_store = read_in_store(text, gtin, layouts, field=field) if gtin.startswith("2") else None
    return in_store or Scan(text, ScanKind.GTIN, gtin=gtin, alternatives=(upc_e,) if upc_e else ())


def _canonical_gtin(data: str, field: str) -> str:
    expected = gs1_standard_check_digit(data[:-1])
    if int(data[-1]) != expected:
        right = f"{data[:-1]}{expected}"
        raise WrongCheckDigit(
            f"The check digit of {data} is wrong: if the other digits are right, the code is {right}. "
            "Scan again or compare the digits.",
            field=field,
            expected=right,
        )
    significant = data.lstrip("0")
    shortest = next(length for length in _GTIN_LENGTHS if len(significant) <= length)
    return significant.zfill(shortest)


def _expanded_upc_e(data: str, field: str) -> str:
    try:
        return Upc.parse(data).as_gtin_12()
    except BiipException as error:
        raise WrongCheckDigit(
            f"{data} is not a UPC-E: it begins with 0 or 1 and its last digit checks the others. Scan again.",
            field=field,
        ) from error


def _upc_e_or_none(data: str) -> str | None:
    if len(data) != 8 or data[0] not in "01":
        return None
    try:
        return Upc.parse(data).as_gtin_12()
    except BiipException:
        return None


def _read_digital_link(text: str, data: str, field: str) -> Scan:
    try:
        elements = GS1DigitalLinkURI.parse(data).element_strings
    except (BiipException, ValueError) as error:
        raise UnreadableBarcode(
            "This link is not a GS1 Digital Link of a product, such as https://id.gs1.org/01/09506000134352.",
            field=field,
        ) from error
    return _from_elements(text, elements, field)


def _read_gs1(text: str, data: str, field: str) -> Scan:
    data = data.lstrip(GROUP_SEPARATOR)
    gtin = _GTIN_ELEMENT.match(data.replace("(01)", "01", 1))
    if gtin:
        # Said here in the words of a check digit, before biip refuses the whole message for it.
        _canonical_gtin(gtin.group()[2:], field)
    try:
        message = GS1Message.parse_hri(data) if data.startswith("(") else GS1Message.parse(data)
    except (BiipException, ValueError) as error:
        raise UnreadableBarcode(
            f"The GS1 code {_shown(data)} cannot be read: {_reason(error)}. "
            "Scan again; the scanner must send the separator FNC1 as character 29 (GS).",
            field=field,
        ) from error
    return _from_elements(text, message.element_strings, field)


def _reason(error: Exception) -> str:
    return str(error).replace(GROUP_SEPARATOR, "<GS>").rstrip(".")


def _shown(data: str) -> str:
    return data.replace(GROUP_SEPARATOR, "<GS>")


def _from_elements(text: str, elements: GS1ElementStrings, field: str) -> Scan:
    gtin = elements.get(ai="01")
    if gtin is None:
        what = "a logistic unit" if elements.get(ai="00") else "no product"
        raise UnreadableBarcode(
            f"This code names {what}: it holds no GTIN (application identifier 01). Scan the product's own code.",
            field=field,
        )
    expires = elements.get(ai="17") or elements.get(ai="7003")
    best_before, lot, serial = elements.get(ai="15"), elements.get(ai="10"), elements.get(ai="21")
    scan = Scan(
        text,
        ScanKind.GS1,
        gtin=_canonical_gtin(gtin.value.zfill(14), field),
        lot=lot.value if lot else None,
        serial=serial.value if serial else None,
        expires_on=expires.date if expires else None,
        best_before=best_before.date if best_before else None,
    )
    return _with_amount(_with_measure(scan, elements, field), elements)


def _with_measure(scan: Scan, elements: GS1ElementStrings, field: str) -> Scan:
    count = next((element for element in elements if element.ai.ai == _COUNT), None)
    if count is not None and int(count.value):
        return replace(scan, quantity=Quantity(int(count.value) * 1000), unit=Unit.PIECE)
    for identifier, unit in _MEASURES:
        measure = elements.get(ai=identifier)
        if measure is None or not int(measure.value):
            continue
        # The last digit of the identifier says how many decimals the six digits have.
        milli = Decimal(measure.value).scaleb(3 - int(measure.ai.ai[3]))
        if milli != milli.to_integral_value():
            raise UnreadableBarcode(
                f"The measure ({measure.ai.ai}){measure.value} is finer than a thousandth of a {unit}; key it in.",
                field=field,
            )
        return replace(scan, quantity=Quantity(int(milli)), unit=unit)
    return scan


def _with_amount(scan: Scan, elements: GS1ElementStrings) -> Scan:
    payable = elements.get(ai="392")
    if payable is not None:
        return replace(scan, price=Decimal(payable.value).scaleb(-int(payable.ai.ai[3])))
    return scan


def _read_own_code(text: str, data: str, field: str) -> Scan:
    code = data.upper()
    if len(code) > LARGEST_OWN_CODE_CHARACTERS or not _OWN_CODE.fullmatch(code):
        raise UnreadableBarcode(
            f"{_shown(data)!r} is no barcode: it is 8, 12, 13 or 14 digits with a check digit, a GS1 code, or up to "
            f"{LARGEST_OWN_CODE_CHARACTERS} plain letters, digits and signs of the shop's own.",
            field=field,
        )
    return Scan(text, ScanKind.OWN_CODE, own_code=code)
