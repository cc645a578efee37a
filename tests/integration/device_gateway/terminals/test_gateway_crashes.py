"""A failure at any fault point is told and charges nothing twice; kills are in tests/chaos/test_card_history.py."""

from __future__ import annotations

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from libs.testkit.faults import FAULT_POINTS, armed
from tests.integration.device_gateway.core.stand import until
from tests.integration.device_gateway.terminals.gateway_stand import (
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
BEFORE_THE_TERMINAL = "gateway_after_terminal_intent"
AFTER_THE_TERMINAL = "gateway_after_terminal_answer"
IN_DOUBT = {BEFORE_THE_TERMINAL, AFTER_THE_TERMINAL}


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
