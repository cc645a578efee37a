"""Ask a terminal for what concerns no payment: a card's balance, its last slip again, a diagnosis."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.payments.domain.payment import Operation
from services.payments.domain.terminal import NoTerminal
from services.payments.use_cases.authorize_tender import terminal_for
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.pre_authorise import till_of
from services.payments.use_cases.send_operation import send_operations

Question = Literal["balance", "last_slip", "diagnosis"]


async def ask_terminal(
    work: UnitOfWork,
    caller: Principal,
    question: Question,
    currency: str,
    till_id: UUID | None,
    terminal: str | None,
    limits: OperationLimits,
) -> UUID:
    """Send the question and return its operation's id. Raises what `till_of` raises, and NoTerminal."""
    caller.demand(Permission.PAYMENTS_RESOLVE)
    at_till, store_id = await till_of(work, caller, till_id)
    asked = await terminal_for(work.connection, store_id, at_till, terminal)
    if asked.standalone:
        raise NoTerminal(
            f"The terminal {asked.name!r} stands alone and cannot be asked from here. Use its own menu.",
            field="terminal",
        )
    if asked.concentrated:
        raise NoTerminal(
            f"The terminal {asked.name!r} is the concentrator's: there is no device to ask. Its slips are with its"
            " payments.",
            field="terminal",
        )
    operation = Operation(new_id(), None, store_id, at_till, asked, question, currency, 0)
    await send_operations(work, [operation], limits, by=caller.id)
    return operation.operation_id
