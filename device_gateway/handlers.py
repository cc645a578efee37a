"""Commands from the bus: message type -> use case, once for each subject however often it arrives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from pydantic import ValidationError

from device_gateway.domain.orders import DrawerOpening, PrintJob, Trail
from device_gateway.domain.placement import PlacedDevice
from device_gateway.domain.terminal_operation import TerminalOperation
from device_gateway.journal import Journal
from device_gateway.journal_steps import Step
from device_gateway.use_cases.accept_drawer_opening import accept_drawer_opening
from device_gateway.use_cases.accept_print_job import accept_print_job
from device_gateway.use_cases.accept_terminal_operation import accept_terminal_operation
from libs.bus.envelope import Envelope, MalformedEnvelope, from_headers
from libs.contracts.gateway import GatewayCommand, OpenDrawer, PrintDocument
from libs.contracts.terminals import OperateTerminal


class CommandRefused(Exception):
    """This is no command for this gateway and never will be; the text says why."""


Order = PrintJob | DrawerOpening | TerminalOperation


class Handler(Protocol):
    """Puts a command into the journal. `drawer_late_s` is how long a drawer may be opened for it, at most."""

    def __call__(
        self,
        step: Step,
        command: Any,
        trail: Trail,
        expires_at: datetime | None,
        devices: Sequence[PlacedDevice],
        *,
        drawer_late_s: float,
    ) -> Order:
        """See the use cases."""


HANDLERS: Mapping[type[GatewayCommand], Handler] = {
    PrintDocument: accept_print_job,
    OpenDrawer: accept_drawer_opening,
    OperateTerminal: accept_terminal_operation,
}
_MODELS = {model.message.type: model for model in HANDLERS}


@dataclass(frozen=True, slots=True)
class Command:
    """A command that was understood."""

    message: GatewayCommand
    envelope: Envelope


def understand(headers: Mapping[str, Any], body: bytes, gateway_id: UUID) -> Command:
    """Read a delivery. Raises CommandRefused."""
    try:
        envelope = from_headers(headers, body)
    except MalformedEnvelope as error:
        raise CommandRefused(f"its envelope is malformed: {error}") from error
    model = _MODELS.get(envelope.type)
    if model is None:
        raise CommandRefused(f"this gateway does not know {envelope.type}; it takes {', '.join(sorted(_MODELS))}")
    try:
        message = model.parse(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise CommandRefused(f"{envelope.type}: {field}: {first['msg']}") from error
    if message.gateway_id != gateway_id:
        raise CommandRefused(f"it is for the gateway {message.gateway_id}, and this is {gateway_id}")
    return Command(message, envelope)


def take(journal: Journal, command: Command, devices: Sequence[PlacedDevice], *, drawer_late_s: float) -> Order | None:
    """Journal a command; None if it was journaled before. Raises JournalFailed."""
    message, envelope = command.message, command.envelope
    trail = Trail(envelope.correlation_id, envelope.id, envelope.traceparent)
    with journal.step() as step:
        if not step.is_new(envelope.type, message.subject, envelope.id):
            return None
        # Who received a command is forgotten after a while; an order that still waits then is not.
        if step.job(UUID(message.subject)) is not None or step.opening(UUID(message.subject)) is not None:
            return None
        return HANDLERS[type(message)](step, message, trail, envelope.expiry_time, devices, drawer_late_s=drawer_late_s)
