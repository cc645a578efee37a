"""The INPAS driver against its simulator over both carriers, with the line cut wherever it can be cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from uuid import UUID

import pytest

from device_gateway.domain.card_operations import (
    Approved,
    CardOperation,
    Declined,
    NotSent,
    OperationResult,
    Unknown,
)
from device_gateway.drivers.interface import DeviceAbsent
from device_gateway.drivers.terminal.inpas.driver import InpasOptions, InpasTerminal, driver
from device_gateway.drivers.terminal.inpas.simulator import InpasSimulator, InpasSimulatorOptions
from device_gateway.simulators import (
    AnswerLostAfterEffect,
    CutAnswerAtByte,
    CutAtByte,
    Fault,
    Faults,
    Garbage,
    NoAnswer,
    Reply,
    serving,
)
from libs.contracts.terminals import CardReferences, TerminalAction

CARRIERS = ("http", "frames")
PRICE_MINOR = 12_345
CUTS_AT_ONCE = 16


def options(carrier: str, address: str) -> InpasOptions:
    line = address.replace("tcp://", "http://") + "/" if carrier == "http" else address
    return InpasOptions(
        line=line,
        terminal_id="00010001",
        answer_timeout_s=0.3,
        acknowledge_timeout_s=0.2,
        between_bytes_s=0.05,
        connect_timeout_s=1.0,
    )


def operation(action: TerminalAction = "purchase", original: CardReferences | None = None) -> CardOperation:
    return CardOperation(UUID(int=7), action, "RUB", PRICE_MINOR, "A000000007", original=original)


def run(
    carrier: str, simulator: InpasSimulator, use: Callable[[InpasTerminal], OperationResult]
) -> tuple[OperationResult, int]:
    """What came of `use`, and what the simulator then had charged."""
    with serving(simulator, "tcp://127.0.0.1:0", back_after_s=None) as address:
        terminal = driver.open_device(options(carrier, address))
        assert isinstance(terminal, InpasTerminal)
        try:
            return use(terminal), simulator.charged_minor
        finally:
            terminal.close()


def quiet(stage: str, text: str) -> None:
    """Nobody watches the progress."""


def perform(wanted: CardOperation) -> Callable[[InpasTerminal], OperationResult]:
    return lambda terminal: terminal.perform(wanted, quiet)


def simulator(*faults: Fault) -> InpasSimulator:
    return InpasSimulator(InpasSimulatorOptions(decline_above_minor=100_000), Faults(faults))


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_sale_a_partial_refund_and_a_void_are_booked_once_each(carrier: str) -> None:
    bank = simulator()
    with serving(bank, "tcp://127.0.0.1:0") as address:
        terminal = driver.open_device(options(carrier, address))
        assert isinstance(terminal, InpasTerminal)
        first = terminal.perform(operation(), quiet)
        assert isinstance(first, Approved)
        assert first.slips.customer == ("ОПЛАТА", "СУММА 12345", "RRN 000000000001")
        assert first.slips.merchant[-1] == "ПОДПИСЬ"
        assert isinstance(terminal.perform(operation("refund", first.references), quiet), Approved)
        assert bank.charged_minor == 0
        again = terminal.perform(operation("reversal", first.references), quiet)
        assert again == Declined("51", "НЕДОСТАТОЧНО СРЕДСТВ")
        voided = terminal.perform(operation(), quiet)
        assert isinstance(voided, Approved)
        assert isinstance(terminal.perform(operation("reversal", voided.references), quiet), Approved)
        settled = terminal.perform(operation("end_of_day"), quiet)
        assert isinstance(settled, Approved)
        assert (settled.totals[0].sale_minor, settled.totals[0].refund_minor) == (PRICE_MINOR, PRICE_MINOR)
        assert (settled.totals[0].sale_count, settled.totals[0].refund_count) == (1, 1)
        tomorrow = terminal.perform(operation("end_of_day"), quiet)
        assert isinstance(tomorrow, Approved)
        assert (tomorrow.totals[0].sale_count, tomorrow.totals[0].refund_count) == (0, 0)
        terminal.close()


def test_an_answer_to_the_sale_before_that_comes_late_is_not_taken_for_the_answer_to_this_one() -> None:
    bank = InpasSimulator(InpasSimulatorOptions(repeats_lost_answers=True), Faults([AnswerLostAfterEffect()]))
    with serving(bank, "tcp://127.0.0.1:0") as address:
        first = driver.open_device(options("frames", address))
        assert isinstance(first, InpasTerminal)
        assert isinstance(first.perform(replace(operation(), reference="A000000001"), quiet), Unknown)
        first.close()
        bank.faults = Faults()
        bank.next_status = "16"
        second = driver.open_device(options("frames", address))
        assert isinstance(second, InpasTerminal)
        declined = second.perform(replace(operation(), reference="A000000002"), quiet)
        assert declined == Declined("51", "НЕДОСТАТОЧНО СРЕДСТВ")
        assert bank.charged_minor == PRICE_MINOR
        second.close()


@pytest.mark.parametrize("carrier", CARRIERS)
def test_the_last_slip_is_printed_again(carrier: str) -> None:
    bank = simulator()
    with serving(bank, "tcp://127.0.0.1:0") as address:
        terminal = driver.open_device(options(carrier, address))
        assert isinstance(terminal, InpasTerminal)
        assert terminal.perform(operation("last_slip"), quiet) == Declined("no_slip", "The terminal has no last slip.")
        sale = terminal.perform(operation(), quiet)
        assert isinstance(sale, Approved)
        again = terminal.perform(operation("last_slip"), quiet)
        assert isinstance(again, Approved)
        assert again.slips == sale.slips
        assert bank.charged_minor == PRICE_MINOR
        terminal.close()


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("kind", [CutAtByte, CutAnswerAtByte])
def test_wherever_the_line_is_cut_nobody_is_told_what_did_not_happen(
    carrier: str, kind: type[CutAtByte | CutAnswerAtByte]
) -> None:
    def cut_at(byte: int) -> type[OperationResult]:
        outcome, charged_minor = run(carrier, simulator(kind(byte)), perform(operation()))
        assert charged_minor in (0, PRICE_MINOR), f"charged twice, line cut at byte {byte}"
        if isinstance(outcome, Approved):
            assert charged_minor == PRICE_MINOR, f"approved, but not charged, line cut at byte {byte}"
        elif isinstance(outcome, Declined | NotSent):
            assert charged_minor == 0, f"charged, but {outcome}, line cut at byte {byte}"
        return type(outcome)

    seen: set[type[OperationResult]] = set()
    with ThreadPoolExecutor(CUTS_AT_ONCE) as pool:
        for first in range(0, 2_000, CUTS_AT_ONCE):
            seen |= set(pool.map(cut_at, range(first, first + CUTS_AT_ONCE)))
            if Approved in seen:
                break
    assert {Unknown, Approved} <= seen


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize(
    ("fault", "charged_minor"), [(NoAnswer(), 0), (AnswerLostAfterEffect(), PRICE_MINOR), (Garbage(), PRICE_MINOR)]
)
def test_silence_a_lost_answer_and_noise_are_unknown(carrier: str, fault: Fault, charged_minor: int) -> None:
    outcome, charged = run(carrier, simulator(fault), perform(operation()))
    assert isinstance(outcome, Unknown)
    assert charged == charged_minor


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_status_without_meaning_is_unknown(carrier: str) -> None:
    bank = simulator()
    bank.next_status = "0"
    outcome, _ = run(carrier, bank, perform(operation()))
    assert outcome == Unknown("The terminal's status is 0, which is no outcome.")


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_request_that_cannot_be_asked_reaches_nobody(carrier: str) -> None:
    bank = simulator()
    outcome, _ = run(carrier, bank, perform(operation("pre_authorisation")))
    assert outcome == NotSent("This terminal (INPAS) cannot carry out pre authorisation.")
    assert bank.asked == []


def test_an_inquiry_is_unknown_because_the_protocol_has_none() -> None:
    outcome, _ = run("http", simulator(), lambda terminal: terminal.inquire(operation("inquiry")))
    assert isinstance(outcome, Unknown)


def test_a_service_that_does_not_run_is_absent_and_a_terminal_that_has_gone_is_not_sent_to() -> None:
    with serving(simulator(), "tcp://127.0.0.1:0") as address:
        terminal = driver.open_device(options("http", address))
        assert isinstance(terminal, InpasTerminal)
    assert isinstance(terminal.perform(operation(), quiet), NotSent)
    with pytest.raises(DeviceAbsent, match="DualConnector service does not answer"):
        driver.open_device(options("http", address))


def test_a_late_answer_to_an_earlier_request_is_not_taken_for_the_next_one() -> None:
    bank = simulator(AnswerLostAfterEffect())
    with serving(bank, "tcp://127.0.0.1:0") as address:
        terminal = driver.open_device(options("frames", address))
        assert isinstance(terminal, InpasTerminal)
        assert isinstance(terminal.perform(operation(), quiet), Unknown)
        bank.faults = Faults()
        bank.next_status = "16"
        assert isinstance(terminal.perform(operation(), quiet), Declined)
        assert bank.charged_minor == PRICE_MINOR
        terminal.close()


class DamagedOnce(InpasSimulator):
    """The first outcome arrives with a wrong byte; asked again, the terminal says it right."""

    damaged = False

    def received(self, data: bytes) -> Sequence[Reply]:
        replies = super().received(data)
        if self.damaged or not any(reply.after_effect for reply in replies):
            return replies
        self.damaged = True
        return [
            replace(reply, data=reply.data[:-1] + bytes((reply.data[-1] ^ 1,))) if reply.after_effect else reply
            for reply in replies
        ]


def test_a_damaged_answer_is_asked_for_again_and_the_card_charged_once() -> None:
    outcome, charged_minor = run("frames", DamagedOnce(), perform(operation()))
    assert isinstance(outcome, Approved)
    assert charged_minor == PRICE_MINOR


def test_the_end_of_one_exchange_is_not_taken_for_that_of_the_next() -> None:
    bank = simulator()
    with serving(bank, "tcp://127.0.0.1:0") as address:
        terminal = driver.open_device(options("frames", address))
        assert isinstance(terminal, InpasTerminal)
        for _ in range(20):
            assert isinstance(terminal.perform(operation(), quiet), Approved)
        terminal.close()
    assert bank.charged_minor == 20 * PRICE_MINOR
