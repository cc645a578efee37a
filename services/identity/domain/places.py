"""Countries, time zones and languages by their standards' codes. Each check raises ValueError saying what is right."""

from __future__ import annotations

from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import available_timezones

from babel import Locale
from babel.core import UnknownLocaleError

# In CLDR's list, but no country codes of ISO 3166-1: groupings, islands reserved exceptionally, pseudo-locales.
_NOT_COUNTRIES = frozenset({"AC", "CP", "CQ", "DG", "EA", "EU", "EZ", "IC", "QO", "TA", "UN", "XA", "XB", "ZZ"})


@lru_cache(maxsize=1)
def countries() -> frozenset[str]:
    """ISO 3166-1 alpha-2 codes, and XK, which shops in Kosovo have to use."""
    codes = (str(code) for code in Locale("en").territories)
    return frozenset(code for code in codes if len(code) == 2 and code.isalpha()) - _NOT_COUNTRIES


@lru_cache(maxsize=1)
def time_zones() -> frozenset[str]:
    """The IANA time zones that name a place, and UTC."""
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


def country(code: str) -> str:
    """`code` if it is a country."""
    if code not in countries():
        raise ValueError("not an ISO 3166 country code of two capital letters such as DE, PL or MN")
    return code


def time_zone(name: str) -> str:
    """`name` if it is a time zone."""
    if name not in time_zones():
        similar = get_close_matches(name, time_zones(), n=1, cutoff=0.7)
        hint = f"; did you mean {similar[0]}?" if similar else " such as Europe/Berlin or Asia/Ulaanbaatar"
        raise ValueError(f"not an IANA time zone{hint}")
    return name


def language(tag: str) -> str:
    """`tag` if it is a language that receipts and screens can be written in, e.g. de or pt-BR."""
    try:
        return str(Locale.parse(tag, sep="-")).replace("_", "-")
    except (ValueError, UnknownLocaleError) as error:
        raise ValueError("not a language tag such as de, pl or pt-BR") from error
