"""What comes with a ZVT payment beside the amount: cash-back, tip, a part, a signature; increments and balances."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from device_gateway.domain.card_operations import Approved, CardOperation, Declined, NotSent, Unknown
from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.terminal.simulated_ledger import (
    ApprovePart,
    Busy,
    Decline,
    NoCard,
    SharesUntold,
    SignatureWanted,
    TipAdded,
)
from device_gateway.drivers.terminal.zvt.driver import ZvtTerminal, open_zvt
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.simulators import AnswerLostAfterEffect, Fault, Faults, serving
from tests.integration.device_gateway.terminals.operations import approved, inquiry_about, operation, performed
from tests.integration.device_gateway.terminals.zvt.terminals import moved, options_for


@contextmanager
def _terminal(driver: dict[str, Any] | None = None, **options: Any) -> Iterator[tuple[ZvtSimulator, ZvtTerminal]]:
    simulator = ZvtSimulator(ZvtSimulatorOptions(**options))
    with serving(simulator, "tcp://127.0.0.1:0") as address:
        device = open_zvt(options_for(address, **(driver or {})))
        yield simulator, device
        device.close()


def _shares(result: Approved) -> tuple[int, int | None, int | None]:
    return result.amount_minor, result.cash_back_minor, result.tip_minor


def _lost_and_found(simulator: ZvtSimulator, device: ZvtTerminal, wanted: CardOperation, *faults: Fault) -> Approved:
    """Lose the answer and ask; what else goes wrong still does."""
    simulator.faults = Faults([AnswerLostAfterEffect(), *faults])
    assert isinstance(performed(device, wanted), Unknown)
    simulator.faults = Faults(faults)
    found = device.inquire(inquiry_about(wanted))
    assert isinstance(found, Approved), found
    return found


def test_cash_back_and_tip_are_told_to_the_terminal_and_by_it() -> None:
    with _terminal() as (simulator, device):
        paid = approved(device, operation("purchase", 6299, cash_back_minor=5000, tip_minor=200))
        wanted = operation("purchase", 1299, cash_back_minor=1000)
        found = _lost_and_found(simulator, device, wanted)

        assert moved(simulator) == [("charge", 6299), ("charge", 1299)]
    assert _shares(paid) == (6299, 5000, 200)
    assert _shares(found) == (1299, 1000, None)


@pytest.mark.parametrize(
    ("driver", "options"),
    [
        ({}, {"says_what_it_reads": False}),
        ({}, {"reads_shares": False}),
        ({"cash_back": "never"}, {}),
        ({"cash_back": "if_told"}, {"says_what_it_reads": False}),
    ],
)
def test_cash_back_is_not_asked_of_a_terminal_that_would_charge_it_as_goods(
    driver: dict[str, Any], options: dict[str, Any]
) -> None:
    with _terminal(driver, **options) as (simulator, device):
        result = performed(device, operation("purchase", 6299, cash_back_minor=5000))
        next_customer = approved(device, operation("purchase", 100))

        assert result == NotSent(
            "This terminal cannot hand out cash-back: take the payment without it.", "cash-back-not-supported"
        )
        assert moved(simulator) == [("charge", 100)]
    assert next_customer.amount_minor == 100


def test_cash_back_may_be_asked_of_a_terminal_that_does_not_say_that_it_reads_it() -> None:
    with _terminal({"cash_back": "always"}, says_what_it_reads=False) as (_, device):
        assert _shares(approved(device, operation("purchase", 6299, cash_back_minor=5000))) == (6299, 5000, None)


def test_a_card_without_cash_back_declines_it() -> None:
    with _terminal() as (simulator, device):
        simulator.rules.append(Decline("CD"))
        result = performed(device, operation("purchase", 6299, cash_back_minor=5000))

        assert moved(simulator) == []
    assert result == Declined("CD", "Cash-back is not possible with this card.")


@pytest.mark.parametrize("options", [{"says_what_it_reads": False}, {"reads_shares": False}])
def test_a_tip_goes_in_the_amount_where_the_terminal_does_not_read_it_apart(options: dict[str, Any]) -> None:
    with _terminal(**options) as (simulator, device):
        assert _shares(approved(device, operation("purchase", 1100, tip_minor=100))) == (1100, None, None)
        assert moved(simulator) == [("charge", 1100)]


def test_what_a_terminal_does_not_tell_of_the_shares_stays_untold() -> None:
    with _terminal() as (simulator, device):
        simulator.faults = Faults([SharesUntold()])

        assert _shares(approved(device, operation("purchase", 1300, cash_back_minor=200, tip_minor=100))) == (
            1300,
            None,
            None,
        )


def test_a_tip_that_the_customer_adds_at_the_terminal_makes_the_amount_larger() -> None:
    with _terminal() as (simulator, device):
        simulator.faults = Faults([TipAdded(150)])
        added = approved(device, operation("purchase", 1000))
        more = approved(device, operation("purchase", 1100, tip_minor=100))
        found = _lost_and_found(simulator, device, operation("purchase", 1100, tip_minor=100), TipAdded(150))

        assert moved(simulator) == [("charge", 1150), ("charge", 1250), ("charge", 1250)]
    assert [_shares(result) for result in (added, more, found)] == [
        (1150, None, 150),
        (1250, None, 250),
        (1250, None, 250),
    ]


def test_rule_18_a_part_is_approved_only_where_the_till_can_deal_with_one() -> None:
    with _terminal() as (simulator, device):
        simulator.rules.append(ApprovePart(500))
        part = approved(device, operation("purchase", 1234, cash_back_minor=200))
        assert _shares(part) == (500, None, None)
    with _terminal({"partial_approval": False}) as (simulator, device):
        simulator.rules.append(ApprovePart(500))
        refused = performed(device, operation("purchase", 1234))
        assert moved(simulator) == []
    assert refused == Declined("71", "The card has not enough credit.")


def test_a_signature_is_asked_for_and_its_line_is_on_the_merchants_slip() -> None:
    with _terminal() as (simulator, device):
        without = approved(device, operation("purchase", 1000)).slips
        simulator.faults = Faults([SignatureWanted()])
        with_blocks = approved(device, operation("purchase", 1000)).slips
        again = approved(device, operation("last_slip")).slips
    with _terminal(text_blocks=False) as (simulator, device):
        simulator.faults = Faults([SignatureWanted()])
        line_by_line = approved(device, operation("purchase", 1000)).slips

    assert not without.signature_required
    assert with_blocks.signature_required
    assert with_blocks.merchant[-1] == "SIGNATURE ______________"
    assert "SIGNATURE" not in "".join(with_blocks.customer)
    assert again == with_blocks
    assert line_by_line.signature_required
    assert line_by_line.merchant[-1] == "X_______________________"
    assert line_by_line.customer == ("CHARGE 0001", "443056******1234", "10.00 EUR")


def test_a_pre_authorisation_is_raised_and_then_booked_or_released_as_a_whole() -> None:
    with _terminal() as (simulator, device):
        first = approved(device, operation("pre_authorisation", 5000))
        raised = approved(device, operation("increment", 1000, original=first.references))
        approved(device, operation("completion", 5800, original=raised.references))
        second = approved(device, operation("pre_authorisation", 2000))
        more = operation("increment", 500, original=second.references)
        found = _lost_and_found(simulator, device, more)
        approved(device, operation("pre_authorisation_cancel", original=found.references))

        assert moved(simulator) == [
            ("reservation", 5000),
            ("reservation", 1000),
            ("charge", 5800),
            ("reservation", 2000),
            ("reservation", 500),
            ("release", 2500),
        ]
    assert raised.amount_minor == 1000
    assert raised.references == first.references
    assert found.references == second.references


def test_a_raised_pre_authorisation_is_booked_by_what_is_released_of_the_whole() -> None:
    with _terminal({"completion_by": "partial_reversal"}) as (simulator, device):
        first = approved(device, operation("pre_authorisation", 5000))
        approved(device, operation("increment", 1000, original=first.references))
        completion = replace(operation("completion", 5800, original=first.references), held_minor=6000)
        found = _lost_and_found(simulator, device, completion)

        assert moved(simulator)[-1] == ("charge", 5800)
    assert found.amount_minor == 5800


def test_the_balance_of_a_card_is_read_and_moves_nothing() -> None:
    with _terminal(balance_minor=4321) as (simulator, device):
        assert approved(device, operation("balance")).amount_minor == 4321
        simulator.rules += [Decline("68"), NoCard(after_s=0.02)]
        refused = performed(device, operation("balance"))
        nobody = performed(device, operation("balance"))

        assert moved(simulator) == []
    assert refused == Declined("68", "This function is not allowed for this card.")
    assert isinstance(nobody, Declined)
    assert nobody.reason_code == "6C"


def test_instalments_are_refused_before_anything_is_sent() -> None:
    with _terminal() as (simulator, device):
        result = performed(device, replace(operation("purchase", 1234), instalments=3))

        assert isinstance(result, NotSent)
        assert result.reason_code == "instalments-not-supported"
        assert moved(simulator) == []


def test_a_terminal_of_another_currency_is_misconfigured_and_says_which_option_is_wrong() -> None:
    simulator = ZvtSimulator(ZvtSimulatorOptions(currency="CHF"))
    with (
        serving(simulator, "tcp://127.0.0.1:0") as address,
        pytest.raises(DeviceMisconfigured, match="does not work in EUR: correct currency in devices"),
    ):
        open_zvt(options_for(address))


@pytest.mark.parametrize(
    ("registration", "answer"),
    [
        ("06 00 04 00 00 00 9E", "80 00 00"),
        ("06 00 06 00 00 00 9E 09 78", "80 00 00"),
        # PA00P015 13.08, 2.1: 84 1E, wrong currency, and the terminal's own.
        ("06 00 06 00 00 00 9E 07 56", "84 1E 03 6F 09 78"),
    ],
)
def test_the_simulator_registers_tills_of_its_currency(registration: str, answer: str) -> None:
    replies = ZvtSimulator(ZvtSimulatorOptions()).received(bytes.fromhex(registration))

    assert replies[0].data == bytes.fromhex(answer)


@pytest.mark.parametrize(("service", "told"), [("", 2), ("03 00", 2), ("03 01", 3), ("03 02", 0), ("03 03", 1)])
def test_the_simulator_repeats_what_the_service_byte_asks_for(service: str, told: int) -> None:
    with _terminal() as (simulator, device):
        approved(device, operation("purchase", 1000))
        fields = bytes.fromhex(service)
        replies = list(simulator.received(bytes([0x06, 0x20, 3 + len(fields), 0, 0, 0]) + fields))
        while replies[-1].data[:2] != b"\x06\x0f":
            replies += simulator.received(b"\x80\x00\x00")

    # The acknowledgement, what it tells of status and slips, the completion.
    assert len(replies) == 1 + told + 1


def test_a_payment_in_a_currency_that_the_terminal_does_not_take_is_declined() -> None:
    with _terminal() as (simulator, device):
        result = performed(device, operation("purchase", 1234, currency="CHF"))

        assert moved(simulator) == []
    assert result == Declined("6F", "The terminal does not take this currency.")


def test_what_was_not_sent_has_a_code_for_programs() -> None:
    with _terminal() as (simulator, device):
        nothing = performed(device, operation("purchase", 0))
        strange = performed(device, operation("purchase", 100, currency="JPY"))
        simulator.faults = Faults([Busy()])
        busy = performed(device, operation("purchase", 100))
        simulator.faults = Faults()

        assert moved(simulator) == []
    assert [result.reason_code for result in (nothing, strange, busy) if isinstance(result, NotSent)] == [
        "amount-not-possible",
        "currency-not-supported",
        "9C",
    ]
