"""Say what is certain of operations at terminals that cannot go on: cut short, out of time, without a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from device_gateway.domain.print_job import is_expired
from device_gateway.domain.terminal_operation import OperationState, TerminalOperation
from device_gateway.journal_steps import Step
from device_gateway.journal_terminals import TerminalSteps
from libs.contracts.refusal import Conflict, NotFound

CUT_SHORT = "The gateway was cut off while the terminal was at it. Money may have moved: the terminal has to be asked."
CALLED_OFF = "It was called off at the till before the terminal was asked."


def settle_interrupted_operations(step: Step, terminal: str | None = None) -> None:
    """Every operation found `sending` becomes unknown; at one terminal, or at all. Called when nobody is at it."""
    journal = TerminalSteps(step)
    for operation in journal.interrupted(terminal):
        journal.save(operation.answered(OperationState.UNKNOWN, step.now, reason=CUT_SHORT))


def expire_operations(step: Step) -> int:
    """Expire what waits and is out of time; how many operations that were."""
    journal = TerminalSteps(step)
    late = [operation for operation in journal.waiting() if is_expired(operation.expires_at, step.now)]
    for operation in late:
        journal.save(operation.answered(OperationState.EXPIRED, step.now))
    return len(late)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a terminal cannot work, in sentences, and since when, where that is known."""

    sentences: str
    since: datetime | None = None


def turn_away(step: Step, trouble_of: Callable[[str | None], Trouble | None], patience: timedelta) -> int:
    """Answer `not_sent` to what has waited for an absent terminal longer than `patience`; how many operations.

    `trouble_of` says, for a terminal's name, why it cannot work now, or None.
    """
    journal = TerminalSteps(step)
    turned_away = 0
    for operation in journal.waiting():
        trouble = trouble_of(operation.terminal)
        if trouble is None:
            continue
        waited_since = max(operation.received_at, trouble.since or operation.received_at)
        if step.now - waited_since >= patience:
            journal.save(operation.answered(OperationState.NOT_SENT, step.now, reason=trouble.sentences))
            turned_away += 1
    return turned_away


def call_off(step: Step, operation: TerminalOperation) -> TerminalOperation:
    """Call off an operation that waits; one at the terminal stays as it is. Raises Conflict if it is decided."""
    if operation.state.is_final:
        raise Conflict(f"This operation has ended already: {operation.state.replace('_', ' ')}.", field="operation_id")
    if operation.state is OperationState.SENDING:
        return operation
    operation = operation.answered(OperationState.NOT_SENT, step.now, reason=CALLED_OFF)
    TerminalSteps(step).save(operation)
    return operation


def demand_operation(step: Step, operation_id: UUID) -> TerminalOperation:
    """An operation of the journal. Raises NotFound."""
    operation = TerminalSteps(step).get(operation_id)
    if operation is None:
        raise NotFound(f"There is no operation {operation_id} at this PC.", field="operation_id")
    return operation
