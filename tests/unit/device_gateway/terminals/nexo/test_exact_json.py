"""Amounts keep every digit, from the minor unit to the wire and back."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_gateway.drivers.terminal.nexo.exact_json import (
    NotJson,
    WrongAmount,
    amount,
    minor_units,
    read_json,
    whole_number,
    write_json,
)

values = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.integers() | st.decimals(-(10**9), 10**9, places=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(
    ("minor", "code", "written"),
    [(1099, "PLN", "10.99"), (1000, "EUR", "10.00"), (5, "EUR", "0.05"), (1234, "JPY", "1234"), (1234, "KWD", "1.234")],
)
def test_an_amount_has_the_digits_of_its_currency(minor: int, code: str, written: str) -> None:
    assert write_json(amount(minor, code)) == written
    assert minor_units(read_json(written), code) == minor


@given(st.integers(0, 2**53), st.sampled_from(["EUR", "JPY", "KWD", "MNT"]))
def test_no_amount_changes_on_the_way(minor: int, code: str) -> None:
    assert minor_units(read_json(write_json(amount(minor, code))), code) == minor


@pytest.mark.parametrize(
    ("written", "minor"),
    [("10.99", 1099), ("10.9", 1090), ("10", 1000), ('"10.99"', 1099), ("1e1", 1000), ("0E+999999999", 0)],
)
def test_every_way_of_writing_an_amount_is_read(written: str, minor: int) -> None:
    assert minor_units(read_json(written), "EUR") == minor


@pytest.mark.parametrize(
    "wrong", ["10.999", "1e999999", "1e-999999", '"ten"', "true", "null", "[]", '"NaN"', '"Infinity"', '""']
)
def test_a_wrong_amount_is_refused(wrong: str) -> None:
    with pytest.raises(WrongAmount):
        minor_units(read_json(wrong), "EUR")


def test_a_currency_that_there_is_not_makes_a_wrong_amount() -> None:
    with pytest.raises(WrongAmount, match="'EUX' is not an ISO 4217 currency code"):
        minor_units(1, "EUX")


def test_a_count_is_whole() -> None:
    assert whole_number("3") == 3
    with pytest.raises(WrongAmount):
        whole_number(Decimal("3.5"))


@given(values)
def test_json_survives_writing_and_reading(value: object) -> None:
    assert read_json(write_json(value)) == value


@pytest.mark.parametrize("wrong", ["", "{", "NaN", "Infinity", "[" * 100_000, b"\xff\xfe\xff"])
def test_what_is_no_json_is_refused(wrong: str | bytes) -> None:
    with pytest.raises(NotJson):
        read_json(wrong)


@given(st.binary(max_size=100))
def test_no_garbage_breaks_the_reading(data: bytes) -> None:
    with contextlib.suppress(NotJson):
        read_json(data)


@pytest.mark.parametrize("wrong", [1.5, object(), Decimal("NaN")])
def test_a_binary_fraction_is_never_written(wrong: object) -> None:
    with pytest.raises((TypeError, ValueError)):
        write_json(wrong)
