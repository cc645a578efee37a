"""Operations at payment terminals: how they stand, and the wish to stop one that waits for a card."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from pydantic import BaseModel

from device_gateway.api.dependencies import Gateway, GatewayPart
from device_gateway.domain.terminal_operation import OperationState, TerminalOperation
from device_gateway.journal_terminals import TerminalSteps
from device_gateway.terminal_duty import Shown, TerminalDuty
from device_gateway.use_cases.settle_terminal_operations import call_off, demand_operation
from device_gateway.workers import Workforce
from libs.contracts.permissions import Permission
from libs.contracts.refusal import NotFound
from libs.contracts.terminals import TerminalAction
from libs.web.authentication import Caller
from libs.web.paging import Page, Paging

router = APIRouter(tags=["terminal operations"])


class TerminalOperationView(BaseModel):
    """An operation. `unknown` means that money may have moved; `resolved_as` is what an inquiry found out since.

    `stage` and `text` are what the terminal shows at this moment.
    """

    operation_id: UUID
    intent_id: UUID
    till_id: UUID
    terminal: str | None
    action: TerminalAction
    currency: str
    amount_minor: int
    state: OperationState
    reason_code: str | None
    reason: str | None
    approved_minor: int | None
    resolved_as: str | None
    stage: str | None
    text: str | None
    received_at: datetime
    changed_at: datetime
    expires_at: datetime | None
    inquired_operation_id: UUID | None


@router.get("/terminal-operations", summary="Operations at payment terminals, the newest first")
async def list_terminal_operations(
    paging: Paging,
    gateway: Annotated[Gateway, GatewayPart],
    terminal: Annotated[str | None, Query(description="Only those of this terminal.", max_length=32)] = None,
    in_doubt: Annotated[bool, Query(description="Only those that are unknown and not found out since.")] = False,
) -> Page[TerminalOperationView]:
    after = paging.after_keys(int)

    def read() -> list[tuple[int, TerminalOperation]]:
        with gateway.journal.step() as step:
            return TerminalSteps(step).newest(
                paging.limit + 1, before=after[0] if after else None, terminal=terminal, in_doubt=in_doubt
            )

    rows = await asyncio.to_thread(read)
    return paging.page(rows, key=lambda row: (row[0],), item=lambda row: _view(gateway.workforce, row[1]))


@router.get("/terminal-operations/{operation_id}", summary="One operation at a payment terminal")
async def show_terminal_operation(
    operation_id: UUID, gateway: Annotated[Gateway, GatewayPart]
) -> TerminalOperationView:
    def read() -> TerminalOperation:
        with gateway.journal.step() as step:
            return demand_operation(step, operation_id)

    return _view(gateway.workforce, await asyncio.to_thread(read))


@router.post("/terminal-operations/{operation_id}/abort", summary="Stop an operation, if it can be", status_code=202)
async def abort_terminal_operation(
    operation_id: UUID, caller: Caller, gateway: Annotated[Gateway, GatewayPart]
) -> TerminalOperationView:
    """One that waits is called off. A terminal that waits for a card is asked to stop: the outcome tells whether it
    did, so watch the live feed; asking again does no harm. One that has ended is a conflict.
    """
    gateway.demand(caller, Permission.GATEWAY_USE)

    def stop() -> TerminalOperation:
        with gateway.journal.step() as step:
            operation = call_off(step, demand_operation(step, operation_id))
        duty = _duty(gateway.workforce, operation.terminal)
        if operation.state is OperationState.SENDING and duty is not None:
            duty.abort(operation_id)
        return operation

    return _view(gateway.workforce, await asyncio.to_thread(stop))


def _duty(workforce: Workforce, terminal: str | None) -> TerminalDuty | None:
    try:
        duty = workforce.worker(terminal or "").duty
    except NotFound:
        return None
    return duty if isinstance(duty, TerminalDuty) else None


def _shown(workforce: Workforce, operation: TerminalOperation) -> Shown | None:
    duty = _duty(workforce, operation.terminal) if operation.state is OperationState.SENDING else None
    shown = duty.shown if duty else None
    return shown if shown is not None and shown.operation_id == operation.operation_id else None


def _view(workforce: Workforce, operation: TerminalOperation) -> TerminalOperationView:
    answer, shown, resolution = operation.answer, _shown(workforce, operation), operation.resolution
    resolved_as = None
    if resolution is not None:
        resolved_as = "not_found" if resolution.found is False else resolution.outcome
    return TerminalOperationView(
        operation_id=operation.operation_id,
        intent_id=operation.intent_id,
        till_id=operation.till_id,
        terminal=operation.terminal,
        action=operation.action,
        currency=operation.currency,
        amount_minor=operation.amount_minor,
        state=operation.state,
        reason_code=answer.reason_code if answer else None,
        reason=answer.reason if answer else None,
        approved_minor=answer.amount_minor if answer else None,
        resolved_as=resolved_as,
        stage=shown.stage if shown else None,
        text=shown.text if shown else None,
        received_at=operation.received_at,
        changed_at=operation.changed_at,
        expires_at=operation.expires_at,
        inquired_operation_id=operation.inquired_operation_id,
    )
