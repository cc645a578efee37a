"""ZVT's bytes: APDUs, serial frames and their checksum, fields. Facts: protocols.md C.2."""

from __future__ import annotations

import contextlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_gateway.drivers.terminal.zvt.apdu import Apdu, ApduReader
from device_gateway.drivers.terminal.zvt.fields import (
    MalformedFields,
    Tlv,
    bcd,
    bcd_number,
    card_digits,
    every_tlv,
    read_fields,
    read_tags,
    read_tlv,
    write_fields,
)
from device_gateway.drivers.terminal.zvt.messages import (
    WITH_STATUS,
    WITHOUT_PRINTING,
    Command,
    authorisation,
    booking,
    extension,
    pre_authorisation,
    pre_authorisation_reversal,
    refund,
    registration,
    repeat_receipt,
    reversal,
    status_enquiry,
    with_password,
)
from device_gateway.drivers.terminal.zvt.serial_frames import Framed, FrameReader, Sign, checksum, frame
from libs.contracts.terminals import CardReferences

_ORIGINAL = CardReferences(receipt_number="0042", trace="000123", approval_code="A1B2")
apdus = st.builds(Apdu, st.integers(0, 0xFFFF), st.binary(max_size=600))


def _pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


@pytest.mark.parametrize(
    ("request_", "wire"),
    [
        (authorisation(1234, "EUR"), "06 01 0A 04 00 00 00 00 12 34 49 09 78"),
        (authorisation(1234, "PLN", payment_type=0x40), "06 01 0C 04 00 00 00 00 12 34 49 09 85 19 40"),
        (
            authorisation(6299, "PLN", cash_back_minor=5000, tip_minor=200, partial_approval=True),
            "06 01 22 04 00 00 00 00 62 99 49 09 85 06 16 1F 25 06 00 00 00 00 50 00 1F 36 06 00 00 00 00 02 00 "
            "1F 70 01 01",
        ),
        (reversal("123456", "42"), "06 30 06 12 34 56 87 00 42"),
        (refund("000000", 500, "EUR"), "06 31 0D 00 00 00 04 00 00 00 00 05 00 49 09 78"),
        (pre_authorisation(5000, "EUR"), "06 22 0A 04 00 00 00 00 50 00 49 09 78"),
        (
            booking(Command.BOOK_TOTAL, 4000, "EUR", _ORIGINAL),
            "06 24 1A 87 00 42 04 00 00 00 00 40 00 49 09 78 0B 00 01 23 3B 41 31 42 32 00 00 00 00",
        ),
        (
            booking(Command.PARTIAL_REVERSAL, 4000, "EUR", _ORIGINAL),
            "06 23 11 87 00 42 04 00 00 00 00 40 00 49 09 78 0B 00 01 23",
        ),
        (
            booking(Command.BOOK_TOTAL, 4000, "EUR", CardReferences(receipt_number="42", trace="0012345678")),
            "06 24 1B 87 00 42 04 00 00 00 00 40 00 49 09 78 0B 00 00 00 06 08 1F 2B 05 00 12 34 56 78",
        ),
        (
            extension(1000, "EUR", _ORIGINAL),
            "06 22 1D 04 00 00 00 00 10 00 49 09 78 0B 00 01 23 3B 41 31 42 32 00 00 00 00 06 04 1F 06 01 03",
        ),
        (pre_authorisation_reversal("0042", "EUR"), "06 25 06 49 09 78 87 00 42"),
        (with_password(Command.END_OF_DAY, "123456"), "06 50 03 12 34 56"),
        (with_password(Command.TURNOVER_TOTALS, "123456"), "06 10 03 12 34 56"),
        (repeat_receipt("123456", WITH_STATUS), "06 20 05 12 34 56 03 01"),
        (repeat_receipt("123456", WITH_STATUS | WITHOUT_PRINTING), "06 20 05 12 34 56 03 03"),
        (Apdu(Command.ACCOUNT_BALANCE), "06 03 00"),
        (status_enquiry("123456"), "05 01 05 12 34 56 03 02"),
        (registration("123456", 0x8E, "MNT"), "06 00 10 12 34 56 8E 04 96 03 00 06 06 26 04 0A 02 06 D3"),
    ],
)
def test_requests_are_these_bytes(request_: Apdu, wire: str) -> None:
    assert request_.encode() == bytes.fromhex(wire)


