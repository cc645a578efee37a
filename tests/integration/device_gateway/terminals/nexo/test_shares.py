"""What comes with a nexo payment beside the amount: cash-back, tip, instalments, a part, a signature; increments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from device_gateway.domain.card_operations import Approved, CardOperation, Declined, NotSent, Unknown
from device_gateway.drivers.terminal.nexo.driver import NexoTerminal
from device_gateway.drivers.terminal.nexo.simulator import NexoSimulator
from device_gateway.drivers.terminal.simulated_ledger import (
    ApprovePart,
    Decline,
    SharesUntold,
    SignatureWanted,
    TipAdded,
)
from device_gateway.simulators import AnswerLostAfterEffect, Fault, Faults, serving
from tests.integration.device_gateway.terminals.nexo.terminals import opened, simulator
from tests.integration.device_gateway.terminals.operations import approved, inquiry_about, operation, performed


@contextmanager
def _terminal(driver: dict[str, Any] | None = None, **options: Any) -> Iterator[tuple[NexoSimulator, NexoTerminal]]:
    simulated = simulator(**options)
    with serving(simulated, "tcp://127.0.0.1:0") as address:
        device = opened(address, **{"operation_timeout_s": 0.5, "inquiry_timeout_s": 1, **(driver or {})})
        yield simulated, device
        device.close()


def _moved(simulated: NexoSimulator) -> list[tuple[str, int]]:
    return [(entry.kind, entry.amount_minor) for entry in simulated.ledger]


def _shares(result: Approved) -> tuple[int, int | None, int | None]:
    return result.amount_minor, result.cash_back_minor, result.tip_minor


def _lost_and_found(simulated: NexoSimulator, device: NexoTerminal, wanted: CardOperation, *faults: Fault) -> Approved:
    """Lose the answer and ask; what else goes wrong still does."""
    simulated.faults = Faults([AnswerLostAfterEffect(), *faults])
    assert isinstance(performed(device, wanted), Unknown)
    simulated.faults = Faults(faults)
    found = device.inquire(inquiry_about(wanted))
    assert isinstance(found, Approved), found
    return found


def test_cash_back_and_tip_are_inside_the_amount_and_named_by_the_terminal() -> None:
    with _terminal() as (simulated, device):
        paid = approved(device, operation("purchase", 6299, currency="PLN", cash_back_minor=5000, tip_minor=200))
        found = _lost_and_found(simulated, device, operation("purchase", 1299, cash_back_minor=1000))

        assert _moved(simulated) == [("charge", 6299), ("charge", 1299)]
    assert _shares(paid) == (6299, 5000, 200)
    assert _shares(found) == (1299, 1000, None)


def test_what_a_terminal_does_not_tell_of_the_shares_stays_untold() -> None:
    with _terminal() as (simulated, device):
        simulated.faults = Faults([SharesUntold()])

        assert _shares(approved(device, operation("purchase", 1300, tip_minor=100))) == (1300, None, None)


def test_a_tip_that_the_customer_adds_at_the_terminal_makes_the_amount_larger() -> None:
    with _terminal() as (simulated, device):
        simulated.faults = Faults([TipAdded(150)])
        more = approved(device, operation("purchase", 1100, tip_minor=100))
        found = _lost_and_found(simulated, device, operation("purchase", 1000), TipAdded(150))

        assert _moved(simulated) == [("charge", 1250), ("charge", 1150)]
    assert [_shares(result) for result in (more, found)] == [(1250, None, 250), (1150, None, 150)]


def test_instalments_are_asked_for_and_told_with_the_card() -> None:
    with _terminal() as (simulated, device):
        paid = approved(device, replace(operation("purchase", 12_000, currency="BRL"), instalments=6))
        once = approved(device, operation("purchase", 500))

        assert _moved(simulated) == [("charge", 12_000), ("charge", 500)]
    assert paid.card is not None
    assert paid.card.instalments == 6
    assert once.card is not None
    assert once.card.instalments is None


def test_rule_18_a_part_is_approved_only_where_the_till_can_deal_with_one() -> None:
    with _terminal() as (simulated, device):
        simulated.terminal.rules.append(ApprovePart(500))
        assert _shares(approved(device, operation("purchase", 1234, cash_back_minor=200))) == (500, None, None)
    with _terminal({"partial_approval": False}) as (simulated, device):
        simulated.terminal.rules.append(ApprovePart(500))
        refused = performed(device, operation("purchase", 1234))
        assert _moved(simulated) == []
    assert refused == Declined("Refusal", "The host declined.")


def test_a_signature_is_asked_for_and_its_line_is_on_the_merchants_slip() -> None:
    with _terminal() as (simulated, device):
        without = approved(device, operation("purchase", 1000)).slips
        simulated.faults = Faults([SignatureWanted()])
        signed = approved(device, operation("purchase", 1000)).slips
        again = approved(device, operation("last_slip")).slips

    assert not without.signature_required
    assert signed.signature_required
    assert signed.merchant == (*signed.customer, "", "X_______________________")
    assert again == signed


def test_a_reservation_is_raised_by_its_new_total_and_released_as_a_whole() -> None:
    with _terminal() as (simulated, device):
        held = approved(device, operation("pre_authorisation", 5000)).references
        first = approved(device, replace(operation("increment", 1000, original=held), held_minor=5000))
        more = replace(operation("increment", 500, original=first.references), held_minor=6000)
        simulated.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, more), Unknown)
        simulated.faults = Faults()
        found = device.inquire(inquiry_about(more))
        unknown = performed(device, operation("increment", 100, original=held))
        approved(device, operation("pre_authorisation_cancel", original=held))

        assert _moved(simulated) == [
            ("reservation", 5000),
            ("reservation", 1000),
            ("reservation", 500),
            ("release", 6500),
        ]
    assert first.amount_minor == 1000
    assert isinstance(found, Approved)
    assert found.amount_minor == 500
    assert isinstance(unknown, NotSent)
    assert unknown.reason_code == "held-amount-not-known"


def test_the_balance_of_a_card_is_read_and_moves_nothing() -> None:
    with _terminal(balance_minor=4321) as (simulated, device):
        assert approved(device, operation("balance")).amount_minor == 4321
        assert isinstance(performed(device, operation("balance", currency="USD")), Unknown)
        assert _moved(simulated) == []


@pytest.mark.parametrize(("currency", "taken"), [("EUR", True), ("CHF", False)])
def test_a_currency_that_the_terminal_does_not_take_is_declined(currency: str, taken: bool) -> None:
    with _terminal(currencies="EUR,PLN") as (simulated, device):
        result = performed(device, operation("purchase", 1234, currency=currency))

        assert _moved(simulated) == ([("charge", 1234)] if taken else [])
    if not taken:
        assert result == Declined("NotAllowed", "The terminal does not allow this now. It does not take CHF.")


def test_cash_back_that_a_card_has_not_is_declined() -> None:
    with _terminal() as (simulated, device):
        simulated.terminal.rules.append(Decline("PaymentRestriction"))

        assert isinstance(performed(device, operation("purchase", 6299, cash_back_minor=5000)), Declined)
        assert _moved(simulated) == []
