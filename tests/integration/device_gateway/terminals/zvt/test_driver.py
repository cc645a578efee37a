"""The ZVT driver against a simulated terminal that speaks the real bytes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from device_gateway.domain.card_operations import Approved, Declined, NotFound, NotSent, Unknown
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from device_gateway.drivers.lines import LineStalled
from device_gateway.drivers.terminal.simulated_ledger import ApprovePart, Busy, Decline, NoCard, WrongRule
from device_gateway.drivers.terminal.zvt.driver import ZvtOptions, ZvtTerminal, open_zvt
from device_gateway.drivers.terminal.zvt.network import open_network_line
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


def _options(address: str, **options: Any) -> ZvtOptions:
    short = {"connect_timeout_s": 1, "acknowledge_timeout_s": 0.3, "answer_timeout_s": 0.3, "inquiry_timeout_s": 1}
    return ZvtOptions.model_validate({"address": address, **short, **options})


@contextmanager
def _terminal(**options: Any) -> Iterator[tuple[ZvtSimulator, ZvtTerminal]]:
    simulator = ZvtSimulator(ZvtSimulatorOptions(**options))
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        device = open_zvt(_options(address))
        yield simulator, device
        device.close()


def _moved(simulator: ZvtSimulator) -> list[tuple[str, int]]:
    return [(entry.kind, entry.amount_minor) for entry in simulator.ledger]


def test_a_purchase_tells_references_card_and_both_slips() -> None:
    shown: list[str] = []
    with _terminal() as (simulator, device):
        result = device.perform(operation("purchase", 1234), lambda stage, text: shown.append(stage))

        assert _moved(simulator) == [("charge", 1234)]
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
    with _terminal(text_blocks=False) as (_, device):
        slips = approved(device, operation("purchase", 5)).slips

    assert slips.customer == slips.merchant == ("CHARGE 0001", "443056******1234", "0.05 EUR")


def test_a_card_number_that_the_terminal_sends_whole_is_masked_everywhere() -> None:
    with _terminal(card_number="4111111111111111") as (_, device):
        result = approved(device, operation("purchase", 1234))

    assert result.card == CardFacts(masked_number="411111******1111", scheme="Visa")
    assert "4111111111111111" not in repr(result)


def test_a_refund_and_a_reversal_move_the_money_back_once() -> None:
    with _terminal() as (simulator, device):
        sold = approved(device, operation("purchase", 1000))
        approved(device, operation("refund", 300))
        reversed_ = approved(device, operation("reversal", 1000, original=sold.references))
        again = performed(device, operation("reversal", 1000, original=sold.references))

        assert _moved(simulator) == [("charge", 1000), ("refund", 300), ("reversal", 1000)]
    assert reversed_.amount_minor == 1000
    assert again == Declined("B4", "This transaction has been reversed already.")


def test_a_pre_authorisation_is_booked_or_released() -> None:
    with _terminal() as (simulator, device):
        first = approved(device, operation("pre_authorisation", 5000))
        approved(device, operation("completion", 4200, original=first.references))
        second = approved(device, operation("pre_authorisation", 2000))
        approved(device, operation("pre_authorisation_cancel", original=second.references))
        too_much = performed(device, operation("completion", 9999, original=first.references))

        assert _moved(simulator) == [("reservation", 5000), ("charge", 4200), ("reservation", 2000), ("release", 2000)]
    assert isinstance(too_much, Declined)


def test_a_completion_may_be_a_partial_reversal() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        device = open_zvt(_options(address, completion_by="partial_reversal"))
        first = approved(device, operation("pre_authorisation", 5000))
        approved(device, operation("completion", 4200, original=first.references))
        device.close()

        assert _moved(simulator) == [("reservation", 5000), ("charge", 4200)]


def test_the_end_of_day_tells_totals_and_the_next_purchase_is_still_known_again() -> None:
    with _terminal() as (simulator, device):
        approved(device, operation("purchase", 1000))
        approved(device, operation("purchase", 500))
        closed = approved(device, operation("end_of_day"))
        sale = operation("purchase", 1000)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        lost = performed(device, sale)
        simulator.faults = Faults()
        found = device.inquire(inquiry_about(sale))

        assert _moved(simulator) == [("charge", 1000), ("charge", 500), ("charge", 1000)]
    assert closed.totals == (SchemeTotal(scheme="Visa", sale_count=2, sale_minor=1500, refund_count=0, refund_minor=0),)
    assert isinstance(lost, Unknown)
    assert isinstance(found, Approved)


def test_last_slip_and_diagnosis_move_nothing() -> None:
    with _terminal() as (simulator, device):
        none_yet = performed(device, operation("last_slip"))
        approved(device, operation("purchase", 1234))
        slip = approved(device, operation("last_slip"))
        diagnosis = approved(device, operation("diagnosis"))

        assert _moved(simulator) == [("charge", 1234)]
    assert isinstance(none_yet, Declined)
    assert slip.slips.customer[1] == "CHARGE 0001"
    assert diagnosis.amount_minor == 0


def test_turnover_totals_leave_the_day_open_and_the_status_says_ready() -> None:
    with _terminal() as (simulator, device):
        approved(device, operation("purchase", 1000))

        for _ in range(2):
            totals = device.turnover_totals()
            assert isinstance(totals, Approved)
            assert [(total.scheme, total.sale_minor) for total in totals.totals] == [("Visa", 1000)]
        assert isinstance(device.status(), Approved)
        simulator.faults = Faults([Busy()])
        assert isinstance(device.status(), NotSent)


def test_a_decline_says_why_and_charges_nothing() -> None:
    with _terminal() as (simulator, device):
        simulator.rules.append(Decline("78"))
        result = performed(device, operation("purchase", 1234))

        assert _moved(simulator) == []
    assert result == Declined("78", "The card has expired.")


def test_a_partial_approval_is_for_the_smaller_amount() -> None:
    with _terminal() as (simulator, device):
        simulator.rules.append(ApprovePart(500))

        assert approved(device, operation("purchase", 1234)).amount_minor == 500
        assert _moved(simulator) == [("charge", 500)]


def test_a_partial_approval_whose_answer_is_lost_is_found_with_its_smaller_amount() -> None:
    with _terminal() as (simulator, device):
        sale = operation("purchase", 1234)
        simulator.rules.append(ApprovePart(500))
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, sale), Unknown)
        simulator.faults = Faults()

        found = device.inquire(inquiry_about(sale))
    assert isinstance(found, Approved)
    assert found.amount_minor == 500


def test_nobody_presents_a_card() -> None:
    with _terminal() as (simulator, device):
        simulator.rules.append(NoCard(after_s=0.05))

        assert performed(device, operation("purchase", 1234)) == Declined("6C", _CANCELLED)
        assert _moved(simulator) == []


_CANCELLED = "Cancelled at the terminal, or nobody presented a card in time."


def test_the_till_stops_waiting_for_a_card() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        device = open_zvt(_options(address, answer_timeout_s=20))
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
    with _terminal() as (simulator, device):
        approved(device, operation("purchase", 1))
        simulator.faults = Faults([fault])
        result = performed(device, operation("purchase", 1234))
        simulator.faults = Faults()

        assert isinstance(result, NotSent)
        assert _moved(simulator) == [("charge", 1)]


def test_a_busy_terminal_was_not_asked_and_cannot_be_inquired() -> None:
    with _terminal() as (simulator, device):
        sale = operation("purchase", 1234)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, sale), Unknown)
        simulator.faults = Faults([Busy()])

        assert isinstance(device.inquire(inquiry_about(sale)), Unknown)
        assert isinstance(performed(device, operation("purchase", 1)), NotSent)
        simulator.faults = Faults()
        assert isinstance(device.inquire(inquiry_about(sale)), Approved)
        assert _moved(simulator) == [("charge", 1234)]


def test_nothing_more_is_charged_while_an_outcome_cannot_be_found_out() -> None:
    with _terminal() as (simulator, device):
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, operation("purchase", 1234)), Unknown)
        simulator.faults = Faults([NoAnswer()])
        next_customer = performed(device, operation("purchase", 500))

        assert isinstance(next_customer, NotSent)
        assert next_customer.reason.startswith("What became of the operation before is not known yet.")
        assert _moved(simulator) == [("charge", 1234)]


def test_an_operation_that_is_performed_again_is_answered_from_memory_and_charged_once() -> None:
    with _terminal() as (simulator, device):
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
        assert _moved(simulator) == [("charge", 1234), ("charge", 1234)]


def test_an_operation_sent_again_after_it_was_not_found_is_looked_for_anew() -> None:
    with _terminal(finishes_when_cut_off=False) as (simulator, device):
        sale = operation("purchase", 1234)
        device.perform(sale, lambda stage, text: _pull_the_cable(simulator))
        assert isinstance(device.inquire(inquiry_about(sale)), NotFound)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, sale), Unknown)
        simulator.faults = Faults()

        assert isinstance(device.inquire(inquiry_about(sale)), Approved)
        assert _moved(simulator) == [("charge", 1234)]


def _pull_the_cable(simulator: ZvtSimulator) -> None:
    if simulator.line is not None:
        simulator.line.unplug()
        simulator.line.plug_in()


def test_while_the_terminal_goes_on_alone_the_outcome_stays_unknown_until_it_is_done() -> None:
    with _terminal(works_on_s=0.3) as (simulator, device):
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
        assert _moved(simulator) == [("charge", 1234)]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (operation("purchase", 0), "The amount must be from 1 to 999999999999 minor units, not 0."),
        (operation("purchase", 10**12), "The amount must be from 1"),
        (operation("purchase", 100, cash_back_minor=50), "This terminal cannot hand out cash-back"),
        (operation("purchase", 100, currency="JPY"), "does not know the currency JPY"),
        (operation("reversal", 100), "the original transaction's receipt number (1 to 4 digits) is not known"),
        (operation("reversal", 100, original=CardReferences(receipt_number="12x")), "is not known"),
        (operation("increment", 100), "A ZVT terminal has no increment."),
        (operation("balance"), "A ZVT terminal has no balance."),
    ],
)
def test_what_cannot_be_asked_is_not_sent_and_says_why(wanted: Any, says: str) -> None:
    with _terminal() as (simulator, device):
        result = performed(device, wanted)

        assert isinstance(result, NotSent)
        assert says in result.reason
        assert _moved(simulator) == []


def test_a_restarted_gateway_without_memory_file_leaves_the_outcome_to_a_person() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        sale = operation("purchase", 1234)
        device = open_zvt(_options(address))
        simulator.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, sale), Unknown)
        device.close()
        simulator.faults = Faults()
        restarted = open_zvt(_options(address))

        result = restarted.inquire(inquiry_about(sale))
        restarted.close()
    assert isinstance(result, Unknown)
    assert "The terminal's last receipt is 0001 over 1234 (minor units)" in result.reason


def test_a_restarted_gateway_with_memory_file_knows_every_outcome(tmp_path: Path) -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        options = _options(address, memory_file=tmp_path / "memory")
        device = open_zvt(options)
        sold, declined, lost = (operation("purchase", 1234) for _ in range(3))
        approved(device, sold)
        simulator.rules.append(Decline("78"))
        performed(device, declined)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        performed(device, lost)
        device.close()
        simulator.faults = Faults()
        restarted = open_zvt(options)
        answers = [restarted.inquire(inquiry_about(sent)) for sent in (sold, declined, lost)]
        restarted.close()

    assert [type(answer) for answer in answers] == [Approved, Declined, Approved]
    assert "443056******1234" in (tmp_path / "memory").read_text()


def test_an_operation_that_was_interrupted_before_it_left_may_be_sent_again(tmp_path: Path) -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        options = _options(address, memory_file=tmp_path / "memory")
        device = open_zvt(options)
        approved(device, operation("purchase", 1))
        sale = operation("purchase", 1234)
        simulator.faults = Faults([NoAnswer()])
        assert isinstance(performed(device, sale), NotSent)
        device.close()
        simulator.faults = Faults()
        restarted = open_zvt(options)

        assert isinstance(restarted.inquire(inquiry_about(sale)), NotFound)
        approved(restarted, operation("purchase", 2))
        assert isinstance(restarted.inquire(inquiry_about(sale)), NotFound)
        restarted.close()


def test_a_damaged_or_unwritable_memory_file_is_said_before_anything_is_sent(tmp_path: Path) -> None:
    damaged = tmp_path / "memory"
    damaged.write_text("{")
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        with pytest.raises(DeviceMisconfigured, match="is damaged"):
            open_zvt(_options(address, memory_file=damaged))
        device = open_zvt(_options(address, memory_file=tmp_path / "no" / "folder"))
        result = performed(device, operation("purchase", 1234))
        device.close()

        assert isinstance(result, NotSent)
        assert "cannot be written" in result.reason
        assert _moved(simulator) == []


def test_polling_notices_a_terminal_that_is_gone_unless_something_is_in_doubt() -> None:
    with _terminal() as (simulator, device):
        assert device.poll(0.01) == ()
        sale = operation("purchase", 1234)
        simulator.faults = Faults([AnswerLostAfterEffect()])
        performed(device, sale)
        assert simulator.line is not None
        simulator.line.unplug()
        assert device.poll(0.01) == ()
        simulator.faults = Faults()
        simulator.line.plug_in()
        assert isinstance(device.inquire(inquiry_about(sale)), Approved)
        simulator.line.unplug()
        with pytest.raises(DeviceAbsent):
            device.poll(0.01)


def test_a_terminal_that_is_not_there_says_so() -> None:
    with serving(ZvtSimulator(ZvtSimulatorOptions()), "tcp://127.0.0.1:0") as address:
        pass
    with pytest.raises(DeviceAbsent, match="cannot be reached"):
        open_zvt(_options(address))


def test_a_request_that_was_given_up_never_arrives_later() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        line = open_network_line(
            f"tcp://127.0.0.1:{listening.getsockname()[1]}", connect_timeout_s=1, write_timeout_s=0.05
        )
        terminal, _ = listening.accept()
        with terminal:
            with pytest.raises(LineStalled):
                line.write(bytes(50_000_000))
            line.close()
            with pytest.raises(ConnectionResetError):
                _read_to_the_end(terminal)


def _read_to_the_end(terminal: socket.socket) -> None:
    """What was on its way may arrive; what was still in this PC must not."""
    while terminal.recv(1_000_000):
        pass


@pytest.mark.parametrize("address", ["tcp://192.0.2.40", "tcp://192.0.2.40:x", "tcp://192.0.2.40:20007/path"])
def test_a_wrong_network_address_says_how_it_is_written(address: str) -> None:
    with pytest.raises(DeviceMisconfigured, match="is no network address: write it as"):
        open_zvt(_options(address))


def test_over_a_serial_line_a_broken_frame_is_asked_for_again() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions(serial=True))
    with serving(simulator, "pty") as address:
        device = open_zvt(_options(address))
        assert approved(device, operation("purchase", 1234)).slips.customer[0] == "CUSTOMER"
        device.close()

        assert _moved(simulator) == [("charge", 1234)]


def test_a_wrong_rule_says_what_may_be_typed() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions())
    with pytest.raises(WrongRule, match="is no rule for the next card"):
        simulator.typed("perhaps")
    with pytest.raises(WrongRule, match="two hexadecimal digits"):
        simulator.typed("decline 00")
    simulator.typed("decline 6c")
    assert simulator.rules.pop() == Decline("6c")


@pytest.mark.parametrize("wrong", [{"password": "12"}, {"currency": "XXX"}, {"answer_timeout_s": 0}, {"speed": 1}])
def test_wrong_options_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        _options("tcp://127.0.0.1:1", **wrong)
