"""Field sets as XML and as serial frames, well-formed and otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.drivers.terminal.inpas.framing import (
    Control,
    Damaged,
    FrameReader,
    Packet,
    UnwritableFields,
    checksum,
    write_frame,
)
from device_gateway.drivers.terminal.inpas.xml_body import LARGEST_BODY_BYTES, WrongBody, read_body, write_body

field_sets = st.dictionaries(
    st.integers(0, 255), st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40), max_size=12
)


def test_the_checksum_is_the_published_check_value_of_crc_16_buypass() -> None:
    assert checksum(b"123456789") == 0xFEE8


def test_a_frame_is_laid_out_as_in_the_source() -> None:
    frame = write_frame({25: "1", 0: "10000"}, "ascii")
    assert frame[:-2].hex() == "02" + "0c00" + "00" + "0500" + b"10000".hex() + "19" + "0100" + b"1".hex()
    assert frame[-2:] == checksum(frame[:-2]).to_bytes(2, "big")


@given(field_sets, st.data())
@settings(max_examples=100, deadline=None)
def test_a_frame_is_read_back_whatever_pieces_it_comes_in(fields: dict[int, str], data: st.DataObject) -> None:
    stream = b"\x06" + write_frame(fields, "cp1251") + b"\x04"
    cut = data.draw(st.integers(0, len(stream)))
    reader = FrameReader("cp1251")
    assert reader.feed(stream[:cut]) + reader.feed(stream[cut:]) == [Control(6), Packet(fields), Control(4)]


@given(field_sets, st.data())
@settings(max_examples=100, deadline=None)
def test_a_frame_with_a_changed_byte_is_never_a_packet(fields: dict[int, str], data: st.DataObject) -> None:
    frame = bytearray(write_frame(fields, "ascii"))
    position = data.draw(st.integers(0, len(frame) - 1))
    frame[position] ^= data.draw(st.integers(1, 255))
    heard = FrameReader("ascii").feed(bytes(frame))
    assert Packet(fields) not in heard


@given(st.lists(st.binary(max_size=200), max_size=8))
@settings(max_examples=200, deadline=None)
def test_noise_is_read_without_an_error_and_an_intact_frame_after_it_is_heard(pieces: list[bytes]) -> None:
    reader = FrameReader("cp1251")
    for piece in pieces:
        reader.feed(piece)
    reader.forget()
    assert reader.feed(write_frame({39: "1"}, "ascii")) == [Packet({39: "1"})]


def test_a_field_with_characters_that_the_code_page_lacks_is_refused_before_anything_is_sent() -> None:
    with pytest.raises(UnwritableFields, match="Field 19 has characters that ascii has not"):
        write_frame({19: "ОДОБРЕНО"}, "ascii")


def test_a_damaged_frame_is_told_as_such() -> None:
    frame = write_frame({39: "1"}, "ascii")
    assert FrameReader("ascii").feed(frame[:-1] + bytes((frame[-1] ^ 1,)))[0] == Damaged()


@given(field_sets)
@settings(max_examples=100, deadline=None)
def test_a_body_is_read_back(fields: dict[int, str]) -> None:
    assert read_body(write_body(fields)) == fields


def test_a_body_of_another_encoding_is_read() -> None:
    body = '<?xml version="1.0" encoding="windows-1251"?><response><field id="19">ОДОБРЕНО</field></response>'
    assert read_body(body.encode("cp1251")) == {19: "ОДОБРЕНО"}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]><x><field id="1">&e;</field></x>', "document type"),
        (b'<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd"><x/>', "document type"),
        (b'<x><field id="1">a', "no XML"),
        (b"", "no XML"),
        (b'<x><field id="abc">1</field></x>', "no number of a field"),
        (b'<x><field id="300">1</field></x>', "no number of a field"),
        (b'<x><field id="1">a</field><field id="01">b</field></x>', "comes twice"),
        (b'<x><field id="1"><field id="2"/></field></x>', "holds an element"),
        (b"<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>", "nested too deeply"),
        (b"<x>" + b" " * LARGEST_BODY_BYTES + b"</x>", "at most"),
    ],
)
def test_a_body_that_is_no_field_set_is_refused(body: bytes, sentence: str) -> None:
    with pytest.raises(WrongBody, match=sentence):
        read_body(body)


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_field_set_or_a_wrong_body(body: bytes) -> None:
    try:
        read_body(body)
    except WrongBody:
        return
