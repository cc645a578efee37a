"""Killed at every fault point: what the terminal really moved is what payments is told, and nothing is moved twice."""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from device_gateway.journal_terminals import TerminalSteps
from device_gateway.simulators import AnswerLostAfterEffect, Faults
from libs.contracts.terminals import CardReferences, OperateTerminal, TerminalAnswered
from libs.testkit.faults import FAULT_POINTS, armed
from tests.integration.device_gateway.core.stand import until
from tests.integration.device_gateway.terminals.gateway_child import Orders, main
from tests.integration.device_gateway.terminals.gateway_stand import (
    DRIVERS,
    Payments,
    at_work,
    moved,
    on_a_line,
    order,
    simulated,
    wired,
    with_terminal,
)

pytestmark = pytest.mark.anyio

POINTS = [name for name in FAULT_POINTS if name.startswith("gateway_") and "_terminal_" in name]
KINDS = {"purchase": "charge", "refund": "refund", "reversal": "reversal"}
BEFORE_THE_TERMINAL = "gateway_after_terminal_intent"
AFTER_THE_TERMINAL = "gateway_after_terminal_answer"
IN_DOUBT = {BEFORE_THE_TERMINAL, AFTER_THE_TERMINAL}
CHILD_TIMEOUT_S = 30
AROUND_IT = (
    "gateway_before_command_journaled",
    "gateway_before_command_acknowledged",
    "gateway_after_publish_before_mark",
)
# The second passage is at the sale, the third at the refund, the fourth at the reversal.
STRIKES = [
    *((point, 2) for point in AROUND_IT),
    *((point, passage) for point in POINTS for passage in ((2, 3, 4) if point in IN_DOUBT else (2,))),
]
# As the simulators name their first transaction.
FIRST_SALE = {"zvt": CardReferences(receipt_number="0001"), "nexo": CardReferences(transaction_id="T000000000001")}


def history(driver: str) -> tuple[OperateTerminal, ...]:
    """A sale, another one, a refund and the reversal of the first sale."""
    first = order("purchase", 1_000)
    back = order("reversal", 1_000, original=FIRST_SALE[driver], inquired_operation_id=first.operation_id)
    return (first, order("purchase", 2_000), order("refund", 300), back)


@pytest.mark.parametrize(("point", "passage"), STRIKES)
@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_gateway_killed_at_any_point_charges_once_and_tells_the_truth(
    driver: str, point: str, passage: int, tmp_path: Path
) -> None:
    terminal = simulated(driver)
    commands = history(driver)
    with on_a_line(terminal) as address:
        orders = Orders(tmp_path, driver, address, commands, f"{point}:kill:{passage}")
        assert await _child(orders) == -9, "the fault did not strike"
        async with at_work(tmp_path, [wired(driver, address, tmp_path)]) as payments:
            # Payments cannot know what arrived: everything comes once more.
            struck = commands[passage - 1]
            for command in commands:
                await payments.sends(command)
                await until(lambda c=command: _ended(payments, c))  # type: ignore[misc]
            stories = {command.operation_id: _story(payments, command) for command in commands}
            doubtful = [command for command in commands if stories[command.operation_id].outcome == "unknown"]
            if point in AROUND_IT:
                # These are passed beside the terminal's own thread, which may just be at the next operation.
                assert len(doubtful) <= 1
            else:
                assert doubtful == ([struck] if point in IN_DOUBT else [])
            for command in doubtful:
                told = await payments.asks_about(command.operation_id, command.amount_minor)
                assert point in AROUND_IT or (told.outcome, told.found) in EXPECTED[driver, point]
                stories[command.operation_id] = told
            expected = [
                (KINDS[command.action], command.amount_minor)
                for command in commands
                if stories[command.operation_id].outcome == "approved"
            ]
            assert moved(terminal) == expected
            assert len(expected) >= len(commands) - (point == BEFORE_THE_TERMINAL or len(doubtful))
            # Nobody heard an answer twice, and the gateway goes on.
            assert len({answer.operation_id for answer in payments.answers}) == len(payments.answers)
            assert (await payments.asks("purchase", 50)).outcome == "approved"


