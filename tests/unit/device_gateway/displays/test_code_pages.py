"""Text as the bytes of a line display."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.drivers.display.line_2x20.code_pages import CodePage, encoded, line_of


def test_a_letter_of_the_code_page_is_sent_as_it_is() -> None:
    # The example of the printers' code pages, protocols.md A.2.
    assert encoded("Zażółć", CodePage.CP852) == bytes.fromhex("5A 61 BE A2 88 86")
    assert encoded("Мясной", CodePage.CP866) == bytes.fromhex("8C EF E1 AD AE A9")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zażółć gęślą jaźń", b"Zaz\xa2lc gesla jazn"),
        ("Щука Ёлка", b"Shchuka Yolka"),
        ("Өндөр үнэ ₮", b"Ondor une MNT"),
        ("объём", b"obyom"),
        ("Straße – 3 × 2 „x“", b'Stra\xe1e - 3 x 2 "x"'),
        ("12\u00a0345", b"12 345"),
        ("苹果 2", b"?? 2"),
        ("😀", b"?"),
    ],
)
def test_a_letter_that_is_missing_is_written_with_others(text: str, shown: bytes) -> None:
    assert encoded(text, CodePage.CP437) == shown


def test_letters_composed_of_parts_are_the_letters() -> None:
    assert encoded("z\u0307o\u0301", CodePage.CP852) == encoded("żó", CodePage.CP852)


def test_a_line_is_cut_to_the_width_or_filled() -> None:
    assert line_of("Bread", 8, CodePage.CP437) == b"Bread   "
    assert line_of("Bread and butter", 8, CodePage.CP437) == b"Bread an"
    assert line_of("Щщщ", 6, CodePage.CP437) == b"Shchsh"


def test_nothing_in_a_name_can_command_the_display() -> None:
    assert encoded("a\x1b\x40\x0cb\r\n\x7f\x85", CodePage.CP437) == b"a @ b    "


@settings(deadline=None)
@given(st.text(max_size=60), st.sampled_from(CodePage), st.integers(8, 40))
def test_any_text_is_a_line_of_the_width_without_control_bytes(text: str, page: CodePage, width: int) -> None:
    line = line_of(text, width, page)
    assert len(line) == width
    assert min(line) >= 0x20
