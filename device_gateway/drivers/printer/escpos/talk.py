"""Questions to a printer over a line, and its answers, each put down to its question although it does not name it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from device_gateway.domain.observations import SILENT, PrinterStatus
from device_gateway.drivers.lines import Line, LineStalled
from device_gateway.drivers.printer.escpos import commands
from device_gateway.drivers.printer.escpos.replies import (
    DrawerSensor,
    InOrderReply,
    ProcessReply,
    RealTimeReply,
    Reply,
    ReplyReader,
    UnaskedStatus,
    asked_status,
    unasked_status,
)

_READ_BYTES = 1_024


@dataclass(frozen=True, slots=True)
class _Question:
    """A DLE EOT that has not been answered yet."""

    number: int
    asked_at: float


class Talk:
    """What the printer has said so far. `told` is its state as told unasked since the last `take_told`.

    Answers come in the order of the questions, so the next one belongs to the oldest question. A question counts as
    lost after `forget_s`; until then nothing more is asked, and the printer counts as silent: an answer that came late
    must not be taken for the answer to something else.
    """

    def __init__(
        self,
        line: Line,
        *,
        sensor: DrawerSensor | None,
        answer_timeout_s: float,
        forget_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._line = line
        self._sensor = sensor
        self._answer_timeout_s = answer_timeout_s
        self._forget_s = forget_s
        self._clock = clock
        self._reader = ReplyReader()
        self._questions: deque[_Question] = deque()
        self._answers: dict[int, int] = {}
        self._processed: set[bytes] = set()
        self._in_order = 0
        self._told: PrinterStatus | None = None

    def listen(self, timeout_s: float) -> None:
        """Take in what comes; waits up to `timeout_s` for the first of it. Raises DeviceAbsent."""
        data = self._line.read(_READ_BYTES, timeout_s)
        for reply in self._reader.feed(data):
            self._take(reply)

    def take_told(self) -> PrinterStatus | None:
        """The state that was told unasked since this was called last; None if nothing was."""
        told, self._told = self._told, None
        return told

    def status(self) -> PrinterStatus:
        """Ask for the whole state; SILENT unless every question is answered in time. Raises DeviceAbsent."""
        if not self._settled():
            return SILENT
        self._answers.clear()
        for number, question in commands.ASK_STATUS.items():
            self._questions.append(_Question(number, self._clock()))
            try:
                self._line.write(question)
            except LineStalled as stalled:
                if stalled.nothing_left:
                    self._questions.pop()
                return SILENT
            if not self._until(lambda wanted=number: wanted in self._answers):  # type: ignore[misc]
                return SILENT
        return asked_status(self._answers, self._sensor)

    def was_processed(self, identifier: bytes) -> bool:
        """Whether the printer has said that everything before this process id has been printed."""
        return identifier in self._processed

    def forget_processed(self) -> None:
        """Only what is said from now on counts."""
        self._processed.clear()
        self._in_order = 0

    @property
    def has_answered_in_order(self) -> bool:
        """Whether a GS r has been answered since `forget_processed`."""
        return self._in_order > 0

    def _settled(self) -> bool:
        """Whether no earlier question is open any more."""
        if self._questions and self._until(lambda: not self._questions):
            return True
        if self._questions and self._clock() - self._questions[-1].asked_at < self._forget_s:
            return False
        self._questions.clear()
        return True

    def _until(self, reached: Callable[[], bool]) -> bool:
        deadline = self._clock() + self._answer_timeout_s
        while not reached():
            left_s = deadline - self._clock()
            if left_s <= 0:
                return False
            self.listen(left_s)
        return True

    def _take(self, reply: Reply) -> None:
        match reply:
            case RealTimeReply(byte):
                # Unasked, it is an echo of dots in a picture, or noise.
                if self._questions:
                    self._answers[self._questions.popleft().number] = byte
            case UnaskedStatus():
                self._told = unasked_status(reply, self._sensor)
            case ProcessReply(identifier):
                self._processed.add(identifier)
            case InOrderReply():
                self._in_order += 1
