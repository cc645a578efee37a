"""The serial side with a line that does exactly as told."""

from __future__ import annotations

from device_gateway.drivers.lines import LineBroken
from device_gateway.drivers.terminal.inpas.carriers import Answered, LineCarrier, Lost, Unsent
from device_gateway.drivers.terminal.inpas.framing import ACKNOWLEDGED, write_frame

SALE = {0: "100", 25: "1", 27: "T"}
APPROVED = write_frame({25: "1", 39: "1"}, "ascii")
DECLINED = write_frame({25: "1", 39: "16"}, "ascii")


class ScriptedLine:
    """Gives `waiting` at once, and `answer` after the first write, which breaks after `taken` bytes if that is set."""

    answers = True

    def __init__(self, *, waiting: bytes = b"", answer: bytes = b"", taken: int | None = None) -> None:
        self._waiting = waiting
        self._answer = answer
        self._taken = taken
        self.written = b""

    def write(self, data: bytes) -> None:
        if self._taken is not None:
            raise LineBroken("The cable is out.", self._taken)
        if not self.written:
            self._waiting += self._answer
        self.written += data

    def read(self, limit: int, timeout_s: float) -> bytes:
        data, self._waiting = self._waiting[:limit], self._waiting[limit:]
        return data

    def unsent(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing to close."""


def exchange(line: ScriptedLine) -> object:
    carrier = LineCarrier(line, encoding="ascii", acknowledge_timeout_s=0.05, between_bytes_s=0.01)
    return carrier.exchange(SALE, 0.05, lambda: None)


def test_an_approval_that_was_already_waiting_belongs_to_somebody_else() -> None:
    line = ScriptedLine(waiting=APPROVED, answer=bytes((ACKNOWLEDGED,)) + DECLINED)
    assert exchange(line) == Answered({25: "1", 39: "16"})
    assert isinstance(exchange(ScriptedLine(waiting=APPROVED)), Lost)


def test_a_line_that_breaks_before_the_first_byte_sent_nothing_and_after_it_perhaps_everything() -> None:
    assert exchange(ScriptedLine(taken=0)) == Unsent("The cable is out.")
    assert exchange(ScriptedLine(taken=1)) == Lost("The cable is out.")


def test_an_answer_is_acknowledged_and_a_request_sent_once() -> None:
    line = ScriptedLine(answer=APPROVED)
    assert exchange(line) == Answered({25: "1", 39: "1"})
    assert line.written == write_frame(SALE, "ascii") + bytes((ACKNOWLEDGED,))


def test_silence_is_lost() -> None:
    assert exchange(ScriptedLine()) == Lost("The terminal did not answer in time.")
