"""Telling a scanner from a person by the pace of the keys."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.domain.observations import Scan
from device_gateway.domain.wedge import ENTER, Scanned, Typed, Undecided, WedgeDetector


def heard(keys: list[tuple[str, int]]) -> list[Typed | Scanned]:
    """What becomes of keys, with the milliseconds since the one before."""
    detector, now_ms = WedgeDetector(), 1_000
    found: list[Typed | Scanned] = []
    for key, gap_ms in keys:
        now_ms += gap_ms
        found += [one for one in detector.key(key, now_ms) if not isinstance(one, Undecided)]
    found += detector.expired(now_ms + 30)
    return found


def test_keys_less_than_30_ms_apart_that_end_with_enter_are_a_scan() -> None:
    assert heard([("5", 500), ("9", 29), ("0", 29), ("1", 1), (ENTER, 29)]) == [Scanned(Scan("5901"))]


def test_keys_30_ms_apart_are_a_persons() -> None:
    assert heard([("5", 500), ("9", 30), ("0", 30), ("1", 30), (ENTER, 30)]) == [
        Typed("5"),
        Typed("9"),
        Typed("0"),
        Typed("1"),
        Typed(ENTER),
    ]


def test_a_carriage_return_is_enter() -> None:
    assert heard([("1", 50), ("2", 5), ("3", 5), ("4", 5), ("\r", 5)]) == [Scanned(Scan("1234"))]


def test_three_quick_keys_and_enter_are_a_persons() -> None:
    assert heard([("1", 50), ("2", 5), ("3", 5), (ENTER, 5)]) == [Typed("123" + ENTER)]


def test_quick_keys_without_enter_are_a_persons_once_a_pause_has_passed() -> None:
    detector = WedgeDetector()
    for place, key in enumerate("1234"):
        assert detector.key(key, 100 + place) == (Undecided(),)
    assert detector.expired(103 + 29) == ()
    assert detector.expired(103 + 30) == (Typed("1234"),)


def test_what_a_person_has_begun_to_type_is_not_taken_into_the_scan() -> None:
    assert heard([("a", 500), ("5", 80), ("9", 5), ("0", 5), ("1", 5), (ENTER, 5)]) == [
        Typed("a"),
        Scanned(Scan("5901")),
    ]


def test_two_scans_one_after_the_other_are_two() -> None:
    keys = [(key, 5) for key in f"5901{ENTER}5902{ENTER}"]
    assert heard(keys) == [Scanned(Scan("5901")), Scanned(Scan("5902"))]


def test_a_key_held_down_for_ever_is_given_back_in_pieces() -> None:
    found = heard([("x", 5)] * 1_200)
    assert all(isinstance(one, Typed) for one in found)
    assert "".join(one.keys for one in found if isinstance(one, Typed)) == "x" * 1_200


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "7", "-", ENTER]), st.integers(-5, 200)), max_size=60))
def test_no_key_is_lost_or_invented_at_any_pace(keys: list[tuple[str, int]]) -> None:
    found = heard(keys)
    pieces = [one.keys if isinstance(one, Typed) else f"{one.scan.text}{ENTER}" for one in found]
    assert "".join(pieces) == "".join(key for key, _ in keys)
