"""Column types that every service's tables share, so that money and time look the same everywhere."""

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Uuid

Timestamp = DateTime(timezone=True)
MinorUnits = BigInteger()


def identifier(name: str = "id", *arguments: Any, **options: Any) -> Column[Any]:
    """A UUID column."""
    return Column(name, Uuid(), *arguments, **options)


def timestamp(name: str, **options: Any) -> Column[Any]:
    """A point in time with time zone, stored and returned as UTC. Not null unless told otherwise."""
    options.setdefault("nullable", False)
    return Column(name, Timestamp, **options)
