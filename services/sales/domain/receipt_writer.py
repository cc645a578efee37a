"""Amounts, quantities and times of a receipt, written as its language and country do."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import lru_cache

from babel import Locale, UnknownLocaleError
from babel.dates import format_datetime
from babel.numbers import format_decimal, get_decimal_symbol

from libs.money import Money, Quantity, currency
from services.sales.domain.receipt_labels import LABELS, Labels, Language


class ReceiptWriter:
    """Writes amounts, quantities and times as the language and country do."""

    def __init__(self, language: Language, country: str, currency_code: str) -> None:
        self.labels: Labels = LABELS[language]
        self.currency = currency_code
        self.locale = _locale(language, country)
        digits = currency(currency_code).digits
        self._pattern = "#,##0" + ("." + "0" * digits if digits else "")

    def amount(self, amount_minor: int) -> str:
        """Without the currency, as in a column of a receipt."""
        value = Money(amount_minor, self.currency).decimal()
        return format_decimal(value, format=self._pattern, locale=self.locale)

    def money(self, amount_minor: int, code: str | None = None) -> str:
        """With the currency."""
        return Money(amount_minor, code or self.currency).format(str(self.locale).replace("_", "-"))

    def number(self, value: Decimal) -> str:
        """A number with as many decimals as it has, three at most."""
        return format_decimal(value, format="#,##0.###", locale=self.locale)

    def quantity(self, quantity: Quantity) -> str:
        """How much, without its sign: three decimals unless it is whole."""
        if quantity.is_whole:
            return self.number(abs(quantity.decimal()))
        return format_decimal(abs(quantity.decimal()), format="#,##0.000", locale=self.locale)

    def rate(self, ppm: int) -> str:
        """A rate in parts per million as a percentage."""
        return f"{self.number(Decimal(ppm).scaleb(-4))}\N{NO-BREAK SPACE}%"

    def plain_decimal(self, text: str) -> str:
        """A text made elsewhere with decimal points, such as '7.5 %'."""
        return text.replace(".", get_decimal_symbol(self.locale))

    def time(self, moment: datetime) -> str:
        """A point in time by the clock of its own offset."""
        return format_datetime(moment, "medium", tzinfo=moment.tzinfo, locale=self.locale)


@lru_cache(maxsize=64)
def _locale(language: Language, country: str) -> Locale:
    try:
        return Locale.parse(f"{language}_{country.upper()}")
    except (UnknownLocaleError, ValueError):
        return Locale.parse(language)
