"""What payments hears: tenders to authorise, capture and release; terminals' answers; tills, gateways and devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from libs.bus.consumer import CommandConsumer, Consumer, ProjectionConsumer, Received
from libs.contracts.gateway import DeviceChanged
from libs.contracts.identity import GatewayChanged, TillChanged
from libs.contracts.tenders import AuthorizeTender, CaptureTender, ReleaseTender
from libs.contracts.terminals import TerminalAnswered
from libs.persistence import UnitOfWork
from services.payments.use_cases.authorize_tender import authorize_tender
from services.payments.use_cases.capture_tender import capture_tender
from services.payments.use_cases.keep_terminals import keep_terminals
from services.payments.use_cases.limits import OperationLimits
from services.payments.use_cases.record_answer import record_answer
from services.payments.use_cases.release_tender import release_tender


def tender_consumer(limits: OperationLimits) -> CommandConsumer:
    """The one consumer of card tenders."""

    async def authorize(received: Received[AuthorizeTender], work: UnitOfWork) -> None:
        await authorize_tender(work, received.message, limits)

    async def capture(received: Received[CaptureTender], work: UnitOfWork) -> None:
        await capture_tender(work, received.message)

    async def release(received: Received[ReleaseTender], work: UnitOfWork) -> None:
        await release_tender(work, received.message, limits)

    return CommandConsumer(
        "payments.tenders",
        "tenders.card",
        {AuthorizeTender: authorize, CaptureTender: capture, ReleaseTender: release},
    )


def terminal_consumer(limits: OperationLimits) -> Consumer:
    """The consumer of what terminals answered."""

    async def answered(received: Received[TerminalAnswered], work: UnitOfWork) -> None:
        await record_answer(work, received.message, limits)

    return Consumer("payments.terminals", {TerminalAnswered: answered})


async def _keep(batch: Sequence[Received[Any]], work: UnitOfWork) -> None:
    await keep_terminals(work.connection, [(each.envelope.sequence, each.message) for each in batch])


premises_consumer = ProjectionConsumer(
    name="payments.premises", messages=(GatewayChanged, TillChanged, DeviceChanged), handler=_keep
)
