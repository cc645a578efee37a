"""Sends a document and finds out what became of it: printed, certainly not, or unknown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from device_gateway.domain.observations import (
    NotPrinted,
    Paper,
    Printed,
    PrinterStatus,
    PrintOutcome,
    PrintUnknown,
)
from device_gateway.drivers.interface import DeviceAbsent
from device_gateway.drivers.lines import Line, LineBroken, LineStalled
from device_gateway.drivers.printer.escpos import commands
from device_gateway.drivers.printer.escpos.talk import Talk

# Small enough that the printer's complaints are heard while a long receipt is sent.
PIECE_BYTES = 512
_LISTEN_S = 0.25
SILENCE = "The printer does not answer. Check that it is on and that its cable is plugged in."


@dataclass(frozen=True)
class Limits:
    """How long the printer may take once it has everything, and how long it may stand still in between."""

    confirm_timeout_s: float
    recovery_limit_s: float
    has_status: bool
    has_process_id: bool


class Sending:
    """One document on its way. `handed_over` is true as soon as one byte may have left."""

    def __init__(self, line: Line, talk: Talk, limits: Limits, clock: Callable[[], float]) -> None:
        self._line = line
        self._talk = talk
        self._limits = limits
        self._clock = clock
        self._handed_over = False

    def outcome(self, data: bytes, identifier: bytes) -> PrintOutcome:
        """Print it. `identifier` is what the printer is to answer with when it is done."""
        try:
            refusal = self._refusal()
            if refusal is not None:
                return NotPrinted(refusal)
            self._talk.forget_processed()
            self._send(data + self._question(identifier))
            return self._proof(identifier)
        except DeviceAbsent as error:
            if self._handed_over:
                return PrintUnknown(f"{error} Some of it may have come out.")
            return NotPrinted(str(error))

    def _refusal(self) -> str | None:
        """Why nothing is sent at all; None if the printer is ready."""
        if not self._limits.has_status:
            return None
        status = self._talk.status()
        return None if status.can_print else why_not(status)

    def _question(self, identifier: bytes) -> bytes:
        """What the printer answers when it comes to it, after everything before."""
        if not self._limits.has_status:
            return b""
        return commands.process_id(identifier) if self._limits.has_process_id else commands.ASK_PAPER_IN_ORDER

    def _send(self, data: bytes) -> None:
        """Hand everything over, at the pace of the printer."""
        sent = 0
        stalled_since: float | None = None
        while sent < len(data):
            try:
                self._write(data[sent : sent + PIECE_BYTES])
                sent += min(PIECE_BYTES, len(data) - sent)
                stalled_since = None
            except LineStalled as stalled:
                sent += stalled.handed_over
                stalled_since = self._clock() if stalled_since is None or stalled.handed_over else stalled_since
                if not self._handed_over or self._clock() - stalled_since > self._limits.recovery_limit_s:
                    raise
            if self._limits.has_status:
                self._talk.listen(0)

    def _write(self, data: bytes) -> None:
        try:
            self._line.write(data)
        except LineBroken as broken:
            self._handed_over = self._handed_over or not broken.nothing_left
            raise
        self._handed_over = True

    def _proof(self, identifier: bytes) -> PrintOutcome:
        limits = self._limits
        if not limits.has_status:
            return Printed(confirmed=False) if self._drained() else PrintUnknown(_STUCK)
        if limits.has_process_id:
            if self._awaited(lambda: self._talk.was_processed(identifier)):
                return Printed(confirmed=True)
            return PrintUnknown("The printer has not said that it has printed this.")
        self._awaited(lambda: self._talk.has_answered_in_order)
        status = self._talk.status()
        if status.can_print:
            return Printed(confirmed=False)
        return PrintUnknown(f"{why_not(status)} Some of it may be missing.")

    def _awaited(self, said: Callable[[], bool]) -> bool:
        """Wait for an answer; while the printer says that it cannot go on, it has `recovery_limit_s` to recover."""
        deadline = self._clock() + self._limits.confirm_timeout_s
        stands_still_since: float | None = None
        while not said():
            now = self._clock()
            if stands_still_since is not None and now - stands_still_since > self._limits.recovery_limit_s:
                return False
            if stands_still_since is None and now > deadline:
                return False
            self._talk.listen(_LISTEN_S)
            if said():
                break
            status = self._talk.take_told() or self._talk.status()
            if not status.answered:
                continue
            if status.can_print:
                if stands_still_since is not None:
                    stands_still_since, deadline = None, self._clock() + self._limits.confirm_timeout_s
            elif stands_still_since is None:
                stands_still_since = self._clock()
        return True

    def _drained(self) -> bool:
        """Whether everything has left this PC, as far as that can be known."""
        deadline = self._clock() + self._limits.confirm_timeout_s
        while self._line.unsent() and self._clock() < deadline:
            self._line.read(1, _LISTEN_S)
        return not self._line.unsent()


_STUCK = "The printer takes no more data. Check paper, cover and cable. Some of it may have come out."


def why_not(status: PrinterStatus) -> str:
    """Why a printer cannot print, and what to do."""
    if not status.answered:
        return SILENCE
    if status.cover_open:
        return "The printer's cover is open. Close it."
    if status.paper is Paper.END:
        return "The printer has no paper. Put in a new roll."
    return status.error or "The printer is offline. Press its feed button, or switch it off and on."
