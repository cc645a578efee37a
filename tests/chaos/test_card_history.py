"""Whatever breaks between us and a payment terminal: what it charged is what we say, by intent, for every driver.

One check for all drivers and carriers: the line is cut at every byte of a sale, a refund and a reversal, in both
directions, and the gateway is killed at each of its fault points. By default so many cuts and kills are made that it
takes less than a minute; TILLSTREAM_TEST_EVERY_BYTE=1 makes them all, in about half an hour.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import structlog

from device_gateway.domain.card_operations import (
    Approved,
    CardOperation,
    NotFound,
    NotSent,
    OperationResult,
    Unknown,
)
from device_gateway.drivers.interface import Driver
from device_gateway.drivers.terminal.zvt.driver import ZvtOptions, ZvtTerminal
from device_gateway.journal_terminals import TerminalSteps
from device_gateway.service import RunningGateway
from libs.contracts.terminals import OperateTerminal, TerminalAction, TerminalAnswered
from libs.telemetry import configure_logging
from libs.testkit.databases import DatabaseServer
from libs.testkit.faults import FAULT_POINTS, armed
from tests.integration.device_gateway.core.stand import until
from tests.integration.device_gateway.terminals.gateway_child import CHILD_TIMEOUT_S, TERMINAL, Orders, killed, started
from tests.integration.device_gateway.terminals.gateway_stand import Payments, at_work, order
from tests.integration.device_gateway.terminals.history import AMOUNT_MINOR, KINDS, check_card_history
from tests.integration.device_gateway.terminals.on_rabbitmq import linked_gateway, on_rabbitmq
from tests.integration.device_gateway.terminals.payments_shop import PaymentsTill, StandaloneTill, tills_of_payments
from tests.integration.device_gateway.terminals.wirings import BY_NAME, WIRINGS, Moved, Wiring

EVERY = bool(os.environ.get("TILLSTREAM_TEST_EVERY_BYTE"))
pytestmark = [pytest.mark.anyio, *([pytest.mark.timeout(3_600)] if EVERY else [])]

CUTS = None if EVERY else 20
INTENTS_CUT_EVERY_BYTES = 8
SHORT = 200
FEW_CUTS = 200 if EVERY else 10
NAMES = [wiring.name for wiring in WIRINGS]
ONE_OF_EACH = ["zvt-tcp", "nexo-protected", "inpas-http", "sberbank"]


@pytest.fixture(autouse=True)
def _quiet() -> None:
    if not structlog.is_configured():
        configure_logging("WARNING")


@pytest.mark.parametrize("name", NAMES)
async def test_wherever_the_line_is_cut_the_terminal_moved_what_was_said(name: str, tmp_path: Path) -> None:
    report = await check_card_history(BY_NAME[name], tmp_path, at_most=CUTS)
    print(f"{name}: {report}")
    # That all agreed is worth something only if answers were lost.
    assert report.first_outcomes["unknown"] >= report.cuts / 5
    assert report.first_outcomes["approved"] > 0


# A terminal that goes on, or gives up, when its till is gone; one that is still at it when it is asked; one that says
# what was lost before it answers the next one.
AWAY: Mapping[str, tuple[str, dict[str, Any]]] = {
    "zvt-goes-on": ("zvt-tcp", {"finishes_when_cut_off": True, "works_on_s": 0.03}),
    "zvt-gives-up": ("zvt-tcp", {"finishes_when_cut_off": False}),
    "nexo-is-still-at-it": ("nexo-protected", {"works_s": 0.03}),
    "inpas-answers-late": ("inpas-serial", {"repeats_lost_answers": True}),
    "sberbank": ("sberbank", {}),
}


@pytest.mark.parametrize("away", AWAY)
async def test_a_gateway_that_was_away_and_a_next_customer_change_nothing(away: str, tmp_path: Path) -> None:
    name, simulated = AWAY[away]
    report = await check_card_history(
        BY_NAME[name], tmp_path, at_most=FEW_CUTS, restarted=True, another_first=True, **simulated
    )
    assert report.first_outcomes["unknown"] > 0


# Killed

BEFORE_THE_TERMINAL = "gateway_after_terminal_intent"
AFTER_THE_TERMINAL = "gateway_after_terminal_answer"
IN_DOUBT = (BEFORE_THE_TERMINAL, AFTER_THE_TERMINAL)
# Passed by the link to the bus, beside the terminal's thread, which may just be at the next operation.
BESIDE = (
    "gateway_before_command_journaled",
    "gateway_before_command_acknowledged",
    "gateway_after_publish_before_mark",
)
POINTS = [name for name in FAULT_POINTS if name.startswith("gateway_") and "_terminal_" in name]
# The third passage is at the last sale, the fourth at the refund, the fifth at the reversal.
STRIKES = [
    *((point, passage) for point in IN_DOUBT for passage in (3, 4, 5)),
    *((point, 3) for point in (*BESIDE, *POINTS) if point not in IN_DOUBT),
]
ONE_IN = 1 if EVERY else 5
KILLS = [
    (name, *strike)
    for at, name in enumerate(NAMES)
    for number, strike in enumerate(STRIKES)
    if (number + at) % ONE_IN == 0
]


def three_sales_a_refund_and_a_reversal(wiring: Wiring) -> tuple[OperateTerminal, ...]:
    """A part of the second sale goes back, and the first one is undone."""

    def at_the_terminal(action: TerminalAction, amount_minor: int, **facts: Any) -> OperateTerminal:
        return order(action, amount_minor, currency=wiring.currency, terminal=TERMINAL, **facts)

    first, second, third = (at_the_terminal("purchase", amount_minor) for amount_minor in (1_000, 2_000, 3_000))
    refund = at_the_terminal("refund", 300, original=wiring.references(2), inquired_operation_id=second.operation_id)
    back = at_the_terminal("reversal", 1_000, original=wiring.references(1), inquired_operation_id=first.operation_id)
    return first, second, third, refund, back


@pytest.mark.parametrize(("name", "point", "passage"), KILLS)
async def test_a_gateway_killed_at_any_point_charges_once_and_tells_the_truth(
    name: str, point: str, passage: int, tmp_path: Path
) -> None:
    wiring = BY_NAME[name]
    commands = three_sales_a_refund_and_a_reversal(wiring)
    with wiring.serve(tmp_path / TERMINAL) as terminal:
        await killed(Orders(tmp_path, name, terminal.address, commands, f"{point}:kill:{passage}"))
        async with at_work(tmp_path, [wiring.device(terminal.address, TERMINAL, tmp_path / TERMINAL)]) as payments:
            # Payments cannot know what arrived: everything comes once more.
            for command in commands:
                await payments.sends(command)
                await payments.knows(command.operation_id)
            stories = {command.operation_id: payments.stored(command.operation_id) for command in commands}
            doubtful = [command for command in commands if stories[command.operation_id].outcome == "unknown"]
            if point in BESIDE:
                assert len(doubtful) <= 1
            else:
                assert doubtful == ([commands[passage - 1]] if point in IN_DOUBT else [])
            for command in doubtful:
                told = await found_out(wiring, payments, command, terminal.movements())
                if point == AFTER_THE_TERMINAL and wiring.driver_name != "inpas":
                    # It answered, before the gateway died: it says so again, or its files do.
                    assert told.found is True
                stories[command.operation_id] = told
            said = [
                (KINDS[command.action], command.amount_minor)
                for command in commands
                if stories[command.operation_id].outcome == "approved"
            ]
            assert terminal.movements() == said
            assert len(said) >= len(commands) - (point == BEFORE_THE_TERMINAL or len(doubtful))
            # Nobody heard an answer twice, and the gateway goes on.
            assert len({answer.operation_id for answer in payments.answers}) == len(payments.answers)
            assert (await payments.asks("purchase", 50, currency=wiring.currency)).outcome == "approved"


async def found_out(
    wiring: Wiring, payments: Payments, command: OperateTerminal, moved: Sequence[Moved]
) -> TerminalAnswered:
    """What became of an operation in doubt: the answer to an inquiry, else what a person reads at the terminal."""
    told = await payments.asks_about(command.operation_id, command.amount_minor, currency=wiring.currency)
    if told.outcome != "unknown":
        return told
    read = (KINDS[command.action], command.amount_minor) in moved
    return told.model_copy(update={"outcome": "approved" if read else "declined", "amount_minor": command.amount_minor})


@pytest.mark.parametrize("name", NAMES if EVERY else ONE_OF_EACH)
async def test_a_gateway_killed_while_the_terminal_charges_tells_the_truth_afterwards(
    name: str, tmp_path: Path
) -> None:
    wiring = BY_NAME[name]
    command = order("purchase", 1_700, currency=wiring.currency)
    with wiring.serve(tmp_path / TERMINAL) as terminal:
        terminal.keep_to_itself()
        child = started(Orders(tmp_path, name, terminal.address, (command,), fault=""))
        await until(terminal.movements, timeout_s=CHILD_TIMEOUT_S)
        child.kill()
        await asyncio.to_thread(child.join, CHILD_TIMEOUT_S)
        terminal.mend()
        async with at_work(tmp_path, [wiring.device(terminal.address, TERMINAL, tmp_path / TERMINAL)]) as payments:
            assert payments.stored(command.operation_id).outcome == "unknown"
            told = await found_out(wiring, payments, command, terminal.movements())
            assert (told.outcome, told.amount_minor) == ("approved", 1_700)
            await payments.sends(command)
            await until_sold(payments, wiring)
        assert terminal.movements() == [("charge", 1_700), ("charge", 50)]


async def until_sold(payments: Payments, wiring: Wiring) -> None:
    """The terminal may be busy for a moment."""
    for _ in range(200):
        if (await payments.asks("purchase", 50, currency=wiring.currency)).outcome == "approved":
            return
        await asyncio.sleep(0.02)
    pytest.fail("nothing can be sold")


# With payments

SERVICE_POINTS = [name for name in FAULT_POINTS if not name.startswith(("gateway_", "payments_"))]


@pytest.fixture(scope="module")
async def paying(
    postgres_server: DatabaseServer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[str, PaymentsTill]]:
    """A till with a terminal of each wiring, at a gateway and payments with its database."""
    async with tills_of_payments(postgres_server, tmp_path_factory.mktemp("paying"), WIRINGS) as tills:
        yield {till.wiring.name: till for till in tills}


@pytest.mark.parametrize("name", NAMES if EVERY else ONE_OF_EACH)
async def test_wherever_the_line_is_cut_the_intents_of_payments_say_what_the_terminal_moved(
    name: str, paying: Mapping[str, PaymentsTill]
) -> None:
    till = paying[name]
    for (action, direction), length in (await till.lengths()).items():
        # Within the request, and within the last word of the answer: one was not done, the other was.
        often = EVERY and length < SHORT
        chosen = range(0, length + 1, INTENTS_CUT_EVERY_BYTES) if often else (max(0, length - 1),)
        for after_bytes in chosen:
            await till.does(action, (direction, after_bytes))
    await till.compare()
    assert till.doubted > 0


@pytest.mark.parametrize("point", SERVICE_POINTS if EVERY else ["before_commit", "after_commit_before_publish"])
async def test_what_a_person_did_at_a_standalone_terminal_is_what_the_intents_say_whatever_crashes(
    point: str, paying: Mapping[str, PaymentsTill]
) -> None:
    shop = paying["zvt-tcp"].shop
    till = await StandaloneTill.added(shop, f"alone-{FAULT_POINTS.index(point)}")
    with armed(point, on_passage=4) as fault:
        await till.sells_refunds_and_takes_back()
    assert fault.struck
    assert (
        till.slips
        == till.said
        == [
            ("charge", AMOUNT_MINOR),
            ("charge", AMOUNT_MINOR),
            ("refund", AMOUNT_MINOR),
            ("reversal", AMOUNT_MINOR),
        ]
    )


# Over a broker


@pytest.mark.rabbitmq
async def test_over_rabbitmq_cut_off_away_and_killed_it_charges_once_and_tells_the_truth(
    rabbitmq_url: str, broker_namespace: str, tmp_path: Path
) -> None:
    wiring = BY_NAME["zvt-tcp"]
    with wiring.serve(tmp_path / TERMINAL, finishes_when_cut_off=True) as terminal:
        device = wiring.device(terminal.address, TERMINAL, tmp_path / TERMINAL)
        async with on_rabbitmq(rabbitmq_url, broker_namespace) as broker:
            payments, line = broker.payments, broker.line
            first, second, third, refund, back = three_sales_a_refund_and_a_reversal(wiring)
            async with linked_gateway(tmp_path, device, line.url, broker.namespace) as gateway:
                await payments.sends(first, times=3)
                assert (await payments.hears(first.operation_id)).outcome == "approved"

                # Cut off while the terminal charges: what was taken may come again, what is told has to wait.
                terminal.slow_down(0.1)
                await payments.sends(second, times=2)
                await until(lambda: _under_way(gateway))
                line.refusing = True
                line.cut()
                await until(lambda: len(terminal.movements()) == 2)
                terminal.mend()
                await payments.sends(third)
                assert payments.answers_to(second.operation_id) == []
                line.refusing = False
                for command in (second, third):
                    assert (await payments.hears(command.operation_id)).outcome == "approved"

            # Away: what runs out of time meanwhile is never begun.
            stale = order("purchase", 9_000, currency=wiring.currency, terminal=TERMINAL)
            await payments.sends(stale, valid_s=0.2)
            await payments.sends(refund)
            await asyncio.sleep(0.3)
            bus = (line.url, broker.namespace)
            # Killed with the refund, the second command, in its hands; it comes again, and the terminal gives it back.
            for fault in ("gateway_before_command_journaled:kill:2", f"{AFTER_THE_TERMINAL}:kill:1"):
                await killed(Orders(tmp_path, wiring.name, terminal.address, (), fault, bus))
            async with linked_gateway(tmp_path, device, line.url, broker.namespace):
                assert (await payments.hears(stale.operation_id)).outcome == "expired"
                assert (await payments.hears(refund.operation_id)).outcome == "unknown"
                told = await payments.asks_about(refund.operation_id, 300, currency=wiring.currency)
                assert (told.outcome, told.found) == ("approved", True)

                terminal.cut("from_terminal", 40)
                await payments.sends(back, times=2)
                undone = await payments.hears(back.operation_id)
                if undone.outcome == "unknown":
                    undone = await payments.asks_about(back.operation_id, 1_000, currency=wiring.currency)
                said = [("charge", 1_000), ("charge", 2_000), ("charge", 3_000), ("refund", 300)]
                assert terminal.movements() == said + [("reversal", 1_000)] * (undone.outcome == "approved")
            # Nobody heard two answers to one operation.
            assert len({answer.operation_id for answer in payments.answers}) == len(payments.answers)


def _under_way(gateway: RunningGateway) -> bool:
    with gateway.parts.journal.step() as step:
        return bool(TerminalSteps(step).interrupted())


# The check itself is worth something only if it notices drivers that guess or send twice.

Progress = Callable[[str, str], None]


class _SendsAgain(ZvtTerminal):
    """Tries once more when the answer is lost."""

    def perform(self, operation: CardOperation, progress: Progress) -> OperationResult:
        result = super().perform(operation, progress)
        if not isinstance(result, Unknown):
            return result
        return super().perform(replace(operation, reference=f"{operation.reference}X"), progress)


class _TakesALostAnswerForAYes(ZvtTerminal):
    def perform(self, operation: CardOperation, progress: Progress) -> OperationResult:
        result = super().perform(operation, progress)
        return Approved(operation.amount_minor) if isinstance(result, Unknown) else result


class _TakesALostAnswerForNotSent(ZvtTerminal):
    def perform(self, operation: CardOperation, progress: Progress) -> OperationResult:
        result = super().perform(operation, progress)
        return NotSent(result.reason) if isinstance(result, Unknown) else result


class _NeverFinds(ZvtTerminal):
    def inquire(self, operation: CardOperation) -> OperationResult:
        return NotFound("never")


class _LooksAtTheAmountAlone(ZvtTerminal):
    """Takes the terminal's last receipt for its own whenever the amount fits."""

    def inquire(self, operation: CardOperation) -> OperationResult:
        receipt = self.perform(replace(operation, action="last_slip"), lambda stage, text: None)
        return receipt if isinstance(receipt, Approved) else Unknown("no receipt")


@pytest.mark.parametrize(
    "liar", [_SendsAgain, _TakesALostAnswerForAYes, _TakesALostAnswerForNotSent, _NeverFinds, _LooksAtTheAmountAlone]
)
async def test_a_driver_that_guesses_or_sends_twice_is_caught(liar: type[ZvtTerminal], tmp_path: Path) -> None:
    def opened(options: ZvtOptions) -> ZvtTerminal:
        terminal = liar(options)
        terminal.connect()
        return terminal

    wiring = replace(BY_NAME["zvt-tcp"], driver=Driver(options=ZvtOptions, open_device=opened))
    with pytest.raises(AssertionError, match="after_bytes"):
        await check_card_history(wiring, tmp_path, at_most=20, actions=("purchase",))