def test_a_length_from_255_on_is_written_as_ff_and_two_bytes_low_first() -> None:
    assert Apdu(0x06D3, bytes(254)).encode()[:3] == bytes.fromhex("06 D3 FE")
    assert Apdu(0x06D3, bytes(255)).encode()[:5] == bytes.fromhex("06 D3 FF FF 00")
    assert Apdu(0x06D3, bytes(258)).encode()[:5] == bytes.fromhex("06 D3 FF 02 01")
    with pytest.raises(ValueError, match="at most 65535 bytes"):
        Apdu(0x06D3, bytes(65_536)).encode()


@given(st.lists(apdus, max_size=6), st.lists(st.integers(0, 5000), max_size=8))
def test_apdus_come_out_whole_however_the_bytes_are_cut(sent: list[Apdu], cuts: list[int]) -> None:
    reader = ApduReader()
    wire = b"".join(apdu.encode() for apdu in sent)

    assert [apdu for piece in _pieces(wire, cuts) for apdu in reader.feed(piece)] == sent
    assert reader.pending_bytes == 0


@given(st.lists(st.binary(max_size=400), max_size=20))
def test_no_garbage_breaks_the_reader(pieces: list[bytes]) -> None:
    reader = ApduReader()
    for piece in pieces:
        reader.feed(piece)
    assert reader.pending_bytes <= sum(map(len, pieces))


def test_the_checksum_of_an_acknowledgement_is_the_known_one() -> None:
    assert checksum(bytes.fromhex("80 00 00 03")).to_bytes(2, "little") == bytes.fromhex("F5 1F")
    assert frame(bytes.fromhex("80 00 00")) == bytes.fromhex("10 02 80 00 00 10 03 F5 1F")


def test_dle_is_doubled_in_the_frame_and_not_in_the_checksum() -> None:
    framed = frame(bytes.fromhex("06 01 01 10"))

    assert framed[:8] == bytes.fromhex("10 02 06 01 01 10 10 10")
    assert framed[-2:] == checksum(bytes.fromhex("06 01 01 10 03")).to_bytes(2, "little")


@given(st.lists(apdus, max_size=4), st.lists(st.integers(0, 5000), max_size=8), st.binary(max_size=4))
def test_frames_come_out_whole_however_cut_and_with_noise_before(
    sent: list[Apdu], cuts: list[int], noise: bytes
) -> None:
    reader = FrameReader()
    quiet = noise.translate(bytes.maketrans(b"\x10\x06\x15", b"\x11\x11\x11"))
    wire = b"".join(quiet + frame(apdu.encode()) for apdu in sent)

    found = [sign for piece in _pieces(wire, cuts) for sign in reader.feed(piece)]

    assert found == [Framed(apdu.encode()) for apdu in sent]


