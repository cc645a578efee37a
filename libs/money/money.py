"""Money: an integer number of minor units in one currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from decimal import Decimal

from babel import Locale

from libs.money.allocation import allocate
from libs.money.currency import currency
from libs.money.rounding import divide_rounded


class CurrencyMismatch(ValueError):
    """Two amounts in different currencies were added or compared."""


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """An amount in minor units (cents, grosze, kopeks) of an ISO 4217 currency. Never a float."""

    amount_minor: int
    currency: str

    def __post_init__(self) -> None:
        if type(self.amount_minor) is not int:
            raise TypeError(f"amount_minor is a whole number of minor units, not {self.amount_minor!r}")
        currency(self.currency)

    @classmethod
    def zero(cls, code: str) -> Money:
        """No money, in the currency `code`."""
        return cls(0, code)

    @classmethod
    def total(cls, amounts: Iterable[Money], code: str) -> Money:
        """The sum of `amounts`; zero in `code` when there are none. Raises CurrencyMismatch."""
        result = cls(0, code)
        for amount in amounts:
            result += amount
        return result

    def _minor_of(self, other: Money) -> int:
        if other.currency != self.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency} cannot be combined without an exchange rate")
        return other.amount_minor

    def __add__(self, other: Money) -> Money:
        return Money(self.amount_minor + self._minor_of(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount_minor - self._minor_of(other), self.currency)

    def __neg__(self) -> Money:
        return Money(-self.amount_minor, self.currency)

    def __abs__(self) -> Money:
        return Money(abs(self.amount_minor), self.currency)

    def __bool__(self) -> bool:
        return self.amount_minor != 0

    def __lt__(self, other: Money) -> bool:
        return self.amount_minor < self._minor_of(other)

    def __le__(self, other: Money) -> bool:
        return self.amount_minor <= self._minor_of(other)

    def __gt__(self, other: Money) -> bool:
        return self.amount_minor > self._minor_of(other)

    def __ge__(self, other: Money) -> bool:
        return self.amount_minor >= self._minor_of(other)

    def share(self, numerator: int, denominator: int) -> Money:
        """This amount times numerator/denominator, rounded half away from zero."""
        return Money(divide_rounded(self.amount_minor * numerator, denominator), self.currency)

    def split(self, weights: Sequence[int]) -> list[Money]:
        """Parts in proportion to `weights` that sum to the whole; see `allocate`."""
        return [Money(part, self.currency) for part in allocate(self.amount_minor, weights)]

    def decimal(self) -> Decimal:
        """The amount in major units, exactly: 1234 EUR minor is Decimal('12.34')."""
        return Decimal(self.amount_minor).scaleb(-currency(self.currency).digits)

    def format(self, language: str = "en") -> str:
        """The amount as a person of that language writes it, e.g. 'PLN 12.34' or '12,34 zł'.

        `language` is a BCP 47 tag such as 'en', 'pl' or 'de-AT'.
        """
        locale = Locale.parse(language, sep="-")
        pattern = copy(locale.currency_formats["standard"])
        digits = currency(self.currency).digits
        pattern.frac_prec = (digits, digits)
        return str(pattern.apply(self.decimal(), locale, currency=self.currency, currency_digits=False))
