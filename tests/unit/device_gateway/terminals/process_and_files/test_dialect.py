"""What the banks' programs are started with, and dialects that are wrong."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from device_gateway.domain.card_operations import CardOperation, NotSent
from device_gateway.domain.masked_number import masked_number
from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.terminal.process_and_files.dialect import arguments_for, read_dialect
from libs.contracts.terminals import CardReferences, TerminalAction

ORIGINAL = CardReferences(retrieval_reference="000000000042")
NUMBERS: dict[TerminalAction, str] = {"purchase": "1", "refund": "3", "end_of_day": "65"}


def arguments(
    dialect: str, action: TerminalAction, original: CardReferences | None = None, **changes: object
) -> list[str] | NotSent:
    values: dict[str, object] = {"currency": "RUB", "amount_minor": 12_345} | changes
    operation = CardOperation(operation_id=UUID(int=1), action=action, reference="A1", original=original, **values)  # type: ignore[arg-type]
    return arguments_for(operation, read_dialect(dialect), currency="RUB", currency_number="643", numbers=NUMBERS)


@pytest.mark.parametrize(
    ("dialect", "action", "original", "started_with"),
    [
        ("sberbank", "purchase", None, ["1", "12345"]),
        ("sberbank", "refund", ORIGINAL, ["3", "12345", "0", "QSELECT", "000000000042"]),
        ("sberbank", "reversal", None, ["8", "12345"]),
        ("sberbank", "end_of_day", None, ["7"]),
        ("sberbank", "diagnosis", None, ["26"]),
        ("sberbank", "last_slip", None, ["12"]),
        ("arcus2", "purchase", None, ["/o1", "/a12345", "/c643"]),
        ("arcus2", "refund", ORIGINAL, ["/o3", "/a12345", "/c643", "/x000000000042"]),
        ("arcus2", "end_of_day", None, ["/o65"]),
    ],
)
def test_a_program_is_started_as_the_sources_do(
    dialect: str, action: TerminalAction, original: CardReferences | None, started_with: list[str]
) -> None:
    assert arguments(dialect, action, original) == started_with


def test_what_cannot_be_asked_is_not_sent_with_a_sentence() -> None:
    rrn = "The retrieval reference (RRN) of the original payment is missing; it is on its slip."
    assert arguments("sberbank", "refund") == NotSent(rrn)
    assert arguments("sberbank", "purchase", currency="EUR") == NotSent("This terminal works in RUB, not in EUR.")
    assert arguments("sberbank", "purchase", amount_minor=0) == NotSent("The amount must be above zero.")
    assert arguments("arcus2", "diagnosis") == NotSent(
        "operations.diagnosis is missing in devices.toml: its number in the bank's ops.ini."
    )
    assert isinstance(arguments("sberbank", "balance"), NotSent)


def test_a_retrieval_reference_cannot_smuggle_in_an_argument() -> None:
    assert isinstance(arguments("arcus2", "refund", CardReferences(retrieval_reference="1 /o99")), NotSent)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title = 1", "outcome_file|title"),
        ('title = "x', "cannot be read"),
        ('nonsense = "x"', "wrong"),
    ],
)
def test_a_wrong_dialect_is_refused_with_its_name(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DeviceMisconfigured, match=sentence) as refused:
        read_dialect(str(path))
    assert "own.toml" in str(refused.value)


def test_a_dialect_that_is_not_there_is_refused_with_those_there_are() -> None:
    with pytest.raises(DeviceMisconfigured, match="there are arcus2, sberbank"):
        read_dialect("ucs")


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("4276001234561234", "427600******1234"),
        ("4276 00** **** 1234", "427600******1234"),
        ("xxxxxxxxxxxx1234", "XXXXXXXXXXXX1234"),
        ("************1234", "************1234"),
        ("1234", None),
        ("VISA", None),
        ("", None),
        ("42760012*****1234", "427600*******1234"),
    ],
)
def test_of_a_card_number_at_most_the_first_six_and_last_four_digits_are_kept(told: str, kept: str | None) -> None:
    assert masked_number(told) == kept
