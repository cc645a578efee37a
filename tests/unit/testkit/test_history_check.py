"""The history check catches every kind of broken promise, and accepts every history that keeps them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.testkit.history import Answer, Document, FinalState, History, Outcome, TillState, violations

FLOAT_MINOR = 10_000


def a_day(*tills: str, sales: int = 3) -> tuple[History, FinalState]:
    """A day on which every promise was kept: each till sold `sales` times for 100, 200, 300 ..."""
    history = History()
    stored = []
    for till in tills:
        for number in range(1, sales + 1):
            sale = f"{till}-{number}"
            history.ok(history.invoke(till, sale), Answer(number, number * 100, number * 100))
            stored.append(Document(sale, till, number, number * 100, cash_minor=number * 100))
    total_minor = sum(number * 100 for number in range(1, sales + 1))
    states = [
        TillState(till, sales, sales, 0, sales, total_minor, FLOAT_MINOR, FLOAT_MINOR + total_minor) for till in tills
    ]
    return history, FinalState(stored, [replace(each, cash_minor=None) for each in stored], states)


def kinds(history: History, final: FinalState) -> set[str]:
    return {violation.kind for violation in violations(history, final)}


def without(documents: list[Document], sale: str) -> list[Document]:
    return [document for document in documents if document.sale_id != sale]


def changed(documents: list[Document], sale: str, **changes: object) -> list[Document]:
    return [
        replace(document, **changes) if document.sale_id == sale else document  # type: ignore[arg-type]  # test data
        for document in documents
    ]


def test_a_day_that_keeps_every_promise_has_no_violation() -> None:
    assert violations(*a_day("a", "b")) == []


def test_an_empty_day_has_no_violation() -> None:
    assert violations(History(), FinalState((), (), [TillState("a", 0, 0, 0, 0, 0, 500, 500)])) == []


def test_a_sale_that_is_unknown_may_be_there_or_not() -> None:
    history, final = a_day("a")
    history.unknown(history.invoke("a", "a-4"))
    assert violations(history, final) == []
    there = Document("a-4", "a", 4, 400, cash_minor=400)
    [till] = final.tills
    more = replace(
        till,
        through_number=4,
        held_count=4,
        report_documents=4,
        report_total_minor=till.report_total_minor + 400,
        expected_cash_minor=till.expected_cash_minor + 400,
    )
    assert violations(history, FinalState([*final.stored, there], [*final.heard, there], [more])) == []


def test_a_request_that_never_returned_is_unknown() -> None:
    history, final = a_day("a")
    history.invoke("a", "a-4")
    assert history.count(Outcome.UNKNOWN) == 1
    assert violations(history, final) == []


def test_a_duplicate_may_be_refused_while_the_other_is_under_way() -> None:
    history = History()
    first, second = history.invoke("a", "a-1"), history.invoke("a", "a-1")
    history.fail(second)
    history.ok(first, Answer(1, 100, 100))
    stored = [Document("a-1", "a", 1, 100, 100)]
    assert violations(history, FinalState(stored, stored, [TillState("a", 1, 1, 0, 1, 100, 0, 100)])) == []


def test_other_contents_under_the_id_of_an_acknowledged_sale_may_be_refused() -> None:
    history, final = a_day("a")
    history.fail(history.invoke("a", "a-1", "other contents"))
    assert violations(history, final) == []


def test_a_refused_repetition_of_an_acknowledged_request_is_found() -> None:
    history, final = a_day("a")
    history.fail(history.invoke("a", "a-1"))
    assert kinds(history, final) == {"refused-again"}


def damaged_lost(final: FinalState) -> FinalState:
    return replace(final, stored=without(list(final.stored), "a-2"))


def damaged_lost_at_the_subscriber(final: FinalState) -> FinalState:
    return replace(final, heard=without(list(final.heard), "a-2"))


def damaged_doubled(final: FinalState) -> FinalState:
    return replace(final, stored=[*final.stored, final.stored[0]])


def damaged_doubled_effect(final: FinalState) -> FinalState:
    return replace(final, heard=changed(list(final.heard), "b-1", effects=2))


def damaged_double_number(final: FinalState) -> FinalState:
    return replace(final, stored=changed(list(final.stored), "a-3", number=2))


def damaged_gap(final: FinalState) -> FinalState:
    return replace(final, stored=changed(list(final.stored), "a-3", number=7))


def damaged_total(final: FinalState) -> FinalState:
    return replace(final, stored=changed(list(final.stored), "b-3", total_minor=301))


def damaged_subscriber_total(final: FinalState) -> FinalState:
    return replace(final, heard=changed(list(final.heard), "b-3", total_minor=299))


def damaged_report(final: FinalState) -> FinalState:
    return replace(final, tills=[replace(final.tills[0], report_total_minor=599), final.tills[1]])


def damaged_drawer(final: FinalState) -> FinalState:
    return replace(final, tills=[replace(final.tills[0], expected_cash_minor=0), final.tills[1]])


def damaged_continuity(final: FinalState) -> FinalState:
    return replace(final, tills=[replace(final.tills[0], held_count=2, missing_count=1), final.tills[1]])


def damaged_silent_till(final: FinalState) -> FinalState:
    return replace(final, tills=final.tills[1:])


def damaged_phantom(final: FinalState) -> FinalState:
    return replace(final, stored=[*final.stored, Document("stranger", "a", 4, 1, cash_minor=1)])


def damaged_other_till(final: FinalState) -> FinalState:
    return replace(final, stored=changed(list(final.stored), "a-3", till_id="b"))


def damaged_only_heard(final: FinalState) -> FinalState:
    return replace(final, heard=[*final.heard, Document("stranger", "a", 4, 1)])


def damaged_not_drained(final: FinalState) -> FinalState:
    return replace(final, remaining={"sales outbox": 3, "catalog inbox dead": 0})


@pytest.mark.parametrize(
    ("damage", "expected"),
    [
        (damaged_lost, {"lost", "not-stored", "gap", "continuity", "totals", "drawer"}),
        (damaged_lost_at_the_subscriber, {"lost", "not-heard"}),
        (damaged_doubled, {"doubled", "double-number", "totals", "drawer"}),
        (damaged_doubled_effect, {"doubled"}),
        (damaged_double_number, {"double-number", "altered", "continuity"}),
        (damaged_gap, {"gap", "altered", "continuity"}),
        (damaged_total, {"altered", "totals"}),
        (damaged_subscriber_total, {"altered"}),
        (damaged_report, {"totals"}),
        (damaged_drawer, {"drawer"}),
        (damaged_continuity, {"continuity"}),
        (damaged_silent_till, {"continuity"}),
        (damaged_phantom, {"phantom", "not-heard", "continuity", "totals", "drawer"}),
        (damaged_other_till, {"altered", "phantom", "double-number", "continuity", "totals", "drawer"}),
        (damaged_only_heard, {"not-stored"}),
        (damaged_not_drained, {"not-drained"}),
    ],
)
def test_what_is_wrong_in_the_final_state_is_found(
    damage: Callable[[FinalState], FinalState], expected: set[str]
) -> None:
    history, final = a_day("a", "b")
    assert kinds(history, damage(final)) == expected


def test_two_answers_that_contradict_each_other_are_found() -> None:
    history, final = a_day("a")
    history.ok(history.invoke("a", "a-1"), Answer(1, 150, 150))
    assert kinds(history, final) == {"contradiction", "altered"}


def test_a_refused_sale_that_was_made_all_the_same_is_found() -> None:
    history = History()
    history.fail(history.invoke("a", "a-1"))
    history.fail(history.invoke("a", "a-1"))
    made = Document("a-1", "a", 1, 100, cash_minor=100)
    till = TillState("a", 1, 1, 0, 1, 100, FLOAT_MINOR, FLOAT_MINOR + 100)
    assert kinds(history, FinalState([made], [made], [till])) == {"refused-yet-sold"}


def test_a_number_given_out_after_a_higher_one_was_acknowledged_is_found() -> None:
    history = History()
    history.ok(history.invoke("a", "late"), Answer(2, 100, 100))
    history.ok(history.invoke("a", "early"), Answer(1, 100, 100))
    stored = [Document("late", "a", 2, 100, 100), Document("early", "a", 1, 100, 100)]
    till = TillState("a", 2, 2, 0, 2, 200, 0, 200)
    assert kinds(history, FinalState(stored, stored, [till])) == {"order"}


def test_sales_that_were_under_way_together_may_be_numbered_either_way() -> None:
    history = History()
    first, second = history.invoke("a", "first"), history.invoke("a", "second")
    history.ok(second, Answer(1, 100, 100))
    history.ok(first, Answer(2, 100, 100))
    stored = [Document("first", "a", 2, 100, 100), Document("second", "a", 1, 100, 100)]
    assert violations(history, FinalState(stored, stored, [TillState("a", 2, 2, 0, 2, 200, 0, 200)])) == []


def test_a_later_retry_does_not_make_an_early_number_look_late() -> None:
    history, final = a_day("a")
    history.ok(history.invoke("a", "a-1"), Answer(1, 100, 100))
    assert violations(history, final) == []


@given(lost=st.integers(1, 6), at_the_subscriber=st.booleans(), sales=st.integers(1, 6))
def test_any_one_lost_sale_is_found(lost: int, at_the_subscriber: bool, sales: int) -> None:
    history, final = a_day("a", "b", sales=sales)
    sale = f"b-{min(lost, sales)}"
    damaged = (
        replace(final, heard=without(list(final.heard), sale))
        if at_the_subscriber
        else replace(final, stored=without(list(final.stored), sale))
    )
    assert any(found.kind == "lost" and sale in found.text for found in violations(history, damaged))
