"""Strict reading of JSON facts: each value has its type, and whatever is wrong is named by its path."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, time
from enum import StrEnum
from typing import Any, TypeVar

Choice = TypeVar("Choice", bound=StrEnum)


class InvalidPromotion(ValueError):
    """A promotion that cannot work; `field` is the path of what is wrong, such as 'groups[0].quantity_milli'."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class FactsReader:
    """Reads one JSON object field by field. Every method raises InvalidPromotion with the path of a wrong value."""

    def __init__(self, facts: Mapping[str, Any], path: str = "") -> None:
        self._facts = facts
        self._path = path
        self._read: set[str] = set()

    def _get(self, field: str) -> Any:
        self._read.add(field)
        return self._facts.get(field)

    def _wrong(self, field: str, message: str) -> InvalidPromotion:
        return InvalidPromotion(self._path + field, message)

    def text(self, field: str) -> str:
        """A text that must be there."""
        value = self.optional_text(field)
        if value is None:
            raise self._wrong(field, "is missing")
        return value

    def optional_text(self, field: str) -> str | None:
        """A text, or None."""
        value = self._get(field)
        if value is not None and not isinstance(value, str):
            raise self._wrong(field, f"is a text, not {value!r}")
        return value

    def integer(self, field: str) -> int | None:
        """A whole number, or None; never a float or a boolean."""
        value = self._get(field)
        if value is not None and type(value) is not int:
            raise self._wrong(field, f"is a whole number, not {value!r}")
        return value

    def flag(self, field: str) -> bool:
        """True or false; false when left out."""
        value = self._get(field)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise self._wrong(field, f"is true or false, not {value!r}")
        return value

    def choice(self, field: str, choices: type[Choice], default: Choice | None = None) -> Choice:
        """One of the values of an enumeration."""
        value = self._get(field)
        if value is None and default is not None:
            return default
        if isinstance(value, str) and value in {each.value for each in choices}:
            return choices(value)
        raise self._wrong(field, f"is one of {', '.join(each.value for each in choices)}, not {value!r}")

    def texts(self, field: str) -> frozenset[str]:
        """A list of texts; none when left out."""
        values = self._list(field)
        for value in values:
            if not isinstance(value, str) or not value:
                raise self._wrong(field, f"lists texts, not {value!r}")
        return frozenset(values)

    def integers(self, field: str) -> frozenset[int]:
        """A list of whole numbers; none when left out."""
        values = self._list(field)
        for value in values:
            if type(value) is not int:
                raise self._wrong(field, f"lists whole numbers, not {value!r}")
        return frozenset(values)

    def day(self, field: str) -> date | None:
        """An ISO date, or None."""
        value = self.optional_text(field)
        try:
            return None if value is None else date.fromisoformat(value)
        except ValueError as error:
            raise self._wrong(field, f"is a date such as 2026-05-31, not {value!r}") from error

    def hour(self, field: str) -> time | None:
        """A time of day such as 22:00, or None."""
        value = self.optional_text(field)
        try:
            return None if value is None else time.fromisoformat(value)
        except ValueError as error:
            raise self._wrong(field, f"is a time of day such as 22:00, not {value!r}") from error

    def child(self, field: str) -> FactsReader | None:
        """A nested object, or None."""
        value = self._get(field)
        return None if value is None else self._nested(field, value)

    def children(self, field: str) -> list[FactsReader]:
        """A list of nested objects; none when left out."""
        return [self._nested(f"{field}[{index}]", value) for index, value in enumerate(self._list(field))]

    def refuse_unknown(self) -> None:
        """Raise InvalidPromotion for a field nobody read: a misspelt condition must not be silently dropped."""
        unknown = sorted(set(self._facts) - self._read)
        if unknown:
            raise self._wrong(unknown[0], "is not a field of a promotion")

    def _list(self, field: str) -> list[Any]:
        value = self._get(field)
        if value is None:
            return []
        if not isinstance(value, list):
            raise self._wrong(field, f"is a list, not {value!r}")
        return value

    def _nested(self, field: str, value: Any) -> FactsReader:
        if not isinstance(value, Mapping):
            raise self._wrong(field, f"is an object, not {value!r}")
        return FactsReader(value, f"{self._path}{field}.")
