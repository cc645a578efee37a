"""What a till hears of a terminal that cannot do what is asked, and what comes with a payment beside its amount."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from device_gateway.configuration import ConfiguredDevice, read_devices
from device_gateway.drivers.terminal.simulated_ledger import Busy, SignatureWanted, TipAdded
from device_gateway.simulators import AnswerLostAfterEffect, Faults
from libs.persistence import new_id
from tests.integration.device_gateway.core.stand import ENROLMENT
from tests.integration.device_gateway.terminals.gateway_stand import (
    DRIVERS,
    GIVES_UP_SOON,
    NAME,
    Payments,
    SimulatedTerminal,
    at_work,
    moved,
    on_a_line,
    simulated,
    wired,
    with_terminal,
)

pytestmark = pytest.mark.anyio
CHF_REFUSED = {"zvt": ("declined", "6F"), "nexo": ("declined", "NotAllowed")}
BUSY = {"zvt": ("not_sent", "9C"), "nexo": ("declined", "Busy")}
OF_EUR_ONLY: dict[str, dict[str, Any]] = {"zvt": {}, "nexo": {"currencies": "EUR"}}
WRONGLY_SET_UP: dict[str, tuple[dict[str, Any], str]] = {
    "zvt": ({"currency": "CHF"}, "The terminal does not work in CHF: correct currency in devices.toml."),
    "nexo": ({"passphrase": "guessed"}, "Check key_identifier, key_version and passphrase."),
}


@asynccontextmanager
async def _with_terminal_of_eur(folder: Path, driver: str) -> AsyncIterator[tuple[Payments, SimulatedTerminal]]:
    terminal = simulated(driver, **OF_EUR_ONLY[driver])
    with on_a_line(terminal) as address:
        async with at_work(folder, [wired(driver, address, folder)]) as payments:
            yield payments, terminal


def _heard_bytes(terminal: SimulatedTerminal) -> int:
    assert terminal.line is not None
    return terminal.line.heard_bytes


@pytest.mark.parametrize("driver", DRIVERS)
async def test_an_amount_of_nothing_is_not_sent(driver: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, driver) as (payments, terminal):
        heard = _heard_bytes(terminal)
        answer = await payments.asks("purchase", 0)

        assert (answer.outcome, answer.reason_code) == ("not_sent", "amount-not-possible")
        assert "The amount must be" in str(answer.reason)
        assert _heard_bytes(terminal) == heard


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_currency_that_the_terminal_does_not_take_is_declined_and_the_next_payment_goes_on(
    driver: str, tmp_path: Path
) -> None:
    async with _with_terminal_of_eur(tmp_path, driver) as (payments, terminal):
        refused = await payments.asks("purchase", 900, currency="CHF")
        paid = await payments.asks("purchase", 1_000)

        assert (refused.outcome, refused.reason_code) == CHF_REFUSED[driver]
        assert refused.reason
        assert paid.outcome == "approved"
        assert moved(terminal) == [("charge", 1_000)]


async def test_a_currency_that_no_zvt_terminal_knows_is_not_sent(tmp_path: Path) -> None:
    async with with_terminal(tmp_path) as (payments, terminal):
        answer = await payments.asks("purchase", 900, currency="JPY")

        assert (answer.outcome, answer.reason_code) == ("not_sent", "currency-not-supported")
        assert "does not know the currency JPY" in str(answer.reason)
        assert moved(terminal) == []


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_terminal_that_is_not_listed_is_named_with_those_that_are(driver: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, driver) as (payments, terminal):
        answer = await payments.asks("purchase", 900, terminal="the-other-one")

        assert answer.outcome == "not_sent"
        assert answer.reason == (
            "There is no payment terminal 'the-other-one' at this PC; the terminals are card-terminal."
        )
        assert moved(terminal) == []


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_busy_terminal_says_so_and_is_paid_at_when_it_is_free(driver: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, driver) as (payments, terminal):
        terminal.faults = Faults([Busy()])
        busy = await payments.asks("purchase", 900)
        terminal.faults = Faults()
        free = await payments.asks("purchase", 900)

        assert (busy.outcome, busy.reason_code) == BUSY[driver]
        assert busy.reason == "The terminal is busy: wait a moment."
        assert free.outcome == "approved"
        assert moved(terminal) == [("charge", 900)]


@pytest.mark.parametrize("driver", DRIVERS)
async def test_an_unreachable_terminal_is_said_so_after_a_while_and_paid_at_when_it_is_back(
    driver: str, tmp_path: Path
) -> None:
    terminal = simulated(driver)
    options: dict[str, Any] = {"check_every_s": 0.05} if driver == "nexo" else {}
    with on_a_line(terminal) as address:
        async with at_work(
            tmp_path, [wired(driver, address, tmp_path, **options)], terminal_patience_s=0.3
        ) as payments:
            assert terminal.line is not None
            terminal.line.unplug()
            await payments.shop.device_is(NAME, "absent")
            away = await payments.asks("purchase", 900)
            terminal.line.plug_in()
            await payments.shop.device_is(NAME, "ready")
            back = await payments.asks("purchase", 901)

        assert away.outcome == "not_sent"
        assert "cannot be reached" in str(away.reason)
        assert "Switch the payment terminal on and see that it is connected." in str(away.reason)
        assert back.outcome == "approved"
        assert moved(terminal) == [("charge", 901)]


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_wrongly_configured_terminal_names_the_option_and_is_never_asked_for_money(
    driver: str, tmp_path: Path
) -> None:
    options, says = WRONGLY_SET_UP[driver]
    terminal = simulated(driver)
    with on_a_line(terminal) as address:
        device = wired(driver, address, tmp_path, **options)
        async with at_work(tmp_path, [device], ready=False, terminal_patience_s=0) as payments:
            await payments.shop.device_is(NAME, "misconfigured")
            answer = await payments.asks("purchase", 900)

        assert answer.outcome == "not_sent"
        assert says in str(answer.reason)
        assert moved(terminal) == []


async def test_a_driver_whose_folder_cannot_be_made_says_so_and_asks_for_no_money(tmp_path: Path) -> None:
    terminal = simulated("zvt")
    (tmp_path / "gateway").mkdir()
    (tmp_path / "gateway" / "devices").write_text("in the way")
    with on_a_line(terminal) as address:
        device = _without_memory_file(wired("zvt", address, tmp_path))
        async with at_work(tmp_path, [device], ready=False, terminal_patience_s=0) as payments:
            await payments.shop.device_is(NAME, "misconfigured")
            answer = await payments.asks("purchase", 900)

        assert answer.outcome == "not_sent"
        assert "cannot be made" in str(answer.reason)
        assert moved(terminal) == []


def _without_memory_file(device: ConfiguredDevice) -> ConfiguredDevice:
    return replace(device, options=device.options.model_copy(update={"memory_file": None}))


@pytest.mark.parametrize("driver", ["inpas", "process_and_files", "template"])
@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"instalments": 3}, "instalments-not-supported"),
        ({"cash_back_minor": 500}, "cash-back-not-supported"),
        ({"tip_minor": 100}, "tip-not-supported"),
    ],
)
async def test_what_a_driver_does_not_list_never_reaches_its_terminal(
    driver: str, asked: dict[str, Any], code: str, tmp_path: Path
) -> None:
    terminal = simulated("zvt")
    with on_a_line(terminal) as address:
        device = wired("zvt", address, tmp_path)
        listed = replace(device, placed=replace(device.placed, driver=driver))
        async with at_work(tmp_path, [listed]) as payments:
            heard = _heard_bytes(terminal)
            answer = await payments.asks("purchase", 1_000, **asked)

            assert answer.outcome == "not_sent"
            assert answer.reason_code == ("purchase-not-supported" if driver == "template" else code)
            assert str(answer.reason).startswith("This terminal cannot ")
            assert _heard_bytes(terminal) == heard


async def test_instalments_are_refused_at_a_zvt_terminal_and_told_by_a_nexo_one(tmp_path: Path) -> None:
    async with with_terminal(tmp_path / "zvt") as (payments, terminal):
        refused = await payments.asks("purchase", 1_200, instalments=3)
        assert (refused.outcome, refused.reason_code) == ("not_sent", "instalments-not-supported")
        assert moved(terminal) == []
    async with with_terminal(tmp_path / "nexo", "nexo") as (payments, terminal):
        paid = await payments.asks("purchase", 1_200, instalments=3)
        assert paid.outcome == "approved"
        assert paid.card is not None
        assert paid.card.instalments == 3
        assert moved(terminal) == [("charge", 1_200)]


@pytest.mark.parametrize("driver", DRIVERS)
async def test_cash_back_tip_and_signature_are_told_as_the_terminal_named_them(driver: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, driver) as (payments, terminal):
        terminal.faults = Faults([SignatureWanted(), TipAdded(50)])
        paid = await payments.asks("purchase", 6_300, cash_back_minor=5_000, tip_minor=100)

        assert (paid.outcome, paid.amount_minor, paid.cash_back_minor, paid.tip_minor) == (
            "approved",
            6_350,
            5_000,
            150,
        )
        assert paid.signature_required
        assert "________" in paid.merchant_slip[-1]
        assert not any("________" in line for line in paid.customer_slip)
        assert moved(terminal) == [("charge", 6_350)]


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_tip_that_was_added_and_whose_answer_was_lost_is_found(driver: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, driver, **GIVES_UP_SOON[driver]) as (payments, terminal):
        terminal.faults = Faults([AnswerLostAfterEffect(), TipAdded(50)])
        lost = await payments.asks("purchase", 1_100, tip_minor=100)
        terminal.faults = Faults([TipAdded(50)])
        found = await payments.asks_about(lost.operation_id, 1_100)

        assert lost.outcome == "unknown"
        assert (found.outcome, found.amount_minor, found.tip_minor) == ("approved", 1_150, 150)
        assert moved(terminal) == [("charge", 1_150)]


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_balance_is_told_and_moves_nothing(driver: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, driver) as (payments, terminal):
        answer = await payments.asks("balance")

        assert (answer.outcome, answer.amount_minor) == ("approved", 2_550)
        assert moved(terminal) == []


@pytest.mark.parametrize(
    ("driver", "options"), [("zvt", {}), ("zvt", {"completion_by": "partial_reversal"}), ("nexo", {})]
)
async def test_a_pre_authorisation_is_raised_and_booked_by_what_the_journal_knows_it_holds(
    driver: str, options: dict[str, Any], tmp_path: Path
) -> None:
    async with with_terminal(tmp_path, driver, **{**GIVES_UP_SOON[driver], **options}) as (payments, terminal):
        intent_id = new_id()
        held = await payments.asks("pre_authorisation", 5_000, intent_id=intent_id)
        about = {"intent_id": intent_id, "inquired_operation_id": held.operation_id}
        first = await payments.asks("increment", 1_000, original=held.references, **about)
        terminal.faults = Faults([AnswerLostAfterEffect()])
        lost = await payments.asks("increment", 500, original=first.references, **about)
        terminal.faults = Faults()
        found = await payments.asks_about(lost.operation_id, 500)
        booked = await payments.asks("completion", 6_200, original=found.references, **about)

        assert [answer.outcome for answer in (held, first, lost, found, booked)] == [
            "approved",
            "approved",
            "unknown",
            "approved",
            "approved",
        ]
        assert [answer.amount_minor for answer in (first, found, booked)] == [1_000, 500, 6_200]
        assert moved(terminal) == [
            ("reservation", 5_000),
            ("reservation", 1_000),
            ("reservation", 500),
            ("charge", 6_200),
        ]


async def test_a_listed_zvt_terminal_needs_no_option_to_survive_a_restart(tmp_path: Path) -> None:
    terminal = simulated("zvt")
    listing = tmp_path / "devices.toml"
    with on_a_line(terminal) as address:
        listing.write_text(
            f'[[device]]\nname = "{NAME}"\ndriver = "zvt"\n[device.options]\n'
            f'address = "{address}"\nanswer_timeout_s = 0.4\n',
            encoding="utf-8",
        )
        async with at_work(tmp_path, read_devices(listing, ENROLMENT.tills)) as payments:
            assert (await payments.asks("purchase", 100)).outcome == "approved"
            terminal.faults = Faults([AnswerLostAfterEffect()])
            lost = await payments.asks("purchase", 1_500)
        terminal.faults = Faults()
        async with at_work(tmp_path, read_devices(listing, ENROLMENT.tills)) as payments:
            found = await payments.asks_about(lost.operation_id, 1_500)

    assert lost.outcome == "unknown"
    assert (found.outcome, found.found, found.amount_minor) == ("approved", True, 1_500)
    assert (tmp_path / "gateway" / "devices" / NAME / "memory.json").is_file()
    assert moved(terminal) == [("charge", 100), ("charge", 1_500)]
