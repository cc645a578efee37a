"""What the files of Sberbank's and ARCUS2's programs mean."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.domain.card_operations import (
    Approved,
    CardOperation,
    Declined,
    OperationResult,
    Slips,
    Unknown,
)
from device_gateway.drivers.terminal.process_and_files.dialect import read_dialect
from device_gateway.drivers.terminal.process_and_files.results import ResultFiles, outcome_in
from libs.contracts.terminals import CardFacts, CardReferences

LAST_SLIP = CardOperation(UUID(int=2), "last_slip", "RUB", 0, "A2")
SALE = CardOperation(UUID(int=1), "purchase", "RUB", 10_000, "A1")
E_FILE = "0,ОДОБРЕНО\r\n************1234\r\n\r\n123456\r\n7\r\n\r\n\r\n00998877\r\n20260302121500\r\n000000000042\r\n"


def read(
    dialect: str,
    outcome: bytes | None,
    slip: bytes | None = None,
    finished: bool = True,
    operation: CardOperation = SALE,
) -> OperationResult:
    rules = read_dialect(dialect)
    return outcome_in(ResultFiles(outcome, slip, finished), operation, rules, encoding=rules.encoding, zone=UTC)


def test_the_first_line_of_e_approves_and_the_others_are_the_references() -> None:
    outcome = read("sberbank", E_FILE.encode("koi8_r"), "ЧЕК\r\n100.00\r\n\r\n".encode("koi8_r"))
    assert isinstance(outcome, Approved)
    assert outcome.amount_minor == 10_000
    assert outcome.text == "ОДОБРЕНО"
    assert outcome.card == CardFacts(masked_number="************1234")
    assert outcome.references == CardReferences(
        terminal_id="00998877",
        receipt_number="7",
        approval_code="123456",
        retrieval_reference="000000000042",
        transaction_time=datetime(2026, 3, 2, 12, 15, tzinfo=UTC),
    )
    assert outcome.slips.customer == ("ЧЕК", "100.00")


def test_a_code_of_sberbank_is_a_decline_in_words() -> None:
    assert read("sberbank", "2000,\r\n".encode("koi8_r")) == Declined("2000", "It was cancelled at the terminal.")
    assert read("sberbank", "4999,НЕЛЬЗЯ\r\n".encode("koi8_r")) == Declined("4999", "НЕЛЬЗЯ")


@pytest.mark.parametrize("code", [b"4140", b"4142"])
def test_a_transaction_that_the_terminal_left_open_is_unknown(code: bytes) -> None:
    assert isinstance(read("sberbank", code + b",?\r\n"), Unknown)


@pytest.mark.parametrize("outcome", [None, b"", b"\r\n", b"\xff\xfe0\x00,\x00", b"garbage", b",OK\r\n", b"-1,OK\r\n"])
def test_a_file_that_is_missing_empty_or_garbage_is_unknown(outcome: bytes | None) -> None:
    assert isinstance(read("sberbank", outcome), Unknown)
    assert isinstance(read("arcus2", outcome if outcome != b"garbage" else None), Unknown)


@pytest.mark.parametrize("outcome", [None, b"0,OK\r\n"])
def test_the_last_slip_is_the_answer_with_or_without_a_code(outcome: bytes | None) -> None:
    slip = "ЧЕК\r\n100.00\r\n".encode("koi8_r")
    assert read("sberbank", outcome, slip, operation=LAST_SLIP) == Approved(
        0, slips=Slips(("ЧЕК", "100.00"), ("ЧЕК", "100.00"))
    )
    nothing = Declined("no_slip", "The terminal has no last slip.")
    assert read("sberbank", outcome, b"\r\n", operation=LAST_SLIP) == nothing
    assert read("sberbank", b"4309,\r\n", operation=LAST_SLIP) == Declined("4309", "There is nothing to print.")


@settings(deadline=None)
@given(st.integers(0, len(E_FILE)))
def test_a_file_cut_short_is_approved_only_with_its_whole_first_line_and_never_with_half_a_reference(cut: int) -> None:
    outcome = read("sberbank", E_FILE.encode("koi8_r")[:cut], finished=False)
    whole_first_line = cut > E_FILE.index("\r")
    assert isinstance(outcome, Approved if whole_first_line else Unknown)
    if isinstance(outcome, Approved):
        assert outcome.references is not None
        assert outcome.references.approval_code in (None, "123456")
        assert outcome.references.retrieval_reference in (None, "000000000042")


def test_half_a_code_is_never_another_code() -> None:
    assert isinstance(read("sberbank", b"20", finished=False), Unknown)
    assert isinstance(read("sberbank", b"2000,", finished=False), Unknown)
    assert isinstance(read("arcus2", b"0", finished=True), Unknown)


def test_arcus2_approves_with_00_and_takes_the_retrieval_reference_from_the_slip() -> None:
    outcome = read("arcus2", "00 ОДОБРЕНО\r\n".encode("cp1251"), "ЧЕК\r\nRRN:000000000042\r\n".encode("cp1251"))
    assert isinstance(outcome, Approved)
    assert outcome.references == CardReferences(retrieval_reference="000000000042")


def test_arcus2_declines_with_any_other_code() -> None:
    assert read("arcus2", "51 ОТКАЗ\r\n".encode("cp1251")) == Declined("51", "ОТКАЗ")


@settings(deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=50), st.booleans())
def test_any_bytes_have_an_outcome(outcome: bytes, slip: bytes, finished: bool) -> None:
    for dialect in ("sberbank", "arcus2"):
        assert isinstance(read(dialect, outcome, slip, finished), Approved | Declined | Unknown)
