"""What printers say, whole, in pieces and among noise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from device_gateway.domain.observations import Paper, PrinterStatus
from device_gateway.drivers.printer.escpos.replies import (
    DrawerSensor,
    InOrderReply,
    ProcessReply,
    RealTimeReply,
    Reply,
    ReplyReader,
    UnaskedStatus,
    asked_status,
    unasked_status,
)

real_time = st.sampled_from([byte for byte in range(256) if byte & 0x93 == 0x12])
# Printers set only the low four bits of the second to fourth byte; the rest is reserved.
unasked = st.tuples(
    st.sampled_from([byte for byte in range(256) if byte & 0x93 == 0x10]),
    st.sampled_from([0x00, 0x08, 0x20, 0x40]),
    st.sampled_from([0x00, 0x03, 0x0C, 0x0F]),
    st.sampled_from([0x00, 0x0F]),
)
identifier = st.binary(min_size=4, max_size=4).map(lambda data: bytes(0x20 + byte % 95 for byte in data))
frame: st.SearchStrategy[tuple[bytes, Reply]] = st.one_of(
    real_time.map(lambda byte: (bytes((byte,)), RealTimeReply(byte))),
    unasked.map(lambda four: (bytes(four), UnaskedStatus(four))),
    identifier.map(lambda four: (b"\x37\x22" + four + b"\x00", ProcessReply(four))),
)


@given(st.binary(max_size=200))
def test_a_reader_is_never_at_a_loss_whatever_comes(data: bytes) -> None:
    ReplyReader().feed(data)


@given(st.binary(max_size=60), frame)
def test_a_good_reply_after_noise_is_never_lost(noise: bytes, good: tuple[bytes, Reply]) -> None:
    data, reply = good
    assert ReplyReader().feed(noise + data)[-1:] == [reply]


@given(st.lists(frame, max_size=12))
def test_replies_one_after_another_are_read_each_as_what_it_is(frames: list[tuple[bytes, Reply]]) -> None:
    reader = ReplyReader()
    assert reader.feed(b"".join(data for data, _ in frames)) == [reply for _, reply in frames]
    assert reader.noise == 0


@given(st.binary(max_size=80), st.data())
def test_replies_are_the_same_in_whatever_pieces_they_come(data: bytes, cuts: st.DataObject) -> None:
    whole = ReplyReader().feed(data)
    reader, pieces, at = ReplyReader(), [], 0
    while at < len(data):
        to = cuts.draw(st.integers(at + 1, len(data)))
        pieces += reader.feed(data[at:to])
        at = to
    assert pieces == whole


@given(frame, st.lists(st.tuples(st.integers(0, 7), st.sampled_from([0x11, 0x13])), max_size=4))
def test_flow_control_inside_a_reply_changes_nothing(good: tuple[bytes, Reply], flow: list[tuple[int, int]]) -> None:
    data, reply = good
    for at, byte in flow:
        data = data[:at] + bytes((byte,)) + data[at:]
    assert ReplyReader().feed(data) == [reply]


def test_an_answer_in_order_is_told_from_the_rest() -> None:
    assert ReplyReader().feed(b"\x00\x0c\x03") == [InOrderReply(0), InOrderReply(0x0C), InOrderReply(3)]


ALL_CLEAR = {1: 0x12, 2: 0x12, 3: 0x12, 4: 0x12}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, PrinterStatus(True, True, Paper.ADEQUATE, False)),
        ({4: 0x1E}, PrinterStatus(True, True, Paper.NEAR_END, False)),
        ({1: 0x1A, 2: 0x32, 4: 0x7E}, PrinterStatus(True, False, Paper.END, False)),
        ({1: 0x1A, 2: 0x16}, PrinterStatus(True, False, Paper.ADEQUATE, True)),
    ],
)
def test_the_four_answers_make_a_status(changed: dict[int, int], expected: PrinterStatus) -> None:
    assert asked_status(ALL_CLEAR | changed, None) == expected


@pytest.mark.parametrize("changed", [{3: 0x1A}, {3: 0x32}, {3: 0x52}, {3: 0x16}, {2: 0x52}])
def test_an_error_blocks_printing_and_says_what_to_do(changed: dict[int, int]) -> None:
    status = asked_status(ALL_CLEAR | changed, None)
    assert not status.can_print
    assert status.error is not None
    assert status.error.endswith(".")


@pytest.mark.parametrize(
    ("sensor", "low", "high"),
    [(None, None, None), (DrawerSensor(True), False, True), (DrawerSensor(False), True, False)],
)
def test_the_drawer_is_told_only_where_its_sensor_is_known(
    sensor: DrawerSensor | None, low: bool | None, high: bool | None
) -> None:
    assert asked_status(ALL_CLEAR, sensor).drawer_open is low
    assert asked_status(ALL_CLEAR | {1: 0x16}, sensor).drawer_open is high
    assert unasked_status(UnaskedStatus((0x10, 0, 0, 0)), sensor).drawer_open is low
    assert unasked_status(UnaskedStatus((0x14, 0, 0, 0)), sensor).drawer_open is high


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ((0x10, 0, 0, 0x0F), PrinterStatus(True, True, Paper.ADEQUATE, False)),
        ((0x38, 0, 0, 0x0F), PrinterStatus(True, False, Paper.ADEQUATE, True)),
        ((0x18, 0, 0x0C, 0x0F), PrinterStatus(True, False, Paper.END, False)),
        ((0x10, 0, 0x03, 0x0F), PrinterStatus(True, True, Paper.NEAR_END, False)),
    ],
)
def test_an_automatic_status_says_the_same(told: tuple[int, int, int, int], expected: PrinterStatus) -> None:
    assert unasked_status(UnaskedStatus(told), None) == expected
