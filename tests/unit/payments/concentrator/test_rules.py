"""Replies, reversals, routing, links and batches."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.payments.domain.concentrator.batch import (
    AfterSettlement,
    BatchItem,
    BatchKind,
    BatchTotals,
    Total,
    settlement,
    step_after_settlement,
    totals_of,
)
from services.payments.domain.concentrator.links import LinkName, Links, NoBackup, SwitchRules
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.replies import (
    HostApproved,
    HostDeclined,
    HostUncertain,
    decision_in,
)
from services.payments.domain.concentrator.reversing import (
    AlreadySettled,
    Backoff,
    NextStep,
    Sending,
    Stored,
    StoredKind,
    StoredState,
    next_to_send,
    step_after,
)
from services.payments.domain.concentrator.routing import NoRoute, Route, Routes, RoutesWrong
from services.payments.domain.concentrator.sensitive import CardNumber
from tests.unit.payments.concentrator.samples import MERCHANT, NOW, PAN, TRACE

PRIMARY, BACKUP = LinkName.PRIMARY, LinkName.BACKUP
RULES = SwitchRules(failures=3, healthy_echoes=2, stay=timedelta(minutes=5))


def reply(code: str, **fields: str) -> Message:
    return Message.of("0210", {39: code, **{int(name[1:]): text for name, text in fields.items()}})


def test_00_approves_with_the_hosts_references() -> None:
    decision = decision_in(reply("00", f4="000000010000", f38="A00042", f37="606111000042"))
    assert decision == HostApproved(10_000, "A00042", "606111000042")


def test_a_partial_approval_tells_how_much() -> None:
    assert decision_in(reply("10", f4="000000004000"), partial_codes={"10"}) == HostApproved(4_000, None, None)
    assert isinstance(decision_in(reply("10", f4="000000004000")), HostDeclined)


def test_another_code_declines_in_words_and_a_missing_or_uncertain_one_is_uncertain() -> None:
    assert decision_in(reply("51")) == HostDeclined("51", "There is not enough money on the card.")
    assert decision_in(reply("77")) == HostDeclined("77", "The bank declined with code 77.")
    assert decision_in(reply("96"), uncertain_codes={"96"}) == HostUncertain("96")
    assert decision_in(Message.of("0210", {11: "000001"})) == HostUncertain("")


@pytest.mark.parametrize(
    ("sending", "answer", "step"),
    [
        (Sending.UNSENT, None, NextStep.MAY_SEND),
        (Sending.UNANSWERED, None, NextStep.REVERSE),
        (Sending.ANSWERED, reply("00"), NextStep.DONE),
        (Sending.ANSWERED, reply("51"), NextStep.DONE),
        (Sending.ANSWERED, reply("96"), NextStep.REVERSE),
    ],
)
def test_only_what_was_never_sent_may_be_sent_and_what_has_no_reply_is_reversed(
    sending: Sending, answer: Message | None, step: NextStep
) -> None:
    assert step_after(sending, answer, uncertain_codes={"96"}) is step


def stored(kind: StoredKind = StoredKind.REVERSAL, sequence: int = 1) -> Stored:
    return Stored(kind, "acquirer", "TERM0001", sequence)


def test_a_reversal_is_0420_at_first_and_0421_from_then_on() -> None:
    first = stored()
    assert first.message_type == "0420"
    second = first.attempted(NOW, Backoff(5, 300))
    assert second.message_type == "0421"
    assert second.next_at == NOW + timedelta(seconds=5)
    assert not second.due(NOW + timedelta(seconds=4))
    assert second.due(NOW + timedelta(seconds=5))


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("00", StoredState.CONFIRMED),
        ("25", StoredState.CONFIRMED),
        ("94", StoredState.CONFIRMED),
        ("91", StoredState.WAITING),
        ("96", StoredState.WAITING),
        ("12", StoredState.REFUSED),
    ],
)
def test_a_reversal_is_sent_until_the_host_settles_it(code: str, state: StoredState) -> None:
    assert stored().attempted(NOW, Backoff()).answered(reply(code)).state is state


def test_a_settled_reversal_is_never_sent_again() -> None:
    done = stored().attempted(NOW, Backoff()).answered(reply("00"))
    with pytest.raises(AlreadySettled):
        done.attempted(NOW, Backoff())
    with pytest.raises(AlreadySettled):
        done.answered(reply("00"))


def test_the_pause_doubles_up_to_its_limit() -> None:
    assert [Backoff(5, 60).after(attempts).seconds for attempts in (1, 2, 3, 4, 5, 99)] == [5, 10, 20, 40, 60, 60]


def test_reversals_go_before_completions_in_their_order_and_a_waiting_one_holds_up_the_rest() -> None:
    completion, first, second = stored(StoredKind.COMPLETION, 1), stored(sequence=2), stored(sequence=3)
    assert next_to_send([completion, second, first], NOW) == first
    assert next_to_send([completion, second, first.attempted(NOW, Backoff())], NOW) is None
    assert next_to_send([completion], NOW) == completion
    assert completion.attempted(NOW, Backoff()).message_type == "0221"
    assert next_to_send([], NOW) is None


def test_the_longest_range_of_first_digits_decides() -> None:
    routes = Routes([Route("4", "5", "one"), Route("411111", "411112", "two"), Route("2221", "2720", "three")], None)
    assert routes.acquirer_for(CardNumber(PAN)) == "two"
    assert routes.acquirer_for(CardNumber("4012888888881881")) == "one"
    assert routes.acquirer_for(CardNumber("5555555555554444")) == "one"
    with pytest.raises(NoRoute, match="378282"):
        routes.acquirer_for(CardNumber("378282246310005"))
    assert Routes([], "rest").acquirer_for(CardNumber(PAN)) == "rest"


@pytest.mark.parametrize(("first", "last"), [("5", "4"), ("4", "49"), ("", ""), ("4x", "4y"), ("1" * 12, "1" * 12)])
def test_a_wrong_range_is_refused(first: str, last: str) -> None:
    with pytest.raises(RoutesWrong, match="same length"):
        Route(first, last, "one")


def test_ranges_that_overlap_are_refused() -> None:
    with pytest.raises(RoutesWrong, match="overlap"):
        Routes([Route("40", "45", "one"), Route("44", "49", "two")])


def test_the_link_is_switched_after_failures_in_a_row() -> None:
    links = Links()
    for _ in range(2):
        links = links.failed(PRIMARY, NOW, RULES)
    assert links.active is PRIMARY
    links = links.succeeded(PRIMARY, NOW, RULES).failed(PRIMARY, NOW, RULES).failed(PRIMARY, NOW, RULES)
    assert links.active is PRIMARY
    assert links.failed(PRIMARY, NOW, RULES).active is BACKUP


def on_backup() -> Links:
    links = Links()
    for _ in range(3):
        links = links.failed(PRIMARY, NOW, RULES)
    return links.succeeded(BACKUP, NOW, RULES)


def test_it_goes_back_after_healthy_echoes_and_not_before_its_stay_is_over() -> None:
    early, late = NOW + timedelta(minutes=4), NOW + timedelta(minutes=5)
    links = on_backup().succeeded(PRIMARY, early, RULES).succeeded(PRIMARY, early, RULES)
    assert links.active is BACKUP
    assert links.failed(PRIMARY, late, RULES).succeeded(PRIMARY, late, RULES).active is BACKUP
    assert links.succeeded(PRIMARY, late, RULES).active is PRIMARY


def test_a_healthy_echo_of_the_backup_brings_nobody_back_to_a_dead_primary() -> None:
    late = NOW + timedelta(hours=1)
    assert on_backup().succeeded(BACKUP, late, RULES).active is BACKUP


def test_when_both_were_down_the_first_that_works_is_used() -> None:
    links = on_backup()
    for _ in range(3):
        links = links.failed(BACKUP, NOW, RULES)
    assert links.active is BACKUP
    assert links.succeeded(PRIMARY, NOW, RULES).active is PRIMARY


def test_an_operators_choice_stands_until_it_is_released() -> None:
    links = Links().switched_by_operator(BACKUP, NOW)
    for _ in range(9):
        links = links.failed(BACKUP, NOW, RULES)
    assert links.active is BACKUP
    assert links.order() == (BACKUP,)
    assert links.released().order() == (BACKUP, PRIMARY)
    with pytest.raises(NoBackup):
        Links(has_backup=False).switched_by_operator(BACKUP, NOW)


def test_an_acquirer_with_one_link_never_switches() -> None:
    links = Links(has_backup=False)
    for _ in range(9):
        links = links.failed(PRIMARY, NOW, RULES)
    assert (links.active, links.order()) == (PRIMARY, (PRIMARY,))


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(LinkName), st.booleans(), st.integers(0, 400)), max_size=60))
def test_whatever_happens_it_switches_to_a_link_only_after_the_other_failed_or_came_back(
    events: list[tuple[LinkName, bool, int]],
) -> None:
    links, at = Links(), NOW
    for link, good, pause_s in events:
        at += timedelta(seconds=pause_s)
        before = links
        links = links.succeeded(link, at, RULES) if good else links.failed(link, at, RULES)
        if links.active is before.active:
            continue
        failed_away = links.health_of(before.active).failures >= RULES.failures
        assert failed_away or (
            links.active is PRIMARY and links.primary.healthy >= RULES.healthy_echoes and before.since is not None
        )
        if not failed_away:
            assert before.since is not None
            assert at - before.since >= RULES.stay
        assert links.health_of(links.active).failures < RULES.failures
        assert links.since == at


def test_a_batch_counts_a_reversed_sale_as_sale_and_as_reversed() -> None:
    totals = totals_of(
        [
            BatchItem(BatchKind.DEBIT, 10_000),
            BatchItem(BatchKind.DEBIT_REVERSED, 2_000),
            BatchItem(BatchKind.CREDIT, 3_000),
        ]
    )
    assert totals == BatchTotals(
        debits=Total(2, 12_000), debit_reversals=Total(1, 2_000), credits=Total(1, 3_000), credit_reversals=Total()
    )
    assert totals.net_minor == 7_000


def test_a_settlement_carries_counts_sums_and_the_net_amount() -> None:
    totals = totals_of([BatchItem(BatchKind.DEBIT, 10_000), BatchItem(BatchKind.CREDIT, 12_500)])
    message = settlement(MERCHANT, TRACE, totals)
    assert message.mti == "0500"
    assert {number: message.fields[number] for number in (3, 50, 74, 75, 76, 77, 86, 87, 88, 89, 97)} == {
        3: "920000",
        50: "985",
        74: "0000000001",
        75: "0000000000",
        76: "0000000001",
        77: "0000000000",
        86: "0000000000012500",
        87: "0000000000000000",
        88: "0000000000010000",
        89: "0000000000000000",
        97: "D0000000000002500",
    }


@pytest.mark.parametrize(
    ("answer", "step"),
    [
        (reply("00"), AfterSettlement.CLOSED),
        (reply("95"), AfterSettlement.UPLOAD),
        (reply("96"), AfterSettlement.ASK_AGAIN),
        (None, AfterSettlement.ASK_AGAIN),
    ],
)
def test_out_of_balance_is_followed_by_an_upload_and_silence_by_asking_again(
    answer: Message | None, step: AfterSettlement
) -> None:
    assert step_after_settlement(answer) is step
