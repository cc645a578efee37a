"""The nexo driver against a simulated terminal that speaks real HTTP with protected messages."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from device_gateway.domain.card_operations import Approved, Declined, NotFound, NotSent, Unknown
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from device_gateway.drivers.terminal.nexo.driver import NexoTerminal
from device_gateway.drivers.terminal.nexo.simulator import NexoSimulator
from device_gateway.drivers.terminal.simulated_ledger import ApprovePart, Busy, Decline, NoCard
from device_gateway.simulators import (
    AnswerLostAfterEffect,
    Fault,
    Faults,
    Garbage,
    LateAnswer,
    NoAnswer,
    Reply,
    Simulator,
    serving,
)
from libs.contracts.terminals import CardFacts, SchemeTotal
from tests.integration.device_gateway.terminals.nexo.terminals import opened, options_for, simulator
from tests.integration.device_gateway.terminals.operations import approved, inquiry_about, operation, performed, until


@contextmanager
def _terminal(driver: dict[str, Any] | None = None, **options: Any) -> Iterator[tuple[NexoSimulator, NexoTerminal]]:
    simulated = simulator(**options)
    with serving(simulated, "tcp://127.0.0.1:0") as address:
        device = opened(address, **{"operation_timeout_s": 0.3, "inquiry_timeout_s": 1, **(driver or {})})
        yield simulated, device
        device.close()


def _moved(simulated: NexoSimulator) -> list[tuple[str, int]]:
    return [(entry.kind, entry.amount_minor) for entry in simulated.ledger]


def test_a_purchase_tells_references_card_and_slips() -> None:
    with _terminal() as (simulated, device):
        result = approved(device, operation("purchase", 6299, currency="PLN", cash_back_minor=5000, tip_minor=200))

        assert _moved(simulated) == [("charge", 6299)]
    assert result.amount_minor == 6299
    assert result.card == CardFacts(masked_number="443056****1234", scheme="visa", entry_mode="Contactless")
    assert result.references is not None
    assert result.references.transaction_id == "T000000000001"
    assert result.references.approval_code == "000001"
    assert result.slips.customer == result.slips.merchant
    assert result.slips.customer[1] == "Total                      62.99"


def test_currencies_without_and_with_three_digits_are_charged_exactly() -> None:
    with _terminal() as (simulated, device):
        approved(device, operation("purchase", 1234, currency="JPY"))
        approved(device, operation("purchase", 1234, currency="KWD"))

        assert _moved(simulated) == [("charge", 1234), ("charge", 1234)]


def test_a_refund_in_parts_never_exceeds_what_was_charged() -> None:
    with _terminal() as (simulated, device):
        sold = approved(device, operation("purchase", 1000)).references
        approved(device, operation("refund", 300, original=sold))
        approved(device, operation("refund", 700, original=sold))
        too_much = performed(device, operation("refund", 1, original=sold))

        assert _moved(simulated) == [("charge", 1000), ("refund", 300), ("refund", 700)]
    assert isinstance(too_much, Declined)
    assert too_much.reason_code == "NotAllowed"


def test_a_refund_without_the_original_goes_to_the_card_that_is_presented() -> None:
    with _terminal() as (simulated, device):
        approved(device, operation("refund", 300))

        assert _moved(simulated) == [("refund", 300)]


def test_a_reversal_happens_once() -> None:
    with _terminal() as (simulated, device):
        sold = approved(device, operation("purchase", 1000)).references
        approved(device, operation("reversal", 1000, original=sold))
        again = performed(device, operation("reversal", 1000, original=sold))

        assert _moved(simulated) == [("charge", 1000), ("reversal", 1000)]
    assert isinstance(again, Declined)


def test_a_pre_authorisation_is_raised_completed_or_released() -> None:
    with _terminal() as (simulated, device):
        held = approved(device, operation("pre_authorisation", 5000)).references
        approved(device, replace(operation("increment", 1000, original=held), held_minor=5000))
        approved(device, operation("completion", 4200, original=held))
        other = approved(device, operation("pre_authorisation", 700)).references
        approved(device, operation("pre_authorisation_cancel", original=other))

        assert _moved(simulated) == [
            ("reservation", 5000),
            ("reservation", 1000),
            ("charge", 4200),
            ("reservation", 700),
            ("release", 700),
        ]


def test_end_of_day_balance_diagnosis_and_last_slip() -> None:
    with _terminal() as (simulated, device):
        no_slip = performed(device, operation("last_slip"))
        sold = approved(device, operation("purchase", 1000)).references
        approved(device, operation("purchase", 500))
        approved(device, operation("refund", 300, original=sold))
        voided = approved(device, operation("purchase", 700)).references
        approved(device, operation("reversal", 700, original=voided))
        approved(device, operation("refund", 200, original=sold))
        simulated.terminal.scheme = "amex"
        approved(device, operation("purchase", 900))

        assert approved(device, operation("last_slip")).slips.customer[0] == "charge"
        assert approved(device, operation("end_of_day")).totals == (
            SchemeTotal(scheme="amex", sale_count=1, sale_minor=900, refund_count=0, refund_minor=0),
            SchemeTotal(scheme="visa", sale_count=2, sale_minor=1500, refund_count=2, refund_minor=500),
        )
        assert approved(device, operation("end_of_day")).totals == ()
        assert approved(device, operation("balance")).amount_minor == 2550
        assert approved(device, operation("diagnosis")).text == "OK"
        assert len(_moved(simulated)) == 7
    assert isinstance(no_slip, Declined)


def test_a_decline_a_partial_approval_and_nobody_with_a_card() -> None:
    with _terminal() as (simulated, device):
        simulated.terminal.rules += [Decline("Refusal"), ApprovePart(500), NoCard(after_s=0.02)]

        assert performed(device, operation("purchase", 1234)) == Declined("Refusal", "The host declined.")
        assert approved(device, operation("purchase", 1234)).amount_minor == 500
        nobody = performed(device, operation("purchase", 1234))
        assert _moved(simulated) == [("charge", 500)]
    assert isinstance(nobody, Declined)
    assert nobody.reason_code == "Cancel"


@pytest.mark.parametrize(
    ("fault", "charged"),
    [(AnswerLostAfterEffect(), True), (LateAnswer(0.6), True), (Garbage(), True), (NoAnswer(), False)],
)
def test_without_a_certain_answer_the_terminal_is_asked_and_nothing_is_charged_twice(
    fault: Fault, charged: bool
) -> None:
    with _terminal() as (simulated, device):
        sale = operation("purchase", 1234)
        simulated.faults = Faults([fault])
        first = performed(device, sale)
        simulated.faults = Faults()
        found = device.inquire(inquiry_about(sale))

        assert isinstance(first, Unknown)
        assert isinstance(found, Approved if charged else NotFound)
        assert _moved(simulated) == ([("charge", 1234)] if charged else [])


@pytest.mark.parametrize("action", ["refund", "reversal"])
def test_a_lost_refund_or_reversal_is_found_by_its_own_kind(action: Any) -> None:
    with _terminal() as (simulated, device):
        sold = approved(device, operation("purchase", 1000)).references
        back = operation(action, 1000, original=sold)
        simulated.faults = Faults([AnswerLostAfterEffect()])
        assert isinstance(performed(device, back), Unknown)
        simulated.faults = Faults()

        assert isinstance(device.inquire(inquiry_about(back)), Approved)
        assert isinstance(device.inquire(inquiry_about(operation(action, 1000))), NotFound)
        assert _moved(simulated) == [("charge", 1000), (action, 1000)]


def test_while_the_terminal_is_still_at_it_the_outcome_is_unknown() -> None:
    with _terminal(works_s=0.6) as (simulated, device):
        sale = operation("purchase", 1234)

        assert isinstance(performed(device, sale), Unknown)
        assert isinstance(device.inquire(inquiry_about(sale)), Unknown)
        until(lambda: isinstance(device.inquire(inquiry_about(sale)), Approved))
        assert _moved(simulated) == [("charge", 1234)]


def test_a_busy_terminal_declines() -> None:
    with _terminal() as (simulated, device):
        simulated.faults = Faults([Busy()])

        assert performed(device, operation("purchase", 1)) == Declined("Busy", "The terminal is busy: wait a moment.")
        assert _moved(simulated) == []


def test_a_terminal_with_another_key_is_not_believed_and_not_paid_at() -> None:
    simulated = simulator()
    with serving(simulated, "tcp://127.0.0.1:0") as address:
        device = NexoTerminal(options_for(address, passphrase="guessed"))
        sale = operation("purchase", 1234)

        assert isinstance(performed(device, sale), Unknown)
        assert isinstance(device.inquire(inquiry_about(sale)), Unknown)
        assert _moved(simulated) == []
        device.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"passphrase": "guessed"}, "Check key_identifier, key_version and passphrase"),
        ({"key_version": 2}, "Check key_identifier, key_version and passphrase"),
        ({"poi_id": "V400m-000000000"}, "rejects messages of this till .Unknown POIID.. Check poi_id"),
    ],
)
def test_a_wrong_key_or_name_comes_to_light_before_any_payment(options: dict[str, Any], says: str) -> None:
    with serving(simulator(poi_id="V400m-324688179"), "tcp://127.0.0.1:0") as address:
        with pytest.raises(DeviceMisconfigured, match=says):
            opened(address, **options)
        opened(address).close()


def test_a_terminal_that_rejects_a_request_has_not_carried_it_out() -> None:
    simulated = simulator(poi_id="V400m-324688179")
    with serving(simulated, "tcp://127.0.0.1:0") as address:
        device = NexoTerminal(options_for(address, poi_id="V400m-000000000"))
        sale = operation("purchase", 1234)

        assert performed(device, sale) == Declined("Reject", "The terminal rejects the request: Unknown POIID.")
        assert device.inquire(inquiry_about(sale)) == Unknown("The terminal rejects the question (Unknown POIID).")
        assert _moved(simulated) == []
        device.close()


class _Forger(Simulator):
    """Answers every request with a success that nobody has signed."""

    def received(self, data: bytes) -> Sequence[Reply]:
        body = b'{"SaleToPOIResponse":{"PaymentResponse":{"Response":{"Result":"Success"}}}}'
        return (Reply(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body),)


def test_an_answer_made_with_another_key_leaves_it_in_doubt() -> None:
    with serving(_Forger(), "tcp://127.0.0.1:0") as address:
        device = NexoTerminal(options_for(address))
        result = performed(device, operation("purchase", 1234))
        device.close()
        with pytest.raises(DeviceMisconfigured, match="cannot be trusted"):
            opened(address)
    assert result == Unknown("The terminal's answer cannot be trusted: the message has no security trailer.")


def test_a_terminal_that_wants_it_is_signed_on_at_once_and_again_when_it_has_forgotten() -> None:
    with _terminal({"login": True}) as (simulated, device):
        told: list[str] = []
        simulated.watch = told.append
        approved(device, operation("purchase", 1))
        approved(device, operation("purchase", 2))
        simulated.terminal.rules.append(Decline("LoggedOut"))
        assert isinstance(performed(device, operation("purchase", 3)), Declined)
        approved(device, operation("purchase", 4))

    assert [line.split()[0] for line in told] == ["Login", "Payment", "Payment", "Payment", "Login", "Payment"]


def test_what_cannot_be_reached_is_not_sent_and_absent() -> None:
    with serving(simulator(), "tcp://127.0.0.1:0") as address:
        device = opened(address, check_every_s=0.01)
    assert isinstance(performed(device, operation("purchase", 1234)), NotSent)
    assert isinstance(device.inquire(inquiry_about(operation("purchase", 1234))), Unknown)
    with pytest.raises(DeviceAbsent):
        until(lambda: device.poll(0.01) != ())
    device.close()
    with pytest.raises(DeviceAbsent, match="cannot be reached"):
        opened(address)


def test_an_inquiry_about_what_moves_no_money_says_it_may_be_done_again() -> None:
    with _terminal() as (_, device):
        assert isinstance(device.inquire(inquiry_about(operation("end_of_day"))), NotFound)


def test_abort_does_nothing_when_nothing_is_under_way() -> None:
    with _terminal() as (simulated, device):
        thread = threading.Thread(target=device.abort)
        thread.start()
        thread.join(5)
        approved(device, operation("purchase", 1234))

        assert _moved(simulated) == [("charge", 1234)]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"address": "http://192.0.2.41/nexo"}, "must be reached by https, not http"),
        ({"address": "https://192.0.2.41:8443/nexo"}, "certificate_file must name the certificate"),
        ({"address": "192.0.2.41/nexo"}, "must be written as https"),
        ({"inquiry_timeout_s": 0}, "inquiry_timeout_s"),
        ({"pin": "1"}, "pin"),
        ({"passphrase": "pässword"}, "without accents"),
    ],
)
def test_wrong_options_are_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        options_for("tcp://127.0.0.1:1", **wrong)


def test_the_passphrase_is_in_no_text() -> None:
    assert "mypassphrase" not in repr(options_for("tcp://127.0.0.1:1"))
