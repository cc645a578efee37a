"""Rules of the pages: days of a report, totals by scheme, what is typed from a slip, how links are, sessions."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from services.backoffice.domain.links import LinkFacts, other_link, state_of_acquirer, state_of_link
from services.backoffice.domain.report import Days, KindTotal, SchemeLine, WrongDays, by_scheme
from services.backoffice.domain.typed_totals import TypedTotal, WrongTotal, typed_total
from services.backoffice.domain.wording import INTENT_STATES, Tone, Worded, worded
from services.backoffice.sessions import Session, Sessions
from services.payments.domain.intent import UNRESOLVED, IntentState

TODAY = date(2026, 3, 4)
NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)


def test_a_report_without_days_is_todays() -> None:
    assert Days.of(None, "", TODAY) == Days(TODAY, TODAY)


@pytest.mark.parametrize(
    ("first", "last", "sentence"),
    [
        ("2026-03-04", "2026-03-03", "before the first"),
        ("2024-01-01", "2026-03-03", "more than 400 days"),
        ("yesterday", None, "is no date"),
    ],
)
def test_days_that_make_no_report_are_refused_with_what_would_be_right(
    first: str, last: str | None, sentence: str
) -> None:
    with pytest.raises(WrongDays, match=sentence):
        Days.of(first, last, TODAY)


def test_totals_are_by_currency_largest_first_and_each_currencys_sum_is_last() -> None:
    lines = by_scheme(
        [
            KindTotal("visa", "purchase", "EUR", 3, 3_000),
            KindTotal("visa", "refund", "EUR", 1, 500),
            KindTotal("maestro", "purchase", "EUR", 1, 9_000),
            KindTotal("visa", "pre_authorisation", "PLN", 1, 700),
            KindTotal("unknown", "purchase", "EUR", 0, 0),
        ]
    )
    assert lines == [
        SchemeLine("maestro", "EUR", 1, 9_000, 0, 0),
        SchemeLine("visa", "EUR", 3, 3_000, 1, 500),
        SchemeLine("All schemes", "EUR", 4, 12_000, 1, 500),
        SchemeLine("visa", "PLN", 1, 700, 0, 0),
        SchemeLine("All schemes", "PLN", 1, 700, 0, 0),
    ]
    assert lines[1].net_minor == 2_500


def fields(**given: str) -> dict[str, str]:
    return {"scheme": "", "sale_count": "", "sale": "", "refund_count": "", "refund": "", **given}


def test_amounts_of_a_slip_are_exact_with_a_comma_or_a_point() -> None:
    typed = typed_total(fields(scheme=" Visa ", sale_count="3", sale="1234,50", refund_count="1", refund="0.05"), "EUR")
    assert typed == TypedTotal("visa", 3, 123_450, 1, 5)
    assert typed_total(fields(scheme="jcb", sale="500"), "JPY") == TypedTotal("jcb", 0, 500, 0, 0)
    assert typed_total(fields(), "EUR") is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (fields(sale="1"), "Name the scheme"),
        (fields(scheme="visa", sale="1.005"), "2 decimals"),
        (fields(scheme="visa", sale="-1"), "not an amount"),
        (fields(scheme="visa", sale="NaN"), "not an amount"),
        (fields(scheme="visa", sale="1e40"), "not an amount"),
        (fields(scheme="visa", sale="much"), "is written as in"),
        (fields(scheme="visa", sale_count="3.5"), "not a number of payments"),
    ],
)
def test_what_is_no_total_is_refused_with_what_would_be_right(given: dict[str, str], sentence: str) -> None:
    with pytest.raises(WrongTotal, match=sentence):
        typed_total(given, "EUR")


def link(name: str, connected: int, active: int, processes: int = 2) -> LinkFacts:
    return LinkFacts(name, processes, connected, active)


@pytest.mark.parametrize(
    ("primary", "backup", "words", "tone"),
    [
        (link("primary", 2, 2), link("backup", 2, 0), "On the primary", Tone.GOOD),
        (link("primary", 0, 0), link("backup", 2, 2), "On the backup", Tone.WARNING),
        (link("primary", 2, 1), link("backup", 2, 1), "Switching", Tone.WARNING),
        (link("primary", 0, 2), link("backup", 1, 0), "Active link lost", Tone.ALARM),
        (link("primary", 0, 2), link("backup", 0, 0), "No link", Tone.ALARM),
        (link("primary", 2, 0), link("backup", 2, 0), "No active link", Tone.ALARM),
        (link("primary", 0, 0, 0), link("backup", 0, 0, 0), "Idle", Tone.QUIET),
    ],
)
def test_an_acquirer_is_as_well_as_the_link_it_sends_by(
    primary: LinkFacts, backup: LinkFacts, words: str, tone: Tone
) -> None:
    assert state_of_acquirer((primary, backup)) == Worded(words, tone)


def test_a_link_that_some_processes_lost_is_a_warning() -> None:
    assert state_of_link(link("primary", 1, 0)) == Worded("Connected 1 of 2", Tone.WARNING)
    assert state_of_link(link("primary", 0, 0)) == Worded("Not connected", Tone.ALARM)


def test_a_switch_leads_to_the_link_that_is_not_used() -> None:
    assert other_link((link("primary", 2, 2), link("backup", 2, 0))) == "backup"
    assert other_link((link("primary", 2, 0), link("backup", 2, 2))) == "primary"


def test_every_state_of_a_payment_has_words_and_what_needs_somebody_stands_out() -> None:
    assert set(INTENT_STATES) == {state.value for state in IntentState}
    loud = {name for name, state in INTENT_STATES.items() if state.tone in (Tone.ALARM, Tone.WARNING)}
    assert loud == {state.value for state in UNRESOLVED}
    assert worded(INTENT_STATES, "something_new") == Worded("Something new", Tone.QUIET)


class Watch:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


def begun(sessions: Sessions, name: str) -> Session:
    return sessions.begin(f"token of {name}", UUID(int=1), name, frozenset({"payments.read"}), NOW + timedelta(hours=8))


def test_a_session_ends_with_its_token_and_at_once_when_it_is_ended() -> None:
    watch = Watch()
    sessions = Sessions(watch, 10)
    first, second = begun(sessions, "Ada"), begun(sessions, "Mia")
    assert first.key != second.key
    assert sessions.find(first.key) == first
    sessions.end(first.key)
    assert sessions.find(first.key) is None
    watch.now += timedelta(hours=8)
    assert sessions.find(second.key) is None
    assert sessions.find(None) is None


def test_the_oldest_session_gives_way_when_there_are_too_many() -> None:
    sessions = Sessions(Watch(), 2)
    oldest, *others = (begun(sessions, name) for name in ("Ada", "Mia", "Cem"))
    assert sessions.find(oldest.key) is None
    assert [sessions.find(each.key) for each in others] == others


def test_a_session_shows_neither_token_nor_key_when_it_is_written_down() -> None:
    session = begun(Sessions(Watch(), 2), "Ada")
    assert session.token not in repr(session)
    assert session.key not in repr(session)
    assert session.may("payments.read")
    assert not session.may("payments.configure")
