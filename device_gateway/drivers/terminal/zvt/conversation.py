"""One request to the terminal and everything it says until it is done: every APDU is answered, the end is awaited."""

from __future__ import annotations

import time
from collections.abc import Callable

from device_gateway.drivers.interface import DeviceAbsent
from device_gateway.drivers.lines import LineBroken
from device_gateway.drivers.terminal.zvt import codes
from device_gateway.drivers.terminal.zvt.apdu import Apdu
from device_gateway.drivers.terminal.zvt.carriers import Carrier
from device_gateway.drivers.terminal.zvt.fields import MalformedFields
from device_gateway.drivers.terminal.zvt.messages import (
    NOT_SUPPORTED,
    POSITIVE,
    Command,
    is_negative,
    refusal_code,
)
from device_gateway.drivers.terminal.zvt.outcomes import Reply
from device_gateway.drivers.terminal.zvt.told import read_print_line, read_status, read_text_block

Progress = Callable[[str, str], None]
_LOOK_FOR_ABORT_S = 0.1


class RequestLost(Exception):
    """The line broke or the terminal fell silent. `left` says whether a byte of the request may have reached it."""

    def __init__(self, reason: str, *, left: bool) -> None:
        super().__init__(reason)
        self.left = left


def _nobody() -> bool:
    return False


class Conversation:
    """Asks over a carrier, one request at a time."""

    def __init__(
        self,
        carrier: Carrier,
        *,
        acknowledge_timeout_s: float,
        answer_timeout_s: float,
        operation_timeout_s: float,
    ) -> None:
        self._carrier = carrier
        self._acknowledge_timeout_s = acknowledge_timeout_s
        self._answer_timeout_s = answer_timeout_s
        self._operation_timeout_s = operation_timeout_s

    def ask(
        self, request: Apdu, progress: Progress, *, repeatable: bool, wants_abort: Callable[[], bool] = _nobody
    ) -> Reply:
        """Send a request and listen to the end; `wants_abort` is looked at while the terminal works.

        Raises RequestLost, after which the carrier must be closed.
        """
        try:
            self._carrier.send(request, repeatable=repeatable)
        except LineBroken as broken:
            raise RequestLost(str(broken), left=not broken.nothing_left) from broken
        except DeviceAbsent as absent:
            raise RequestLost(str(absent), left=True) from absent
        reply = Reply()
        try:
            self._await_acknowledgement(reply)
            if not reply.refused:
                self._listen(reply, progress, wants_abort)
        except DeviceAbsent as absent:
            raise RequestLost(str(absent), left=True) from absent
        return reply

    def idle(self, timeout_s: float) -> None:
        """Answer what the terminal says unasked, for `timeout_s`. Raises DeviceAbsent."""
        if self._carrier.receive(timeout_s) is not None:
            self._carrier.send(POSITIVE, repeatable=True)

    def _await_acknowledgement(self, reply: Reply) -> None:
        """`80 00 00` or `84 xx` to the request. What comes before it still belongs to something earlier."""
        deadline = time.monotonic() + self._acknowledge_timeout_s
        while (apdu := self._next(deadline - time.monotonic())) is not None:
            if apdu.command == POSITIVE.command:
                return
            if is_negative(apdu):
                reply.refused = True
                reply.ended_with = refusal_code(apdu)
                return
            self._carrier.send(POSITIVE, repeatable=True)
        raise DeviceAbsent(f"The terminal does not acknowledge a request within {self._acknowledge_timeout_s:g} s.")

    def _listen(self, reply: Reply, progress: Progress, wants_abort: Callable[[], bool]) -> None:
        end = time.monotonic() + self._operation_timeout_s
        silent_since = time.monotonic()
        aborted = False
        while reply.ended_with is None:
            if not aborted and wants_abort():
                aborted = True
                self._carrier.send(Apdu(Command.ABORT), repeatable=True)
            now = time.monotonic()
            if now >= end:
                raise DeviceAbsent(f"The terminal did not finish within {self._operation_timeout_s:g} s.")
            if now - silent_since >= self._answer_timeout_s:
                raise DeviceAbsent(f"The terminal has said nothing for {self._answer_timeout_s:g} s.")
            apdu = self._next(min(_LOOK_FOR_ABORT_S, self._answer_timeout_s))
            if apdu is not None:
                silent_since = time.monotonic()
                self._take(apdu, reply, progress)

    def _next(self, timeout_s: float) -> Apdu | None:
        return self._carrier.receive(timeout_s) if timeout_s > 0 else None

    def _take(self, apdu: Apdu, reply: Reply, progress: Progress) -> None:
        """Note what the terminal said, and acknowledge it."""
        if apdu.command == POSITIVE.command or is_negative(apdu):
            return
        answer = POSITIVE
        try:
            match apdu.command:
                case Command.INTERMEDIATE_STATUS:
                    progress(*codes.shown(apdu.data[0] if apdu.data else 0xFF))
                case Command.STATUS_INFORMATION:
                    reply.status = read_status(apdu.data)
                case Command.PRINT_LINE:
                    reply.slips.append(read_print_line(apdu.data))
                case Command.PRINT_TEXT_BLOCK:
                    reply.slips.append(read_text_block(apdu.data))
                case Command.COMPLETION:
                    reply.ended_with = codes.OK
                    reply.completion = apdu.data
                case Command.ABORTED:
                    reply.ended_with = (apdu.data[0] if apdu.data else codes.CANCELLED) or codes.CANCELLED
                case _:
                    answer = NOT_SUPPORTED
        except MalformedFields:
            reply.unreadable = True
        try:
            self._carrier.send(answer, repeatable=True)
        except DeviceAbsent:
            # The end is known, whether or not the terminal hears that we heard it.
            if reply.ended_with is None:
                raise
