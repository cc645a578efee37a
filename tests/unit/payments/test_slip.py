"""Slips in our own words: what they say, in 42 columns."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.payments.domain.slip import COLUMNS, SlipCopy, SlipFacts, SlipKind, compose_slip

FACTS = SlipFacts(
    SlipKind.PAYMENT,
    datetime(2026, 3, 2, 14, 5, 9, tzinfo=UTC),
    "PLN",
    9_000,
    "TERM0001",
    merchant="SHOP00000000001",
    cash_back_minor=5_000,
    scheme="visa",
    masked_number="411111******1111",
    entry_mode="keyed",
    approval_code="A00042",
    retrieval_reference="606114000042",
    trace="000042",
    acquirer="first-bank",
)


def test_a_slip_says_who_what_and_by_which_card() -> None:
    assert compose_slip(FACTS, SlipCopy.CUSTOMER) == (
        "               CARD PAYMENT",
        "",
        "Merchant                   SHOP00000000001",
        "Terminal                          TERM0001",
        "Acquirer                        first-bank",
        "Date             2026-03-02 14:05:09+00:00",
        "Card                                  VISA",
        "Number                    411111******1111",
        "Read                                 keyed",
        "Approval code                       A00042",
        "Reference                     606114000042",
        "Trace                               000042",
        "------------------------------------------",
        "with cash-back                   PLN 50.00",
        "TOTAL                            PLN 90.00",
        "------------------------------------------",
        "              CUSTOMER COPY",
    )


@pytest.mark.parametrize(
    ("kind", "title"),
    [(SlipKind.VOID, "CARD PAYMENT VOIDED"), (SlipKind.REFUND, "CARD REFUND"), (SlipKind.PAYMENT, "CARD PAYMENT")],
)
def test_the_title_says_what_took_place_and_the_foot_whose_copy_it_is(kind: SlipKind, title: str) -> None:
    lines = compose_slip(replace(FACTS, kind=kind), SlipCopy.MERCHANT)
    assert (lines[0].strip(), lines[-1].strip()) == (title, "MERCHANT COPY")


def test_what_is_not_known_is_left_out_and_the_offset_is_told() -> None:
    warsaw = datetime(2026, 3, 2, 15, 5, tzinfo=timezone(timedelta(hours=1)))
    lines = compose_slip(SlipFacts(SlipKind.REFUND, warsaw, "JPY", 500, "counter-two"), SlipCopy.CUSTOMER)
    assert [line.split()[0] for line in lines[2:-3]] == ["Terminal", "Date", "-" * COLUMNS]
    assert (lines[3][-25:], lines[5].split()) == ("2026-03-02 15:05:00+01:00", ["TOTAL", "JPY", "500"])


def test_no_line_is_wider_than_the_paper_and_nothing_is_cut_off() -> None:
    long = "x" * 100
    lines = compose_slip(replace(FACTS, terminal=long, scheme="y" * 60), SlipCopy.CUSTOMER)
    assert max(len(line) for line in lines) == COLUMNS
    assert "".join(lines).count("x") == 100
