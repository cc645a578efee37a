"""How ZVT gets over a serial line: what was sent, what was certainly not, and what must be sent again."""

from __future__ import annotations

from collections import deque

import pytest

from device_gateway.drivers.lines import LineBroken
from device_gateway.drivers.terminal.zvt.apdu import Apdu
from device_gateway.drivers.terminal.zvt.carriers import NotTaken, SerialCarrier
from device_gateway.drivers.terminal.zvt.serial_frames import frame

_REQUEST = Apdu(0x0601, b"\x04\0\0\0\0\x12\x34")
_FRAME = frame(_REQUEST.encode())
_FROM_TERMINAL = frame(Apdu(0x8000).encode())


class _Line:
    """A line on which everything is written down; `said` is what the terminal says, piece by piece."""

    answers = True

    def __init__(self, *said: bytes, writes: int = 100) -> None:
        self.written: list[bytes] = []
        self._said = deque(said)
        self._writes = writes

    def write(self, data: bytes) -> None:
        if len(self.written) == self._writes:
            raise LineBroken("the cable is cut", 0)
        self.written.append(data)

    def read(self, limit: int, timeout_s: float) -> bytes:
        return self._said.popleft() if self._said else b""

    def unsent(self) -> int:
        return 0

    def close(self) -> None:
        """Nothing to close."""


def _carrier(line: _Line) -> SerialCarrier:
    return SerialCarrier(line, acknowledge_timeout_s=0.02, character_timeout_s=0.005, attempts=3)


def test_a_request_that_cannot_be_written_has_certainly_not_left() -> None:
    with pytest.raises(LineBroken) as broken:
        _carrier(_Line(writes=0)).send(_REQUEST, repeatable=False)
    assert broken.value.nothing_left


def test_a_line_that_breaks_while_the_terminals_frame_is_acknowledged_leaves_the_request_in_doubt() -> None:
    # The request has left; that the acknowledgement of the terminal's own frame has not says nothing about it.
    with pytest.raises(NotTaken):
        _carrier(_Line(_FROM_TERMINAL, writes=1)).send(_REQUEST, repeatable=False)


def test_a_harmless_request_is_sent_again_when_the_terminal_asks_and_a_request_for_money_never() -> None:
    harmless, money = _Line(b"\x15", b"\x06"), _Line(b"\x15", b"\x06")

    _carrier(harmless).send(_REQUEST, repeatable=True)
    with pytest.raises(NotTaken):
        _carrier(money).send(_REQUEST, repeatable=False)

    assert harmless.written == [_FRAME, _FRAME]
    assert money.written == [_FRAME]


def test_a_line_that_breaks_before_the_second_attempt_leaves_the_first_in_doubt() -> None:
    with pytest.raises(NotTaken):
        _carrier(_Line(b"\x15", writes=1)).send(_REQUEST, repeatable=True)


def test_a_frame_that_came_broken_or_half_is_asked_for_again() -> None:
    line = _Line(_FROM_TERMINAL[:-1] + b"\0", _FROM_TERMINAL[:4], b"", _FROM_TERMINAL)

    assert _carrier(line).receive(1) == Apdu(0x8000)
    assert line.written == [b"\x15", b"\x15", b"\x06"]


def test_silence_is_no_apdu() -> None:
    assert _carrier(_Line()).receive(0.01) is None
