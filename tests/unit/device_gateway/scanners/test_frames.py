"""From a serial scanner's bytes to scans."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.domain.observations import Scan
from device_gateway.drivers.scanner.serial_scanner.frames import LONGEST_FRAME_BYTES, ScanFrames, Suffix

CODE = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=60).filter(
    lambda code: not code.startswith("]")
)
SUFFIX_BYTES = {Suffix.CR: b"\r", Suffix.LF: b"\n", Suffix.CRLF: b"\r\n", Suffix.TAB: b"\t"}


def scans(data: bytes, suffix: Suffix = Suffix.CR) -> list[Scan]:
    return list(ScanFrames(suffix).feed(data))


@pytest.mark.parametrize("suffix", list(Suffix))
def test_a_code_ends_at_the_configured_suffix(suffix: Suffix) -> None:
    ending = SUFFIX_BYTES[suffix]
    assert scans(b"5901234123457" + ending + b"PLU 7" + ending, suffix) == [Scan("5901234123457"), Scan("PLU 7")]


def test_a_code_is_delivered_with_its_suffix_and_not_before() -> None:
    frames = ScanFrames(Suffix.CR)
    assert list(frames.feed(b"59012341")) == []
    assert list(frames.feed(b"23457")) == []
    assert list(frames.feed(b"\r")) == [Scan("5901234123457")]


def test_a_scanner_set_to_crlf_works_where_cr_or_lf_is_configured() -> None:
    assert scans(b"123\r\n456\r\n", Suffix.CR) == [Scan("123"), Scan("456")]
    assert scans(b"123\r\n456\r\n", Suffix.LF) == [Scan("123"), Scan("456")]


@pytest.mark.parametrize("aim", ["]E0", "]C1", "]d2", "]Q3", "]e0"])
def test_an_aim_identifier_is_taken_off_and_kept(aim: str) -> None:
    assert scans(f"{aim}0105901234123457\r".encode()) == [Scan("0105901234123457", aim=aim)]


def test_a_bracket_that_is_no_aim_identifier_stays_in_the_code() -> None:
    assert scans(b"]-1x\r]E0\r") == [Scan("]-1x"), Scan("]E0")]


def test_fnc1_is_kept_as_group_separator() -> None:
    assert scans(b"]C110AB\x1d17261231\r") == [Scan("10AB\x1d17261231", aim="]C1")]


def test_a_frame_with_noise_in_it_is_dropped_whole_and_the_next_one_read() -> None:
    frames = ScanFrames()
    assert list(frames.feed(b"59\xff1234123457\r\x80\x01\r5901234123457\r")) == [Scan("5901234123457")]


def test_noise_frames_in_a_row_are_counted_until_a_good_one_comes() -> None:
    frames = ScanFrames()
    assert list(frames.feed(b"\xff\r\xfe\r\xfd\r")) == []
    assert frames.unreadable == 3
    assert list(frames.feed(b"123\r")) == [Scan("123")]
    assert frames.unreadable == 0


def test_empty_frames_are_nothing_and_no_noise() -> None:
    frames = ScanFrames()
    assert list(frames.feed(b"\r\r\n\r  \r\x00\r\x1d\r")) == []
    assert frames.unreadable == 0


def test_a_code_at_the_length_limit_is_read_and_a_longer_one_dropped() -> None:
    longest = b"7" * LONGEST_FRAME_BYTES
    assert scans(longest + b"\r" + longest + b"7\r123\r") == [Scan(longest.decode()), Scan("123")]


def test_endless_noise_without_a_suffix_takes_no_memory() -> None:
    frames = ScanFrames()
    block = b"\xaa" * 100_000
    tracemalloc.start()
    for _ in range(50):
        assert list(frames.feed(block)) == []
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 50_000
    assert frames.unreadable == 1


@settings(deadline=None)
@given(st.lists(CODE, max_size=5), st.data())
def test_codes_are_the_same_however_the_bytes_are_cut_into_pieces(codes: list[str], data: st.DataObject) -> None:
    stream = b"".join(code.encode() + b"\r" for code in codes)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    frames = ScanFrames()
    found = []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        found += list(frames.feed(stream[start:end]))
    assert found == [Scan(code) for code in codes]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=700), max_size=6), CODE)
def test_whatever_comes_before_a_code_after_a_suffix_is_read(noise: list[bytes], code: str) -> None:
    frames = ScanFrames()
    for piece in noise:
        for scan in frames.feed(piece):
            assert scan.text
            assert all(0x20 <= ord(one) <= 0x7E or one == "\x1d" for one in scan.text)
    assert list(frames.feed(b"\r" + code.encode() + b"\r"))[-1] == Scan(code)
