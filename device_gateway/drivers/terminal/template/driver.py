"""A template to copy for a new terminal. It carries out nothing and says so; the comments say what belongs where."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated

from pydantic import Field

from device_gateway.domain.card_operations import CardOperation, NotSent, OperationResult, Unknown
from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import Driver, DriverOptions
from device_gateway.drivers.lines import Line, LineBroken, open_line
from device_gateway.drivers.terminal.template.codec import request_for

_PIECE_BYTES = 4096


class TemplateOptions(DriverOptions):
    """What devices.toml may say. Every time-out carries its unit in its name and has limits."""

    line: str
    connect_timeout_s: Annotated[float, Field(gt=0, le=60)] = 3.0
    write_timeout_s: Annotated[float, Field(gt=0, le=60)] = 5.0
    answer_timeout_s: Annotated[float, Field(gt=0, le=600)] = 180.0


class TemplateTerminal:
    """One thread calls everything but `abort`; nothing here needs to survive, the gateway's journal does that."""

    def __init__(self, options: TemplateOptions, line: Line) -> None:
        self._options = options
        self._line = line

    def perform(self, operation: CardOperation, progress: Callable[[str, str], None]) -> OperationResult:
        request = request_for(operation)
        if isinstance(request, NotSent):
            return request
        progress("follow_terminal", "Follow what the terminal shows.")
        try:
            self._line.write(request)
        except LineBroken as error:
            # Only here is it certain that nothing has happened.
            return NotSent(str(error)) if error.nothing_left else Unknown(str(error))
        # Read the answer until answer_timeout_s is over. Certain answers are Approved and Declined; silence, a broken
        # line, noise, and an answer that may belong to another request are Unknown. Never send the request again.
        return Unknown("The template does not read answers.")

    def inquire(self, operation: CardOperation) -> OperationResult:
        # Ask by sent_reference where the protocol carries a reference of ours, else for the last transaction, and then
        # compare amount and kind: the next customer may have paid meanwhile. NotFound only if the terminal says so.
        return Unknown("The template cannot ask.")

    def abort(self) -> None:
        """Ask the terminal to stop waiting for a card. Called from another thread: set a flag that perform looks at."""

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        # Raises DeviceAbsent when the line is gone; then the gateway opens the device again.
        self._line.read(_PIECE_BYTES, timeout_s)
        return ()

    def close(self) -> None:
        self._line.close()


def open_terminal(options: TemplateOptions) -> TemplateTerminal:
    """The terminal, its line open and whatever it wants at first (registration, sign-on) done.

    Raises DeviceAbsent or DeviceMisconfigured with a sentence for the person who stands before it.
    """
    line = open_line(options.line, connect_timeout_s=options.connect_timeout_s, write_timeout_s=options.write_timeout_s)
    return TemplateTerminal(options, line)


driver = Driver(options=TemplateOptions, open_device=open_terminal)
