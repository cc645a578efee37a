"""Where nobody can be asked what became of an operation, the terminal's last slip helps whoever looks it up."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.integration.device_gateway.terminals.gateway_stand import at_work
from tests.integration.device_gateway.terminals.wirings import WIRINGS, Wiring

pytestmark = pytest.mark.anyio
TRIES = 100


@pytest.mark.parametrize(
    "wiring", [pytest.param(wiring, id=wiring.name) for wiring in WIRINGS if not wiring.answers_inquiries]
)
async def test_the_last_slip_is_told_again_after_an_answer_was_lost(wiring: Wiring, tmp_path: Path) -> None:
    own = tmp_path / "terminal"
    with wiring.serve(own) as terminal:
        async with at_work(tmp_path, [wiring.device(terminal.address, own.name, own)]) as payments:
            terminal.cut("from_terminal", 1)
            lost = await payments.asks("purchase", 12_345, currency=wiring.currency)
            terminal.mend()
            for _ in range(TRIES):
                told = await payments.asks("last_slip", currency=wiring.currency)
                if told.outcome != "not_sent":
                    break
                # The line is not open again yet.
                await asyncio.sleep(0.05)
            assert (lost.outcome, told.outcome) == ("unknown", "approved")
            assert "СУММА 12345" in told.customer_slip
            assert terminal.movements() == [("charge", 12_345)]
