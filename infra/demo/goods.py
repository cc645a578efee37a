"""The demo's goods and baskets: what is sold, and who comes to the till with what."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

_FOLDER = Path(__file__).parent
WEIGHT_PREFIX = "28"
LIGHTEST_GRAMS = 150
HEAVIEST_GRAMS = 1800


@dataclass(frozen=True, slots=True)
class Goods:
    """One line of assortment.csv; the price is per unit, VAT included."""

    code: str
    name: str
    category: str
    unit: str
    tax_category: str
    price_minor: int
    minimum_age_years: int | None
    barcode: str | None
    item_code: str | None

    @property
    def weighed(self) -> bool:
        """Whether it is sold by weight, with a label from the scale."""
        return self.item_code is not None

    @property
    def highest_price_minor(self) -> int:
        """What a piece, or the heaviest label, costs at most."""
        return self.price_minor * HEAVIEST_GRAMS // 1000 if self.weighed else self.price_minor

    def scan(self, chance: Random) -> str:
        """What the scanner reads: the barcode, or a scale label with a weight between 150 g and 1.8 kg."""
        if self.barcode is not None:
            return self.barcode
        grams = chance.randrange(LIGHTEST_GRAMS, HEAVIEST_GRAMS)
        digits = f"{WEIGHT_PREFIX}{self.item_code}{grams:05d}"
        return digits + ean_check_digit(digits)


def ean_check_digit(digits: str) -> str:
    """The last digit of an EAN-13: weights 3 and 1 from the right (GS1 General Specifications, 7.9)."""
    weighted = sum(int(digit) * (3 if place % 2 == 0 else 1) for place, digit in enumerate(reversed(digits)))
    return str(-weighted % 10)


def assortment() -> dict[str, Goods]:
    """All goods by name."""
    with (_FOLDER / "assortment.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["name"]: Goods(
                code=row["code"],
                name=row["name"],
                category=row["category"],
                unit=row["unit"],
                tax_category=row["tax_category"],
                price_minor=int(row["price_minor"]),
                minimum_age_years=int(row["minimum_age_years"]) if row["minimum_age_years"] else None,
                barcode=row["barcode"] or None,
                item_code=row["item_code"] or None,
            )
            for row in csv.DictReader(file)
        }


def baskets(count: int) -> Iterator[list[str]]:
    """The first `count` baskets, from the beginning again after the last: names of goods."""
    with (_FOLDER / "baskets.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.reader(file) if row]
    for index in range(count):
        yield rows[index % len(rows)]
