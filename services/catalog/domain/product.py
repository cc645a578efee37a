"""A product as people describe it, checked and brought into one form."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from libs.barcodes import normalise_barcode, normalise_item_code
from libs.contracts.refusal import Invalid
from libs.money import Unit
from services.catalog.domain.folding import fold

LONGEST_CODE = 64
LONGEST_NAME = 200
LONGEST_IMAGE_URL = 2_000
LARGEST_BARCODES = 50
LARGEST_CATEGORIES = 20
LARGEST_NAMES = 40
LARGEST_OPTIONS = 20
LARGEST_AGE_YEARS = 99
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class ProductKind(StrEnum):
    """What is sold: goods, a gift card (a liability, retail rule 11), or a service."""

    GOODS = "goods"
    GIFT_CARD = "gift_card"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class ProductDetails:
    """What a person says of a product or variant. `checked` brings it into the form that is stored.

    `barcodes` are in any form a scanner gives; `item_code` is the number inside in-store weight and price codes;
    `category_ids` are the categories it was put into, without those above them. A gift card needs no tax category.
    """

    code: str
    name: str
    kind: ProductKind = ProductKind.GOODS
    unit: Unit = Unit.PIECE
    tax_category: str | None = None
    names: Mapping[str, str] | None = None
    category_ids: tuple[UUID, ...] = ()
    barcodes: tuple[str, ...] = ()
    item_code: str | None = None
    minimum_age_years: int | None = None
    discountable: bool = True
    image_url: str | None = None
    variant_of: UUID | None = None
    options: Mapping[str, str] | None = None
    tracks_stock: bool = True
    active: bool = True

    def checked(self) -> ProductDetails:
        """The same in the form that is stored. Raises Invalid, UnreadableBarcode or WrongCheckDigit with the field."""
        options = dict(self.options or {})
        if self.tax_category is None and self.kind is not ProductKind.GIFT_CARD:
            raise Invalid("Only a gift card has no tax category: name one.", field="tax_category")
        if options and self.variant_of is None:
            raise Invalid("Options tell variants apart: name the parent in variant_of.", field="options")
        if self.minimum_age_years is not None and not 1 <= self.minimum_age_years <= LARGEST_AGE_YEARS:
            raise Invalid(f"An age restriction is 1 to {LARGEST_AGE_YEARS} years.", field="minimum_age_years")
        return replace(
            self,
            code=checked_code(self.code),
            name=checked_name(self.name),
            names=_checked_texts(self.names or {}, "names", LARGEST_NAMES, _LANGUAGE),
            options=_checked_texts(options, "options", LARGEST_OPTIONS, None),
            category_ids=tuple(sorted(_without_repeats(self.category_ids, "category_ids", LARGEST_CATEGORIES))),
            barcodes=_checked_barcodes(self.barcodes),
            item_code=None if self.item_code is None else normalise_item_code(self.item_code),
            image_url=None if self.image_url is None else checked_image_url(self.image_url),
        )

    @property
    def search_name(self) -> str:
        """Names and code, folded for search."""
        return search_name(self.name, self.code, self.names or {})

    @property
    def search_codes(self) -> str:
        """Barcodes and item code, folded for search."""
        return search_codes(self.barcodes, self.item_code)


def search_name(name: str, code: str, names: Mapping[str, str]) -> str:
    """Names and code, folded for search; the name first, because people begin with it."""
    return fold(" ".join([name, code, *(names[language] for language in sorted(names))]))


def search_codes(barcodes: Iterable[str], item_code: str | None) -> str:
    """Barcodes and item code, folded for search."""
    return fold(" ".join([*barcodes, item_code or ""]))


def checked_code(text: str, *, field: str = "code") -> str:
    """A code as people type it: 1 to 64 characters on one line, no `|`. Raises Invalid naming `field`."""
    code = text.strip()
    # `|` stands between codes in the chain's CSV files.
    if not 1 <= len(code) <= LONGEST_CODE or "|" in code or _CONTROL.search(code):
        raise Invalid(f"A code has 1 to {LONGEST_CODE} printable characters and no '|'.", field=field)
    return code


def checked_name(text: str, *, field: str = "name") -> str:
    """A name: 1 to 200 characters on one line. Raises Invalid naming `field`."""
    name = text.strip()
    if not 1 <= len(name) <= LONGEST_NAME or _CONTROL.search(name):
        raise Invalid(f"A name has 1 to {LONGEST_NAME} characters on one line.", field=field)
    return name


def checked_image_url(text: str, *, field: str = "image_url") -> str:
    """An absolute http or https URL. Raises Invalid naming `field`."""
    wrong = Invalid("An image is an absolute URL such as https://images.example/42.jpg.", field=field)
    if len(text) > LONGEST_IMAGE_URL or _CONTROL.search(text) or " " in text:
        raise wrong
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise wrong from error
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise wrong
    return text


def _checked_barcodes(barcodes: tuple[str, ...]) -> tuple[str, ...]:
    if len(barcodes) > LARGEST_BARCODES:
        raise Invalid(f"A product has at most {LARGEST_BARCODES} barcodes.", field="barcodes")
    normalised = [normalise_barcode(text, field=f"barcodes.{index}") for index, text in enumerate(barcodes)]
    for index, barcode in enumerate(normalised):
        if barcode in normalised[:index]:
            raise Invalid(f"The barcode {barcode} is given twice.", field=f"barcodes.{index}")
    return tuple(normalised)


def _checked_texts(
    texts: Mapping[str, str], field: str, largest: int, key_form: re.Pattern[str] | None
) -> dict[str, str]:
    if len(texts) > largest:
        raise Invalid(f"At most {largest} {field}.", field=field)
    for key in texts:
        if key_form is not None and not key_form.fullmatch(key):
            raise Invalid(f"{key!r} is not a language code such as en, pl or pt-BR.", field=field)
    return {checked_code(key, field=field): checked_name(value, field=f"{field}.{key}") for key, value in texts.items()}


def _without_repeats(ids: tuple[UUID, ...], field: str, largest: int) -> set[UUID]:
    distinct = set(ids)
    if len(distinct) > largest:
        raise Invalid(f"At most {largest} categories for a product.", field=field)
    return distinct
