from __future__ import annotations

import pytest

from services.identity.domain import places


@pytest.mark.parametrize("code", ["DE", "PL", "MN", "US", "XK"])
def test_countries(code: str) -> None:
    assert places.country(code) == code


@pytest.mark.parametrize("code", ["", "de", "EU", "XX", "ZZ", "DEU", "001"])
def test_no_countries(code: str) -> None:
    with pytest.raises(ValueError, match="not an ISO 3166 country code"):
        places.country(code)


@pytest.mark.parametrize("name", ["Europe/Berlin", "Asia/Ulaanbaatar", "America/Argentina/Buenos_Aires", "UTC"])
def test_time_zones(name: str) -> None:
    assert places.time_zone(name) == name


def test_a_misspelt_time_zone_is_guessed() -> None:
    with pytest.raises(ValueError, match=r"did you mean Europe/Berlin\?"):
        places.time_zone("Europe/Berln")


@pytest.mark.parametrize("name", ["", "CET", "+01:00", "localtime", "../../etc/passwd"])
def test_no_time_zones(name: str) -> None:
    with pytest.raises(ValueError, match="not an IANA time zone"):
        places.time_zone(name)


@pytest.mark.parametrize(("given", "kept"), [("de", "de"), ("pt-BR", "pt-BR"), ("en-us", "en-US"), ("mn", "mn")])
def test_languages(given: str, kept: str) -> None:
    assert places.language(given) == kept


@pytest.mark.parametrize("tag", ["", "xx", "german", "de_DE", "12"])
def test_no_languages(tag: str) -> None:
    with pytest.raises(ValueError, match="not a language tag"):
        places.language(tag)
