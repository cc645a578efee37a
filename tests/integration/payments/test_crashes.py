"""A crash at each point between a command and its outcome: one purchase, one answer to sales, nothing lost."""

from __future__ import annotations

import pytest

from libs.testkit.faults import BUS_FAULT_POINTS, armed
from tests.integration.payments.terminal_shop import TerminalShop


@pytest.mark.parametrize("passage", [1, 2])
@pytest.mark.parametrize("point", BUS_FAULT_POINTS)
async def test_a_crash_asks_the_terminal_for_one_purchase_and_answers_once(
    shop: TerminalShop, point: str, passage: int
) -> None:
    with armed(point, on_passage=passage) as fault:
        tender_id = await shop.authorize(4_000)
        await shop.becomes(tender_id, "approved")
        await shop.services.drained()
    assert fault.struck
    # A gateway may hear of an operation twice; it is one operation by its id.
    assert len({each.operation_id for each in shop.gateway.asked}) == 1
    assert await shop.told(tender_id) == ["authorized"]
    assert (await shop.intent(tender_id))["anomaly_count"] == 0
