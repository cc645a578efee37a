"""The history check is worth something only if it notices drivers that guess or send twice."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from device_gateway.domain.card_operations import (
    Approved,
    CardOperation,
    NotFound,
    NotSent,
    OperationResult,
    Unknown,
)
from device_gateway.drivers.terminal.zvt.driver import ZvtOptions, ZvtTerminal
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from tests.integration.device_gateway.terminals.history import SimulatedTerminal, check_terminal_history, on_a_line

Progress = Callable[[str, str], None]


class _SendsAgain(ZvtTerminal):
    """Tries once more when the answer is lost."""

    def perform(self, operation: CardOperation, progress: Progress) -> OperationResult:
        result = super().perform(operation, progress)
        return super().perform(operation, progress) if isinstance(result, Unknown) else result


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
        receipt = self._repeat_receipt()
        if isinstance(receipt, Unknown) or receipt.status is None:
            return Unknown("no receipt")
        return Approved(receipt.status.amount_minor or 0)


@pytest.mark.parametrize(
    "liar", [_SendsAgain, _TakesALostAnswerForAYes, _TakesALostAnswerForNotSent, _NeverFinds, _LooksAtTheAmountAlone]
)
def test_a_driver_that_guesses_or_sends_twice_is_caught(liar: type[ZvtTerminal]) -> None:
    def driver(terminal: SimulatedTerminal) -> ZvtTerminal:
        device = liar(
            ZvtOptions(address=terminal.address, connect_timeout_s=1, acknowledge_timeout_s=1, answer_timeout_s=1)
        )
        device.connect()
        return device

    simulator = on_a_line(lambda: ZvtSimulator(ZvtSimulatorOptions(slips=False)))
    with pytest.raises(AssertionError, match="after_bytes"):
        check_terminal_history(simulator, driver, actions=("purchase",), every=5)