EXPECTED: dict[tuple[str, str], list[tuple[str, bool | None]]] = {
    # ZVT knows no reference of ours: of what never reached its driver, only the terminal's slips tell, to a person.
    ("zvt", BEFORE_THE_TERMINAL): [("unknown", None)],
    ("zvt", AFTER_THE_TERMINAL): [("approved", True)],
    ("nexo", BEFORE_THE_TERMINAL): [("declined", False)],
    ("nexo", AFTER_THE_TERMINAL): [("approved", True)],
}


@pytest.mark.parametrize("driver", DRIVERS)
async def test_a_gateway_killed_while_the_terminal_charges_finds_the_charge_afterwards(
    driver: str, tmp_path: Path
) -> None:
    terminal = simulated(driver)
    terminal.faults = Faults([AnswerLostAfterEffect()])
    command = order("purchase", 1_700)
    with on_a_line(terminal) as address:
        child = _started(Orders(tmp_path, driver, address, (command,), fault=""))
        await until(lambda: moved(terminal), timeout_s=CHILD_TIMEOUT_S)
        child.kill()
        await asyncio.to_thread(child.join, CHILD_TIMEOUT_S)
        terminal.faults = Faults()
        async with at_work(tmp_path, [wired(driver, address, tmp_path)]) as payments:
            assert _story(payments, command).outcome == "unknown"
            told = await payments.asks_about(command.operation_id, 1_700)
            assert (told.outcome, told.amount_minor) == ("approved", 1_700)
            await payments.sends(command)
            assert (await payments.asks("purchase", 50)).outcome == "approved"
        assert moved(terminal) == [("charge", 1_700), ("charge", 50)]


@pytest.mark.parametrize("point", POINTS)
async def test_a_failure_at_any_point_is_told_and_charges_nothing_twice(point: str, tmp_path: Path) -> None:
    async with with_terminal(tmp_path, "nexo") as (payments, terminal):
        with armed(point) as fault:
            first = await payments.asks("purchase", 700)
            await until(lambda: fault.struck)
        assert first.outcome == ("unknown" if point in IN_DOUBT else "approved")
        if point in IN_DOUBT:
            told = await payments.asks_about(first.operation_id, 700)
            assert told.found is (point == AFTER_THE_TERMINAL)
        assert (await payments.asks("purchase", 800)).outcome == "approved"
        charged = [] if point == BEFORE_THE_TERMINAL else [("charge", 700)]
        assert moved(terminal) == [*charged, ("charge", 800)]
        assert len(payments.answers_to(first.operation_id)) == 1


async def test_an_approval_that_cannot_be_written_down_at_once_is_not_made_unknown(tmp_path: Path) -> None:
    terminal = simulated("nexo", works_s=0.3)
    with on_a_line(terminal) as address:
        async with at_work(tmp_path, [wired("nexo", address, tmp_path)]) as payments:
            journal = payments.shop.gateway.parts.journal
            command = order("purchase", 900)
            with capture_logs() as logged:
                await payments.sends(command)
                await until(lambda: moved(terminal))
                with journal.step() as step:
                    step.connection.exec_driver_sql("PRAGMA query_only = ON")
                await until(lambda: any(entry["event"] == "outcome_not_written" for entry in logged))
                with journal.step() as step:
                    step.connection.exec_driver_sql("PRAGMA query_only = OFF")
            answer = await payments.hears(command.operation_id)
            assert (answer.outcome, answer.amount_minor) == ("approved", 900)
            assert moved(terminal) == [("charge", 900)]


def _ended(payments: Payments, command: OperateTerminal) -> bool:
    return _stored(payments, command) is not None


def _stored(payments: Payments, command: OperateTerminal) -> TerminalAnswered | None:
    with payments.shop.gateway.parts.journal.step() as step:
        operation = TerminalSteps(step).get(command.operation_id)
    return operation.answer if operation is not None else None


def _story(payments: Payments, command: OperateTerminal) -> TerminalAnswered:
    answer = _stored(payments, command)
    assert answer is not None
    return answer


def _started(orders: Orders) -> ForkServerProcess:
    # One server that has read all the code; each child is a copy of it.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([main.__module__])
    process = context.Process(target=main, args=(orders,))
    process.start()
    return process


async def _child(orders: Orders) -> int | None:
    process = _started(orders)
    await asyncio.to_thread(process.join, CHILD_TIMEOUT_S)
    if process.is_alive():
        process.kill()
        process.join()
        pytest.fail("the child hangs")
    return process.exitcode
