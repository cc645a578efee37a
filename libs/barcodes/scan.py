"""What a scan says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from libs.barcodes.refusals import UnreadableBarcode
from libs.money import Quantity, Unit
from libs.money import currency as currency_of


class ScanKind(StrEnum):
    """How the product was named."""

    GTIN = "gtin"
    GS1 = "gs1"
    IN_STORE_WEIGHT = "in_store_weight"
    IN_STORE_PRICE = "in_store_price"
    OWN_CODE = "own_code"


@dataclass(frozen=True, slots=True)
class Scan:
    """A barcode, read. Exactly one of `gtin`, `item_code` and `own_code` names the product.

    `gtin` is 8 to 14 digits with check digit and without padding: the form in which products keep their barcodes.
    `item_code` is the number inside an in-store weight or price code, without leading zeros. `own_code` is a code of
    the shop's own (a PLU, a Code 128 label), in capitals.

    `alternatives` are other stored forms that the same bars may mean, to be tried in order after the first: eight
    digits can be both an EAN-8 and a UPC-E, and an in-store code may also be stored whole.
    `quantity` is in `unit`, or in the product's own unit where the code does not say. `price` is of the
    whole piece, in units of money with decimals: ask `price_minor` for it.
    """

    text: str
    kind: ScanKind
    gtin: str | None = None
    item_code: str | None = None
    own_code: str | None = None
    alternatives: tuple[str, ...] = ()
    quantity: Quantity | None = None
    unit: Unit | None = None
    price: Decimal | None = None
    lot: str | None = None
    serial: str | None = None
    expires_on: date | None = None
    best_before: date | None = None

    @property
    def candidates(self) -> tuple[str, ...]:
        """Every form under which a product may have stored this barcode, the likeliest first."""
        first = self.gtin or self.own_code
        return (first, *self.alternatives) if first else self.alternatives

    def price_minor(self, currency: str) -> int | None:
        """The price inside the code, of the whole piece, in minor units of `currency` (ISO 4217); None without one.

        Raises UnreadableBarcode when the price is finer than the currency's minor unit.
        """
        if self.price is None:
            return None
        scaled = self.price.scaleb(currency_of(currency).digits)
        if scaled != scaled.to_integral_value():
            raise UnreadableBarcode(
                f"The price {self.price} inside this code is finer than {currency} can be paid. "
                "Correct the decimals in the chain's barcode layouts.",
                field="barcode",
            )
        return int(scaled)
