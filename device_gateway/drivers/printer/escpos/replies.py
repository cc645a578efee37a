"""What an ESC/POS printer says, read piece by piece: protocols.md A.4. Pure, and never at a loss.

The kinds are told apart by fixed bits of their first byte. What fits none is noise, dropped byte by byte, so that a
good reply after noise is never lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from device_gateway.domain.observations import Paper, PrinterStatus

_XON, _XOFF = 0x11, 0x13
_KIND_BITS, _REAL_TIME, _UNASKED = 0x93, 0x12, 0x10
_UNASKED_LENGTH = 4
# Bytes 2 to 4 of an unasked status have neither of these bits.
_NOT_IN_UNASKED_REST = 0x90
_BLOCK, _PROCESS = 0x37, 0x22
_PROCESS_LENGTH = 7
_PRINTABLE = range(0x20, 0x7F)


@dataclass(frozen=True, slots=True)
class RealTimeReply:
    """The answer to a DLE EOT; it does not say to which."""

    byte: int


@dataclass(frozen=True, slots=True)
class UnaskedStatus:
    """An automatic status back: four bytes."""

    bytes: tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class ProcessReply:
    """Everything before this process id has been printed."""

    identifier: bytes


@dataclass(frozen=True, slots=True)
class InOrderReply:
    """The answer to a GS r, sent when the printer came to it."""

    byte: int


Reply = RealTimeReply | UnaskedStatus | ProcessReply | InOrderReply


class _Kind(Enum):
    """What the bytes at hand are not, or not yet."""

    INCOMPLETE = "incomplete"
    NOISE = "noise"


@dataclass
class ReplyReader:
    """Feed it what comes; it gives the replies that are complete. `noise` counts the bytes that were none."""

    noise: int = 0
    _pending: bytes = field(default=b"", repr=False)

    def feed(self, data: bytes) -> list[Reply]:
        """The replies that end in these bytes."""
        # Flow control may stand anywhere, also inside of a reply.
        self._pending += bytes(byte for byte in data if byte not in (_XON, _XOFF))
        replies: list[Reply] = []
        while self._pending:
            match _first(self._pending):
                case _Kind.INCOMPLETE:
                    break
                case _Kind.NOISE:
                    self.noise += 1
                    self._pending = self._pending[1:]
                case reply, length:
                    replies.append(reply)
                    self._pending = self._pending[length:]
        return replies


def _first(data: bytes) -> tuple[Reply, int] | _Kind:
    head = data[0]
    if head & _KIND_BITS == _REAL_TIME:
        return RealTimeReply(head), 1
    if head & _KIND_BITS == _UNASKED:
        return _unasked(data)
    if head == _BLOCK:
        return _process(data)
    if head & 0xF0 == 0:
        return InOrderReply(head), 1
    return _Kind.NOISE


def _unasked(data: bytes) -> tuple[Reply, int] | _Kind:
    frame = data[:_UNASKED_LENGTH]
    if any(byte & _NOT_IN_UNASKED_REST for byte in frame[1:]):
        return _Kind.NOISE
    if len(frame) < _UNASKED_LENGTH:
        return _Kind.INCOMPLETE
    return UnaskedStatus((frame[0], frame[1], frame[2], frame[3])), _UNASKED_LENGTH


def _process(data: bytes) -> tuple[Reply, int] | _Kind:
    frame = data[:_PROCESS_LENGTH]
    if frame[1:2] not in (b"", bytes((_PROCESS,))) or any(byte not in _PRINTABLE for byte in frame[2:6]):
        return _Kind.NOISE
    if len(frame) < _PROCESS_LENGTH:
        return _Kind.INCOMPLETE
    return (ProcessReply(frame[2:6]), _PROCESS_LENGTH) if frame[6] == 0 else _Kind.NOISE


@dataclass(frozen=True, slots=True)
class DrawerSensor:
    """What pin 3 of the drawer's plug means: drawers differ, and without a drawer it is high."""

    high_is_open: bool

    def open(self, pin_is_high: bool) -> bool:
        return pin_is_high == self.high_is_open


_CUTTER = "The cutter is stuck. Switch the printer off, open the cover, take out jammed paper, and switch it on again."
_BROKEN = "The printer reports a fault that it cannot clear. Switch it off and on; if it stays, call service."
_HOT = "The print head is too hot or the voltage is wrong. Wait a few minutes."
_OTHER = "The printer reports an error. Look at its lamps, open and close the cover, or switch it off and on."


def asked_status(answers: dict[int, int], sensor: DrawerSensor | None) -> PrinterStatus:
    """The state by the answers to DLE EOT 1 to 4 (by n)."""
    printer, cause, error, paper = (answers[n] for n in (1, 2, 3, 4))
    return PrinterStatus(
        answered=True,
        online=not printer & 0x08,
        paper=_paper(near_end=bool(paper & 0x0C), end=bool(paper & 0x60 or cause & 0x20)),
        cover_open=bool(cause & 0x04),
        drawer_open=sensor.open(bool(printer & 0x04)) if sensor else None,
        error=_error(cutter=error & 0x08, broken=error & 0x20, hot=error & 0x40, other=(error | cause >> 4) & 0x04),
    )


def unasked_status(frame: UnaskedStatus, sensor: DrawerSensor | None) -> PrinterStatus:
    """The state by an automatic status back (its bits from memory, not tried on a device)."""
    printer, error, paper, _ = frame.bytes
    return PrinterStatus(
        answered=True,
        online=not printer & 0x08,
        paper=_paper(near_end=bool(paper & 0x03), end=bool(paper & 0x0C)),
        cover_open=bool(printer & 0x20),
        drawer_open=sensor.open(bool(printer & 0x04)) if sensor else None,
        error=_error(cutter=error & 0x08, broken=error & 0x20, hot=error & 0x40, other=error & 0x04),
    )


def _paper(*, near_end: bool, end: bool) -> Paper:
    if end:
        return Paper.END
    return Paper.NEAR_END if near_end else Paper.ADEQUATE


def _error(*, cutter: int, broken: int, hot: int, other: int) -> str | None:
    if cutter:
        return _CUTTER
    if broken:
        return _BROKEN
    if hot:
        return _HOT
    return _OTHER if other else None
