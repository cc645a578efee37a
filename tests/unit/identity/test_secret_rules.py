from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.identity.domain import secret_rules


@pytest.mark.parametrize("value", ["4711", "90125", "1357", "112233", "123456789015", "0990", "1243"])
def test_good_pins(value: str) -> None:
    assert secret_rules.pin(value) == value


@pytest.mark.parametrize("value", ["", "123", "1234567890123", "12a4", "-123", "12 4", "١٢٣٥", "4711\n"])
def test_a_pin_is_four_to_twelve_digits(value: str) -> None:
    with pytest.raises(ValueError, match="a PIN is 4 to 12 digits"):
        secret_rules.pin(value)


@pytest.mark.parametrize("value", ["0000", "777777"])
def test_a_pin_is_not_one_digit(value: str) -> None:
    with pytest.raises(ValueError, match="one digit repeated"):
        secret_rules.pin(value)


@pytest.mark.parametrize("value", ["1234", "4321", "7890", "0123456789", "2109"])
def test_a_pin_is_not_a_run(value: str) -> None:
    with pytest.raises(ValueError, match="a run of digits"):
        secret_rules.pin(value)


@pytest.mark.parametrize("value", ["1212", "123123", "47114711"])
def test_a_pin_is_not_a_block_repeated(value: str) -> None:
    with pytest.raises(ValueError, match="a block of digits repeated"):
        secret_rules.pin(value)


@given(st.integers(1, 9), st.integers(4, 12))
def test_a_refusal_never_repeats_the_pin(digit: int, length: int) -> None:
    value = str(digit) * length
    with pytest.raises(ValueError, match="a PIN is not") as refused:
        secret_rules.pin(value)
    assert value not in str(refused.value)


def test_passwords() -> None:
    assert secret_rules.password("staple battery horse") == "staple battery horse"
    with pytest.raises(ValueError, match="12 to 200 characters"):
        secret_rules.password("short")
    with pytest.raises(ValueError, match="12 to 200 characters"):
        secret_rules.password("abcde" * 41)
    with pytest.raises(ValueError, match="5 different characters"):
        secret_rules.password("abababababab")
