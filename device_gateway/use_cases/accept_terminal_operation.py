"""Take what a payment terminal is to do into the journal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from device_gateway.domain.orders import Trail
from device_gateway.domain.placement import PlacedDevice, first_of
from device_gateway.domain.print_job import is_expired
from device_gateway.domain.terminal_operation import LONGEST_WAIT, OperationState, TerminalOperation
from device_gateway.journal_steps import Step
from device_gateway.journal_terminals import TerminalSteps
from device_gateway.use_cases.answer_inquiry import answer_inquiry
from libs.contracts.terminals import OperateTerminal

REFUSED_BEFORE = "It arrived after payments had asked what became of it and was told that it had not been sent."


def accept_terminal_operation(
    step: Step,
    command: OperateTerminal,
    trail: Trail,
    expires_at: datetime | None,
    devices: Sequence[PlacedDevice],
    *,
    drawer_late_s: float = 0.0,
) -> TerminalOperation:
    """Store the operation for the terminal that it names, or the till's first; decided at once where that is certain.

    An inquiry goes to the terminal that the operation it asks about went to.
    """
    journal = TerminalSteps(step)
    known = journal.get(command.operation_id)
    if known is not None:
        return known
    terminal, trouble = _terminal(command, devices)
    target = journal.get(command.inquired_operation_id) if command.action == "inquiry" else None
    if target is not None and target.terminal is not None:
        terminal, trouble = target.terminal, None
    operation = TerminalOperation(
        operation_id=command.operation_id,
        intent_id=command.intent_id,
        gateway_id=step.gateway_id,
        store_id=step.store_id,
        till_id=command.till_id,
        terminal=terminal,
        action=command.action,
        currency=command.currency,
        amount_minor=command.amount_minor,
        cash_back_minor=command.cash_back_minor,
        tip_minor=command.tip_minor,
        reference=journal.free_reference(command.operation_id),
        received_at=step.now,
        changed_at=step.now,
        trail=trail,
        expires_at=expires_at or step.now + LONGEST_WAIT,
        instalments=command.instalments,
        original=command.original,
        inquired_operation_id=command.inquired_operation_id,
    )
    operation = _decided(step, operation, trouble)
    journal.add(operation)
    return operation


def _decided(step: Step, operation: TerminalOperation, trouble: str | None) -> TerminalOperation:
    """The operation, with its outcome where that is certain already."""
    if TerminalSteps(step).is_refused(operation.operation_id):
        return operation.answered(OperationState.NOT_SENT, step.now, reason=REFUSED_BEFORE)
    if is_expired(operation.expires_at, step.now):
        return operation.answered(OperationState.EXPIRED, step.now)
    if operation.is_inquiry:
        operation = answer_inquiry(step, operation)
    if trouble is not None and not operation.state.is_final:
        return operation.answered(OperationState.NOT_SENT, step.now, reason=trouble)
    return operation


def _terminal(command: OperateTerminal, devices: Sequence[PlacedDevice]) -> tuple[str | None, str | None]:
    """The terminal's name, and why there is none."""
    if command.terminal is None:
        own = first_of(devices, "terminal", command.till_id)
        if own is not None:
            return own.name, None
        return None, "This till has no payment terminal at this PC. List one for it in devices.toml."
    named = next((device for device in devices if device.name == command.terminal), None)
    if named is None or named.kind != "terminal":
        terminals = ", ".join(device.name for device in devices if device.kind == "terminal") or "none"
        return None, f"There is no payment terminal {command.terminal!r} at this PC; the terminals are {terminals}."
    return named.name, None