@given(apdus, st.data())
def test_a_frame_with_one_wrong_bit_never_becomes_another_frame(apdu: Apdu, data: st.DataObject) -> None:
    wire = bytearray(frame(apdu.encode()))
    place = data.draw(st.integers(0, 8 * len(wire) - 1))
    wire[place // 8] ^= 1 << place % 8

    framed = [sign for sign in FrameReader().feed(bytes(wire)) if isinstance(sign, Framed)]

    assert framed in ([], [Framed(apdu.encode())])


@given(st.lists(st.binary(max_size=400), max_size=10))
def test_no_garbage_breaks_the_frame_reader(pieces: list[bytes]) -> None:
    reader = FrameReader()
    for piece in pieces:
        reader.feed(piece)
    reader.give_up()
    assert reader.feed(bytes.fromhex("06 15")) == [Sign.ACKNOWLEDGED, Sign.NOT_ACKNOWLEDGED]


def test_a_frame_with_a_wrong_checksum_is_broken() -> None:
    assert FrameReader().feed(bytes.fromhex("10 02 80 00 00 10 03 F5 1E")) == [Sign.BROKEN]


@given(st.integers(0, 999_999_999_999))
def test_amounts_survive_bcd(amount_minor: int) -> None:
    assert bcd_number(bcd(amount_minor, 6)) == amount_minor


@pytest.mark.parametrize(("number", "size"), [(-1, 2), (10_000, 2), (1_000_000_000_000, 6)])
def test_a_number_that_does_not_fit_is_refused(number: int, size: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        bcd(number, size)


def test_fields_have_the_lengths_of_the_table() -> None:
    wire = bytes.fromhex(
        "27 00 04 000000001234 8B F0F5 5669736100 3C F0F0F2 4F4B 06 03 1F0700 29 52000001".replace(" ", "")
    )

    assert read_fields(wire) == {
        0x27: b"\0",
        0x04: bytes.fromhex("000000001234"),
        0x8B: b"Visa\0",
        0x3C: b"OK",
        0x06: bytes.fromhex("1F0700"),
        0x29: bytes.fromhex("52000001"),
    }
    assert write_fields(read_fields(wire)) == wire


@pytest.mark.parametrize(
    ("wire", "says"),
    [
        ("04 00 00", "field 04 says 6 bytes, and 2 are left"),
        ("77 00", "field 77 is not known"),
        ("8B 05 41", "the length of field 8B is not 2 digits"),
        ("8B FA F0", "the length of field 8B is not 2 digits"),
        ("3C F1 F0", "the length of field 3C is not 3 digits"),
        ("06 85 00", "a TLV length begins with 85"),
        ("06", "a TLV length is missing"),
    ],
)
def test_wrong_fields_are_named(wire: str, says: str) -> None:
    with pytest.raises(MalformedFields, match=says):
        read_fields(bytes.fromhex(wire))


@given(st.binary(max_size=300))
def test_no_garbage_breaks_fields_and_tlv(data: bytes) -> None:
    with contextlib.suppress(MalformedFields):
        read_fields(data)
    with contextlib.suppress(MalformedFields):
        list(every_tlv(data))


@given(st.integers(0, 40_000))
def test_tlv_lengths_survive_in_all_their_three_forms(size: int) -> None:
    assert read_tlv(Tlv(0x1F07, bytes(size)).encode()) == [Tlv(0x1F07, bytes(size))]


def test_nested_tlv_objects_come_in_their_order() -> None:
    outer = Tlv(0x25, Tlv(0x07, b"one").encode() + Tlv(0x07, b"two").encode())

    assert [found.value for found in every_tlv(outer.encode()) if found.tag == 0x07] == [b"one", b"two"]


def test_listed_tags_have_one_or_more_bytes() -> None:
    # PA00P015 13.08, tag 1F71: its own example.
    assert read_tags(bytes.fromhex("15 20 1F6D")) == [0x15, 0x20, 0x1F6D]
    assert read_tags(b"") == []


def test_tlv_nested_without_end_is_refused() -> None:
    deep = b""
    for _ in range(40):
        deep = Tlv(0x25, deep).encode()
    with pytest.raises(MalformedFields, match="nested more than"):
        list(every_tlv(deep))


@pytest.mark.parametrize(
    ("wire", "digits"),
    [("443056EEEEEE1234", "443056******1234"), ("12345F", "12345"), ("EEEEEEEEEEEE1234", "************1234")],
)
def test_card_numbers_have_masked_digits_and_padding(wire: str, digits: str) -> None:
    assert card_digits(bytes.fromhex(wire)) == digits
