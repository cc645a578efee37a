"""The ZVT driver against a simulated terminal that speaks the real bytes."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import pytest

from device_gateway.domain.card_operations import Approved, Declined, NotFound, NotSent, Unknown
from device_gateway.drivers.terminal.simulated_ledger import ApprovePart, Busy, Decline, NoCard, WrongRule
from device_gateway.drivers.terminal.zvt.driver import open_zvt
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.simulators import (
    AnswerLostAfterEffect,
    Fault,
    Faults,
    Garbage,
    LateAnswer,
    NoAnswer,
    serving,
)
from libs.contracts.terminals import CardFacts, CardReferences, SchemeTotal
from tests.integration.device_gateway.terminals.operations import approved, inquiry_about, operation, performed, until
from tests.integration.device_gateway.terminals.zvt.terminals import moved, options_for, terminal


def test_a_purchase_tells_references_card_and_both_slips() -> None:
    shown: list[str] = []
    with terminal() as (simulator, device):
        result = device.perform(operation("purchase", 1234), lambda stage, text: shown.append(stage))

        assert moved(simulator) == [("charge", 1234)]
    assert isinstance(result, Approved)
    assert result.amount_minor == 1234
    assert result.card == CardFacts(masked_number="443056******1234", scheme="Visa")
    assert result.references == CardReferences(
        terminal_id="52000001", trace="000001", receipt_number="0001", approval_code="A00001"
    )
    assert result.slips.customer == ("CUSTOMER", "CHARGE 0001", "443056******1234", "12.34 EUR")
    assert result.slips.merchant == ("MERCHANT", "CHARGE 0001", "443056******1234", "12.34 EUR")
    assert shown == ["insert_card", "wait_for_host"]


def test_slips_that_come_line_by_line_go_on_both_sides() -> None:
    with terminal(text_blocks=False) as (_, device):
        slips = approved(device, operation("purchase", 5)).slips

    assert slips.customer == slips.merchant == ("CHARGE 0001", "443056******1234", "0.05 EUR")


def test_a_card_number_that_the_terminal_sends_whole_is_masked_everywhere() -> None:
    with terminal(card_number="4111111111111111") as (_, device):
        result = approved(device, operation("purchase", 1234))

    assert result.card == CardFacts(masked_number="411111******1111", scheme="Visa")
    assert "4111111111111111" not in repr(result)


def test_a_refund_and_a_reversal_move_the_money_back_once() -> None:
    with terminal() as (simulator, device):
        sold = approved(device, operation("purchase", 1000))
        approved(device, operation("refund", 300))
        reversed_ = approved(device, operation("reversal", 1000, original=sold.references))
        again = performed(device, operation("reversal", 1000, original=sold.references))

        assert moved(simulator) == [("charge", 1000), ("refund", 300), ("reversal", 1000)]
    assert reversed_.amount_minor == 1000
    assert again == Declined("B4", "This transaction has been reversed already.")


def test_a_pre_authorisation_is_booked_or_released() -> None:
    with terminal() as (simulator, device):
        first = approved(device, operation("pre_authorisation", 5000))
        approved(device, operation("completion", 4200, original=first.references))
        second = approved(device, operation("pre_authorisation", 2000))
        approved(device, operation("pre_authorisation_cancel", original=second.references))
        too_much = performed(device, operation("completion", 9999, original=first.references))

        assert moved(simulator) == [("reservation", 5000), ("charge", 4200), ("reservation", 2000), ("release", 2000)]
    assert isinstance(too_much, Declined)


def test_a_completion_may_be_a_partial_reversal() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        device = open_zvt(options_for(address, completion_by="partial_reversal"))
        first = approved(device, operation("pre_authorisation", 5000))
        completion = replace(operation("completion", 4200, original=first.references), held_minor=5000)
        booked = approved(device, completion)
        unknown = performed(device, operation("completion", 4200, original=first.references))
        too_much = performed(device, replace(completion, amount_minor=5001, reference="R000999999"))
        device.close()

        # PA00P015 13.08, 2.10: the request names what is not used, here 800.
        assert moved(simulator) == [("reservation", 5000), ("charge", 4200)]
    assert booked.amount_minor == 4200
    assert isinstance(unknown, NotSent)
    assert unknown.reason_code == "held-amount-not-known"
    assert isinstance(too_much, NotSent)
    assert too_much.reason_code == "amount-not-possible"


def test_the_end_of_day_tells_totals_and_the_next_purchase_is_still_known_again() -> None:
    with terminal() as (simulator, device):
        approved(device, operation("purchase", 1000))
        approved(device, operation("purchase", 500))
        closed = approved(device, operation("end_of_day"))
        sale = operation("purchase", 1000)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        lost = performed(device, sale)
        simulator.faults = Faults()
        found = device.inquire(inquiry_about(sale))

        assert moved(simulator) == [("charge", 1000), ("charge", 500), ("charge", 1000)]
    assert closed.totals == (SchemeTotal(scheme="Visa", sale_count=2, sale_minor=1500, refund_count=0, refund_minor=0),)
    assert isinstance(lost, Unknown)
    assert isinstance(found, Approved)


def test_last_slip_and_diagnosis_move_nothing() -> None:
    with terminal() as (simulator, device):
        none_yet = performed(device, operation("last_slip"))
        approved(device, operation("purchase", 1234))
        slip = approved(device, operation("last_slip"))
        diagnosis = approved(device, operation("diagnosis"))

        assert moved(simulator) == [("charge", 1234)]
    assert isinstance(none_yet, Declined)
    assert slip.slips.customer[1] == "CHARGE 0001"
    assert diagnosis.amount_minor == 0


def test_turnover_totals_leave_the_day_open_and_the_status_says_ready() -> None:
    with terminal() as (simulator, device):
        approved(device, operation("purchase", 1000))

        for _ in range(2):
            totals = device.turnover_totals()
            assert isinstance(totals, Approved)
            assert [(total.scheme, total.sale_minor) for total in totals.totals] == [("Visa", 1000)]
        assert isinstance(device.status(), Approved)
        simulator.faults = Faults([Busy()])
        assert isinstance(device.status(), NotSent)


def test_a_decline_says_why_and_charges_nothing() -> None:
    with terminal() as (simulator, device):
        simulator.rules.append(Decline("78"))
        result = performed(device, operation("purchase", 1234))

        assert moved(simulator) == []
    assert result == Declined("78", "The card has expired.")


def test_a_partial_approval_is_for_the_smaller_amount() -> None:
    with terminal() as (simulator, device):
        simulator.rules.append(ApprovePart(500))

        assert approved(device, operation("purchase", 1234)).amount_minor == 500
        assert moved(simulator) == [("charge", 500)]


def test_a_partial_approval_whose_answer_is_lost_is_found_with_its_smaller_amount() -> None:
    with terminal() as (simulator, device):
        sale = operation("purchase", 1234)
        simulator.rules.append(ApprovePart(500))
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, sale), Unknown)
        simulator.faults = Faults()

        found = device.inquire(inquiry_about(sale))
    assert isinstance(found, Approved)
    assert found.amount_minor == 500


def test_nobody_presents_a_card() -> None:
    with terminal() as (simulator, device):
        simulator.rules.append(NoCard(after_s=0.05))

        assert performed(device, operation("purchase", 1234)) == Declined("6C", _CANCELLED)
        assert moved(simulator) == []


_CANCELLED = "Cancelled at the terminal, or nobody presented a card in time."


def test_the_till_stops_waiting_for_a_card() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        device = open_zvt(options_for(address, answer_timeout_s=20))
        simulator.rules.append(NoCard(after_s=60))
        waiting = threading.Event()

        def stop() -> None:
            waiting.wait(10)
            device.abort()

        aborting = threading.Thread(target=stop)
        aborting.start()
        result = device.perform(operation("purchase", 1234), lambda stage, text: waiting.set())
        aborting.join()
        next_sale = performed(device, operation("purchase", 1234))
        device.close()

    assert result == Declined("6C", _CANCELLED)
    assert isinstance(next_sale, Approved)


@pytest.mark.parametrize("fault", [NoAnswer(), Garbage(), LateAnswer(1.5)])
def test_a_terminal_that_makes_no_sense_before_the_request_was_not_asked(fault: Fault) -> None:
    with terminal() as (simulator, device):
        approved(device, operation("purchase", 1))
        simulator.faults = Faults([fault])
        result = performed(device, operation("purchase", 1234))
        simulator.faults = Faults()

        assert isinstance(result, NotSent)
        assert moved(simulator) == [("charge", 1)]


def test_a_busy_terminal_was_not_asked_and_cannot_be_inquired() -> None:
    with terminal() as (simulator, device):
        sale = operation("purchase", 1234)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, sale), Unknown)
        simulator.faults = Faults([Busy()])

        assert isinstance(device.inquire(inquiry_about(sale)), Unknown)
        assert isinstance(performed(device, operation("purchase", 1)), NotSent)
        simulator.faults = Faults()
        assert isinstance(device.inquire(inquiry_about(sale)), Approved)
        assert moved(simulator) == [("charge", 1234)]


def test_nothing_more_is_charged_while_an_outcome_cannot_be_found_out() -> None:
    with terminal() as (simulator, device):
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, operation("purchase", 1234)), Unknown)
        simulator.faults = Faults([NoAnswer()])
        next_customer = performed(device, operation("purchase", 500))

        assert isinstance(next_customer, NotSent)
        assert next_customer.reason.startswith("What became of the operation before is not known yet.")
        assert moved(simulator) == [("charge", 1234)]


def test_an_operation_that_is_performed_again_is_answered_from_memory_and_charged_once() -> None:
    with terminal() as (simulator, device):
        sold, declined, lost = (operation("purchase", 1234) for _ in range(3))
        first = performed(device, sold)
        simulator.rules.append(Decline("78"))
        refused = performed(device, declined)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, lost), Unknown)
        simulator.faults = Faults()

        assert performed(device, sold) == first
        assert performed(device, declined) == refused
        assert isinstance(performed(device, lost), Approved)
        assert moved(simulator) == [("charge", 1234), ("charge", 1234)]


def test_an_operation_sent_again_after_it_was_not_found_is_looked_for_anew() -> None:
    with terminal(finishes_when_cut_off=False) as (simulator, device):
        sale = operation("purchase", 1234)
        device.perform(sale, lambda stage, text: _pull_the_cable(simulator))
        assert isinstance(device.inquire(inquiry_about(sale)), NotFound)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, sale), Unknown)
        simulator.faults = Faults()

        assert isinstance(device.inquire(inquiry_about(sale)), Approved)
        assert moved(simulator) == [("charge", 1234)]


def test_a_terminal_that_has_never_repeated_a_receipt_nor_says_that_it_can_proves_nothing_by_repeating_none() -> None:
    with terminal(finishes_when_cut_off=False, says_what_it_reads=False) as (simulator, device):
        sale = operation("purchase", 1234)
        device.perform(sale, lambda stage, text: _pull_the_cable(simulator))

        assert isinstance(device.inquire(inquiry_about(sale)), Unknown)
        assert moved(simulator) == []
        # What only a person can tell stands in nobody's way.
        approved(device, operation("purchase", 500))
        assert isinstance(device.inquire(inquiry_about(sale)), Unknown)
        assert moved(simulator) == [("charge", 500)]


def test_an_end_of_day_that_came_in_between_is_not_taken_for_the_payment_in_doubt() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions(finishes_when_cut_off=False))
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        device = open_zvt(options_for(address))
        approved(device, operation("purchase", 1))
        sale = operation("purchase", 1234)
        device.perform(sale, lambda stage, text: _pull_the_cable(simulator))
        another_till = open_zvt(options_for(address))
        approved(another_till, operation("end_of_day"))
        another_till.close()
        next_customer = operation("purchase", 500)
        in_doubt = device.inquire(inquiry_about(sale))
        approved(device, next_customer)
        still_in_doubt = device.inquire(inquiry_about(sale))
        device.close()

    assert isinstance(still_in_doubt, Unknown)
    assert in_doubt == Unknown("The terminal has closed its day since: look at its slips.")


def _pull_the_cable(simulator: ZvtSimulator) -> None:
    if simulator.line is not None:
        simulator.line.unplug()
        simulator.line.plug_in()


def test_while_the_terminal_goes_on_alone_the_outcome_stays_unknown_until_it_is_done() -> None:
    with terminal(works_on_s=0.3) as (simulator, device):
        sale = operation("purchase", 1234)
        simulator.rules.append(ApprovePart(1234))
        stages: list[str] = []

        def pull_the_cable(stage: str, text: str) -> None:
            stages.append(stage)
            if stage == "wait_for_host" and simulator.line is not None:
                simulator.line.unplug()
                simulator.line.plug_in()

        assert isinstance(device.perform(sale, pull_the_cable), Unknown)
        first = device.inquire(inquiry_about(sale))
        until(lambda: isinstance(device.inquire(inquiry_about(sale)), Approved))

        assert isinstance(first, Unknown)
        assert moved(simulator) == [("charge", 1234)]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (operation("purchase", 0), "The amount must be from 1 to 999999999999 minor units, not 0."),
        (operation("purchase", 10**12), "The amount must be from 1"),
        (operation("pre_authorisation", 100, cash_back_minor=50), "This terminal cannot hand out cash-back"),
        (replace(operation("purchase", 100), instalments=3), "This terminal cannot take a payment in instalments"),
        (operation("purchase", 100, currency="JPY"), "does not know the currency JPY"),
        (operation("reversal", 100), "the original transaction's receipt number (1 to 4 digits) is not known"),
        (operation("reversal", 100, original=CardReferences(receipt_number="12x")), "is not known"),
        (operation("increment", 100), "the reservation's trace number and authorisation attribute are not known"),
        (operation("increment", 0, original=CardReferences(trace="1", approval_code="A")), "The amount must be from 1"),
    ],
)
def test_what_cannot_be_asked_is_not_sent_and_says_why(wanted: Any, says: str) -> None:
    with terminal() as (simulator, device):
        result = performed(device, wanted)

        assert isinstance(result, NotSent)
        assert says in result.reason
        assert moved(simulator) == []


def test_a_wrong_rule_says_what_may_be_typed() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with pytest.raises(WrongRule, match="is no rule for the next card"):
        simulator.typed("perhaps")
    with pytest.raises(WrongRule, match="two hexadecimal digits"):
        simulator.typed("decline 00")
    simulator.typed("decline 6c")
    assert simulator.rules.pop() == Decline("6c")
