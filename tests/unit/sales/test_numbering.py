"""Numbers of a till: every one held once, whatever order they arrive in (retail rule 25)."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.contracts.refusal import Invalid
from services.sales.domain.numbering import (
    Gap,
    NumberTaken,
    UnreadableReceiptCode,
    receipt_code,
    sale_id_of,
    take_number,
)


class Series:
    """What is stored of a till, changed only by what `take_number` says."""

    def __init__(self) -> None:
        self.last_number = 0
        self.gaps: list[Gap] = []

    def take(self, number: int) -> None:
        change = take_number(number, self.last_number, self.gaps)
        if change.removed is not None:
            self.gaps.remove(change.removed)
        self.gaps += change.added
        self.last_number = change.last_number

    def missing(self) -> set[int]:
        return {number for gap in self.gaps for number in range(gap.first, gap.last + 1)}


@given(st.lists(st.integers(1, 60), unique=True, min_size=1).flatmap(st.permutations))
def test_rule_25_what_is_missing_is_exactly_what_did_not_arrive(numbers: list[int]) -> None:
    series = Series()
    for count, number in enumerate(numbers, 1):
        series.take(number)
        arrived = set(numbers[:count])
        assert series.last_number == max(arrived)
        assert series.missing() == set(range(1, max(arrived))) - arrived


@given(st.lists(st.integers(1, 30), unique=True, min_size=1), st.data())
def test_rule_25_no_number_is_taken_twice(numbers: list[int], data: st.DataObject) -> None:
    series = Series()
    for number in numbers:
        series.take(number)
    before = (series.last_number, list(series.gaps))
    with pytest.raises(NumberTaken) as refusal:
        series.take(data.draw(st.sampled_from(numbers)))
    assert refusal.value.field == "number"
    assert (series.last_number, series.gaps) == before


@pytest.mark.parametrize("number", [0, -1, 1_000_000_001])
def test_a_number_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(Invalid, match="between 1 and 1000000000"):
        take_number(number, 0, [])


@given(st.uuids())
def test_a_receipt_code_reads_back_in_any_spelling(sale_id: UUID) -> None:
    code = receipt_code(sale_id)
    assert len(code) == 26
    assert not set(code) & set("ILOU")
    spelled = "-".join([code[:6].lower(), code[6:13], code[13:]]).replace("0", "O").replace("1", "l")
    assert sale_id_of(code) == sale_id_of(spelled) == sale_id


@pytest.mark.parametrize("code", ["", "ABC", "U" * 26, "Z" * 26, receipt_code(UUID(int=7)) + "0", "é" * 26])
def test_what_is_not_a_receipt_code_is_refused(code: str) -> None:
    with pytest.raises(UnreadableReceiptCode):
        sale_id_of(code)


@given(st.text(max_size=40))
def test_any_text_is_a_receipt_code_or_refused(text: str) -> None:
    try:
        sale_id = sale_id_of(text)
    except UnreadableReceiptCode:
        return
    assert sale_id_of(receipt_code(sale_id)) == sale_id
