"""Answers of scales, read byte by byte."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.domain.observations import Weighing, WeightState
from device_gateway.drivers.scale.adam.frames import LONGEST_LINE_BYTES, AdamWeight, Lines, read_line
from device_gateway.drivers.scale.mettler_8217.frames import (
    Answer,
    Answers,
    OtherAnswer,
    StatusAnswer,
    WeightAnswer,
    weighing_of_status,
)
from device_gateway.drivers.scale.weights import UnreadableWeight, WeightUnit, whole_grams


def answers(data: bytes, unit: WeightUnit = WeightUnit.KILOGRAM) -> list[Answer]:
    return list(Answers(unit).feed(data))


@pytest.mark.parametrize(
    ("data", "answer"),
    [
        (b"\x0200.000\r", WeightAnswer(0, net=False)),
        (b"\x0201.250\r", WeightAnswer(1250, net=False)),
        (b"\x0201.250N\r", WeightAnswer(1250, net=True)),
        (b"\x02 1.250 N\r", WeightAnswer(1250, net=True)),
        (b"\x02.125\r", WeightAnswer(125, net=False)),
        (b"\x02?A\r", StatusAnswer(0x41)),
        (b"\x02?\x81\r", StatusAnswer(0x01)),
        (b"\x02?\r\r", StatusAnswer(0x0D)),
        (b"\x02?\x02\r", StatusAnswer(0x02)),
        (b"\x02?\x0201.250\r", WeightAnswer(1250, net=False)),
        (b"\x02E\r", OtherAnswer("E")),
        (b"\x021.2.3\r", OtherAnswer("1.2.3")),
        (b"\x02-1.250\r", OtherAnswer("-1.250")),
    ],
)
def test_an_answer_of_an_8217_is_read(data: bytes, answer: Answer) -> None:
    assert answers(data) == [answer]


def test_a_scale_set_to_grams_is_read_in_grams() -> None:
    assert answers(b"\x0201250\r", WeightUnit.GRAM) == [WeightAnswer(1250, net=False)]


def test_a_weight_finer_than_a_gram_is_no_weight() -> None:
    sentence = "The scale sent 1.2505 kg, which is finer than a gram: set it to whole grams."
    assert answers(b"\x021.2505\r") == [OtherAnswer(sentence)]


def test_grams_read_as_kilograms_are_no_weight() -> None:
    sentence = "The scale sent 01250 kg, which no shop's scale can carry: check its unit."
    assert answers(b"\x0201250\r") == [OtherAnswer(sentence)]


def test_a_new_answer_begins_at_every_start_byte() -> None:
    assert answers(b"9\x021\x0201.250\r\xff\x02?A\r") == [WeightAnswer(1250, net=False), StatusAnswer(0x41)]


@pytest.mark.parametrize(
    ("bits", "state"),
    [
        (0x01, WeightState.MOVING),
        (0x02, WeightState.OVER_CAPACITY),
        (0x03, WeightState.OVER_CAPACITY),
        (0x04, WeightState.BELOW_ZERO),
        (0x05, WeightState.BELOW_ZERO),
        (0x08, WeightState.FAULT),
        (0x10, WeightState.ZERO),
        (0x20, WeightState.MOVING),
        (0x40, WeightState.FAULT),
        (0x44, WeightState.BELOW_ZERO),
        (0x00, WeightState.MOVING),
    ],
)
def test_a_status_says_why_there_is_no_weight(bits: int, state: WeightState) -> None:
    weighing = weighing_of_status(bits)
    assert weighing.state is state
    assert not weighing.may_be_sold
    assert weighing.net_g is None


@settings(deadline=None)
@given(st.integers(0, 0x7F))
def test_no_status_can_be_sold(bits: int) -> None:
    assert weighing_of_status(bits).state is not WeightState.STABLE


@settings(deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=8), st.integers(0, 99_999), st.booleans())
def test_after_any_noise_the_next_8217_answer_is_read_exactly(noise: list[bytes], grams: int, net: bool) -> None:
    scale = Answers()
    for piece in noise:
        list(scale.feed(piece))
    frame = b"\x02%02d.%03d%s\r" % (grams // 1000, grams % 1000, b"N" if net else b"")
    # A start byte ends whatever noise had begun.
    assert [answer for byte in frame for answer in scale.feed(bytes([byte]))] == [WeightAnswer(grams, net)]


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_noise_yields_no_more_than_whole_grams_of_what_was_sent(data: bytes) -> None:
    for answer in answers(data):
        if isinstance(answer, WeightAnswer):
            assert 0 <= answer.grams <= 1_000_000


@pytest.mark.parametrize(
    ("line", "weight"),
    [
        (b"   1.250 kg", AdamWeight(1250)),
        (b"1.250kg", AdamWeight(1250)),
        (b"-  0.030 kg", AdamWeight(-30)),
        (b"1250 g", AdamWeight(1250)),
        (b"NET   1.250 kg", AdamWeight(1250, net=True)),
        (b"G/W +  1.250 kg", AdamWeight(1250)),
        (b"N/W +  1.250 kg", AdamWeight(1250, net=True)),
        (b"ST,GS   1.250 kg", AdamWeight(1250)),
        (b"ST,NT   1.250 kg", AdamWeight(1250, net=True)),
        (b"US,GS   1.250 kg", AdamWeight(1250, unstable=True)),
        (b"1.250", None),
        (b"1.250 lb", None),
        (b"1.25 0 kg", None),
        (b"1.2505 kg", None),
        (b"x1.250 kg 7", None),
        (b"\xff1.250 kg", None),
        (b"", None),
    ],
)
def test_a_line_of_an_adam_is_read(line: bytes, weight: AdamWeight | None) -> None:
    assert read_line(line) == weight


def test_lines_of_an_adam_may_come_in_pieces() -> None:
    lines = Lines()
    assert list(lines.feed(b"  1.2")) == []
    assert list(lines.feed(b"50 kg\r")) == [AdamWeight(1250)]
    assert list(lines.feed(b"\n  0.500 kg\r\n")) == [AdamWeight(500)]


def test_a_line_without_an_end_is_complete_when_nothing_follows() -> None:
    lines = Lines()
    assert list(lines.feed(b"  1.250 kg")) == []
    assert list(lines.silent()) == [AdamWeight(1250)]


def test_the_tail_of_endless_noise_is_never_taken_for_a_weight() -> None:
    lines = Lines()
    assert list(lines.feed(b"7" * 10_000)) == []
    assert list(lines.feed(b" 1.250 kg\r\n")) == []
    assert list(lines.feed(b" 1.250 kg\r\n")) == [AdamWeight(1250)]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=2 * LONGEST_LINE_BYTES), max_size=8), st.integers(1, 99_999))
def test_after_any_noise_the_next_adam_line_is_read_exactly(noise: list[bytes], grams: int) -> None:
    lines = Lines()
    for piece in noise:
        list(lines.feed(piece))
    found = list(lines.feed(b"\r\n%6d.%03d kg\r\n" % (grams // 1000, grams % 1000)))
    assert found[-1] == AdamWeight(grams)


@settings(deadline=None)
@given(st.integers(0, 1_000_000))
def test_every_whole_gram_is_read_exactly_in_kilograms(grams: int) -> None:
    assert whole_grams(f"{grams // 1000}.{grams % 1000:03d}", WeightUnit.KILOGRAM) == grams


@pytest.mark.parametrize("text", ["", ".", "1,5", "-1", "1e3", "٣", "nan", "1.2.3", " "])
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(UnreadableWeight):
        whole_grams(text, WeightUnit.KILOGRAM)


def test_a_weighing_that_is_not_stable_has_no_weights() -> None:
    assert Weighing(WeightState.ZERO) == weighing_of_status(0x10)
