"""Faults as they are written on the command line."""

from __future__ import annotations

import pytest

from device_gateway.simulators import (
    LINE_FAULTS,
    CutAtByte,
    Faults,
    LateAnswer,
    NoAnswer,
    PaperOut,
    WrongFault,
    read_faults,
)


def test_faults_are_read_with_their_values() -> None:
    faults = read_faults(["late-answer=0.25", "cut-at-byte=120", "no-answer"], LINE_FAULTS)

    assert faults.of(LateAnswer) == LateAnswer(0.25)
    assert faults.of(CutAtByte) == CutAtByte(120)
    assert NoAnswer in faults


def test_paper_out_without_a_byte_is_from_the_start() -> None:
    possible = (*LINE_FAULTS, PaperOut)
    assert read_faults(["paper-out"], possible).of(PaperOut) == PaperOut(0)
    assert read_faults(["paper-out=77"], possible).of(PaperOut) == PaperOut(77)


def test_a_fault_that_the_device_cannot_have_is_refused_with_those_it_can() -> None:
    with pytest.raises(WrongFault) as refused:
        read_faults(["paper-out"], (NoAnswer, CutAtByte))
    assert str(refused.value) == "There is no fault 'paper-out' of this device; there are no-answer, cut-at-byte."


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("late-answer", "late-answer takes 0 to 600 seconds, as in late-answer=2.5."),
        ("late-answer=soon", "late-answer takes 0 to 600 seconds, as in late-answer=2.5."),
        ("late-answer=nan", "late-answer takes 0 to 600 seconds, as in late-answer=2.5."),
        ("cut-at-byte=-1", "cut-at-byte takes a whole number of bytes, as in cut-at-byte=120."),
        ("no-answer=1", "no-answer takes no value."),
    ],
)
def test_a_wrong_value_is_refused_with_an_example(text: str, sentence: str) -> None:
    with pytest.raises(WrongFault) as refused:
        read_faults([text], LINE_FAULTS)
    assert str(refused.value) == sentence


def test_without_faults_there_is_none() -> None:
    assert Faults().of(LateAnswer) is None
    assert NoAnswer not in Faults()
