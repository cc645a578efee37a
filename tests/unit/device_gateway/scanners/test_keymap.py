"""From a keyboard scanner's keys to scans."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.domain.observations import Scan
from device_gateway.drivers.scanner.hid_scanner.keymap import PLAIN, SHIFTED, Key, KeyedScans
from device_gateway.drivers.scanner.hid_scanner.simulator import keys_of

ENTER = [(28, 1), (28, 0)]
US_LAYOUT = string.digits + string.ascii_letters + string.punctuation


def scans(*keys: tuple[int, int], scanner: KeyedScans | None = None) -> list[Scan]:
    scanner = scanner or KeyedScans()
    return [scan for code, value in keys for scan in scanner.feed(Key(code, value))]


def test_digits_typed_by_a_scanner_are_its_code() -> None:
    # 5 9 0 are the keys 6, 10, 11 of linux/input-event-codes.h.
    assert scans((6, 1), (6, 0), (10, 1), (10, 0), (11, 1), (11, 0), *ENTER) == [Scan("590")]


def test_shift_holds_for_the_keys_while_it_is_down() -> None:
    assert scans((30, 1), (42, 1), (30, 1), (3, 1), (42, 0), (30, 1), *ENTER) == [Scan("aA@a")]


def test_both_shifts_count() -> None:
    assert scans((54, 1), (16, 1), (54, 0), (16, 1), *ENTER) == [Scan("Qq")]


def test_a_repeated_key_counts_once() -> None:
    assert scans((2, 1), (2, 2), (2, 2), (2, 0), *ENTER) == [Scan("1")]


def test_the_number_pads_enter_ends_a_code_too() -> None:
    assert scans((79, 1), (80, 1), (81, 1), (96, 1)) == [Scan("123")]


def test_fnc1_comes_as_control_and_bracket() -> None:
    assert scans((2, 1), (29, 1), (27, 1), (27, 0), (29, 0), (3, 1), *ENTER) == [Scan("1\x1d2")]


def test_fnc1_comes_as_alt_and_029_on_the_number_pad() -> None:
    assert scans((2, 1), (56, 1), (82, 1), (80, 1), (73, 1), (56, 0), (3, 1), *ENTER) == [Scan("1\x1d2")]


def test_an_aim_identifier_is_taken_off() -> None:
    # ] E 0 4
    keys = [(27, 1), (27, 0), (42, 1), (18, 1), (18, 0), (42, 0), (11, 1), (5, 1)]
    assert scans(*keys, *ENTER) == [Scan("4", aim="]E0")]


def test_a_code_that_broke_off_is_not_glued_to_the_next() -> None:
    scanner = KeyedScans(largest_pause_s=1.0)
    assert list(scanner.feed(Key(2, 1, at_s=10.0))) == []
    assert list(scanner.feed(Key(3, 1, at_s=11.5))) == []
    assert list(scanner.feed(Key(28, 1, at_s=11.6))) == [Scan("2")]


def test_key_codes_are_those_of_the_kernel() -> None:
    ecodes = pytest.importorskip("evdev").ecodes
    for letter in string.ascii_uppercase:
        assert PLAIN[ecodes.ecodes[f"KEY_{letter}"]] == letter.lower()
        assert SHIFTED[ecodes.ecodes[f"KEY_{letter}"]] == letter
    for digit in string.digits:
        assert PLAIN[ecodes.ecodes[f"KEY_{digit}"]] == digit
        assert PLAIN[ecodes.ecodes[f"KEY_KP{digit}"]] == digit
    signs = {
        "MINUS": "-_", "EQUAL": "=+", "LEFTBRACE": "[{", "RIGHTBRACE": "]}", "SEMICOLON": ";:", "APOSTROPHE": "'\"",
        "GRAVE": "`~", "BACKSLASH": "\\|", "COMMA": ",<", "DOT": ".>", "SLASH": "/?", "SPACE": "  ",
        "KPASTERISK": "**", "KPMINUS": "--", "KPPLUS": "++", "KPDOT": "..", "KPSLASH": "//",
    }  # fmt: skip
    for name, signs_of_key in signs.items():
        code = ecodes.ecodes[f"KEY_{name}"]
        assert PLAIN[code] + SHIFTED[code] == signs_of_key, name


@settings(deadline=None)
@given(st.text(US_LAYOUT + "\x1d", min_size=1, max_size=80).filter(lambda text: not text.startswith("]")))
def test_every_text_of_the_layout_is_read_as_it_was_typed(text: str) -> None:
    expected = [Scan(text)] if text.strip("\x1d") else []
    assert scans(*keys_of(text)) == expected


@settings(deadline=None)
@given(st.lists(st.builds(Key, st.integers(0, 0x2FF), st.integers(-1, 3), st.floats(0, 1e9)), max_size=200))
def test_any_keys_leave_a_scanner_that_reads_the_next_code(noise: list[Key]) -> None:
    scanner = KeyedScans()
    for key in noise:
        list(scanner.feed(key))
    for code in (42, 54, 29, 97, 56, 100):
        list(scanner.feed(Key(code, 0, 2e9)))
    list(scanner.feed(Key(28, 1, 2e9)))
    found = [scan for code, value in keys_of("5901234123457") for scan in scanner.feed(Key(code, value, 2e9))]
    assert found == [Scan("5901234123457")]
