from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.identity.domain.key_ring import CLOCK_MARGIN, KeyRing, NoSigningKey, RotationPolicy, SigningKey

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
POLICY = RotationPolicy(
    rotate_every=timedelta(days=30), publish_ahead=timedelta(days=1), longest_token_life=timedelta(hours=12)
)


def key(kid: str, published_at: datetime, signs_from: datetime) -> SigningKey:
    return SigningKey(kid, {"kid": kid}, b"encrypted", published_at, signs_from)


FIRST = key("first", START, START)
SECOND = key("second", START + timedelta(days=29), START + timedelta(days=30))


def kids(keys: list[SigningKey]) -> list[str]:
    return [one.kid for one in keys]


def test_an_empty_ring_signs_nothing_and_wants_a_key_at_once() -> None:
    ring = KeyRing([])
    with pytest.raises(NoSigningKey):
        ring.signing(START)
    assert ring.successor_signs_from(START, POLICY) == START


def test_successor_is_due_a_day_before_it_signs() -> None:
    ring = KeyRing([FIRST])
    almost = START + timedelta(days=29) - timedelta(seconds=1)
    assert ring.successor_signs_from(almost, POLICY) is None
    assert ring.successor_signs_from(START + timedelta(days=29), POLICY) == START + timedelta(days=30)


def test_a_successor_made_late_is_still_published_before_it_signs() -> None:
    late = START + timedelta(days=40)
    assert KeyRing([FIRST]).successor_signs_from(late, POLICY) == late + timedelta(days=1)


def test_a_published_successor_is_not_made_twice() -> None:
    assert KeyRing([FIRST, SECOND]).successor_signs_from(START + timedelta(days=29, hours=1), POLICY) is None


def test_the_old_key_signs_until_the_new_one_does() -> None:
    ring = KeyRing([SECOND, FIRST])
    assert ring.signing(START + timedelta(days=30) - timedelta(microseconds=1)) == FIRST
    assert ring.signing(START + timedelta(days=30)) == SECOND


def test_the_old_key_stays_published_as_long_as_its_last_token_lives() -> None:
    ring = KeyRing([FIRST, SECOND])
    end = START + timedelta(days=30) + POLICY.longest_token_life + CLOCK_MARGIN
    assert kids(ring.published(end - timedelta(microseconds=1), POLICY)) == ["first", "second"]
    assert kids(ring.published(end, POLICY)) == ["second"]
    assert kids(ring.retired(end, POLICY)) == ["first"]


def test_the_only_key_is_never_retired() -> None:
    years = START + timedelta(days=3650)
    assert KeyRing([FIRST]).retired(years, POLICY) == []
    assert KeyRing([FIRST]).signing(years) == FIRST


class Rotation(RuleBasedStateMachine):
    """However irregularly the job runs, every token is verifiable for as long as it lives."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.keys: dict[str, SigningKey] = {}
        self.tokens: list[tuple[str, datetime]] = []
        self.made = 0

    @initialize()
    def starts(self) -> None:
        self.job_runs()

    @rule()
    def job_runs(self) -> None:
        ring = KeyRing(self.keys.values())
        signs_from = ring.successor_signs_from(self.now, POLICY)
        if signs_from is not None:
            self.made += 1
            new = key(f"key {self.made}", self.now, signs_from)
            self.keys[new.kid] = new
        for old in ring.retired(self.now, POLICY):
            del self.keys[old.kid]

    @rule(hours=st.integers(1, 72))
    def wait(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(days=st.integers(10, 200))
    def wait_long(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule(life_s=st.integers(1, int(POLICY.longest_token_life.total_seconds())))
    def issue_token(self, life_s: int) -> None:
        signing = KeyRing(self.keys.values()).signing(self.now)
        self.tokens.append((signing.kid, self.now + timedelta(seconds=life_s)))

    @invariant()
    def some_key_signs_and_is_published(self) -> None:
        if not self.keys:
            return
        ring = KeyRing(self.keys.values())
        assert ring.signing(self.now).kid in kids(ring.published(self.now, POLICY))

    @invariant()
    def every_living_token_can_be_verified(self) -> None:
        published = kids(KeyRing(self.keys.values()).published(self.now, POLICY))
        for kid, expires_at in self.tokens:
            if expires_at > self.now:
                assert kid in published

    @invariant()
    def every_later_key_was_published_ahead(self) -> None:
        for one in self.keys.values():
            if one.kid != "key 1":
                assert one.signs_from - one.published_at >= POLICY.publish_ahead

    @invariant()
    def few_keys_are_kept(self) -> None:
        ring = KeyRing(self.keys.values())
        assert len(ring.published(self.now, POLICY)) <= 3


TestRotation = Rotation.TestCase
TestRotation.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
