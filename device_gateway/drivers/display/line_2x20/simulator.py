"""A simulated line display: it carries out the commands that it gets and shows its two rows as a frame."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from device_gateway.drivers.display.line_2x20.code_pages import NUMBERS
from device_gateway.simulators import Faults, Reply, SimulatedDevice, Simulator, SimulatorOptions

_ROWS = 2
_ENCODING_OF = {number: page.value for page, number in NUMBERS.items()}
# Bytes that a command has after its first two.
_ARGUMENTS = {b"\x1b\x40": 0, b"\x1b\x74": 1, b"\x1b\x3d": 1, b"\x1f\x01": 0, b"\x1f\x24": 2}


class LineDisplaySimulatorOptions(SimulatorOptions):
    """How the display is built."""

    width: int = Field(default=20, ge=8, le=40, description="characters in a row")


class LineDisplaySimulator(Simulator):
    """Two rows of characters and a cursor."""

    def __init__(self, options: LineDisplaySimulatorOptions | None = None, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self._width = (options or LineDisplaySimulatorOptions()).width
        self._begun = b""
        self._selected = True
        self.unknown: list[bytes] = []
        self._reset()

    def _reset(self) -> None:
        self._encoding = "cp437"
        self._clear()

    def _clear(self) -> None:
        self._cells = [[" "] * self._width for _ in range(_ROWS)]
        self._cursor = 0

    @property
    def rows(self) -> tuple[str, str]:
        """What a customer reads."""
        return "".join(self._cells[0]), "".join(self._cells[1])

    @property
    def frame(self) -> str:
        """The display with a frame around it."""
        edge = "+" + "-" * self._width + "+"
        return "\n".join((edge, *(f"|{row}|" for row in self.rows), edge))

    def received(self, data: bytes) -> Sequence[Reply]:
        before = self.rows
        for byte in data:
            self._take(bytes([byte]))
        if self.rows != before:
            self.tell(self.frame)
        return ()

    def disconnected(self) -> None:
        self._begun = b""

    def _take(self, byte: bytes) -> None:
        self._begun += byte
        if self._begun in (b"\x1b", b"\x1f"):
            return
        if self._begun[:1] in (b"\x1b", b"\x1f"):
            command, arguments = self._begun[:2], self._begun[2:]
            if len(arguments) < _ARGUMENTS.get(command, 0):
                return
            self._begun = b""
            self._carry_out(command, arguments)
            return
        self._begun = b""
        if self._selected:
            self._plain(byte)

    def _carry_out(self, command: bytes, arguments: bytes) -> None:
        if command == b"\x1b\x3d":
            self._selected = bool(arguments[0] & 0x02)
        elif not self._selected:
            return
        elif command == b"\x1b\x40":
            self._reset()
        elif command == b"\x1b\x74":
            self._encoding = _ENCODING_OF.get(arguments[0], "cp437")
        elif command == b"\x1f\x24":
            column, row = arguments
            if 1 <= column <= self._width and 1 <= row <= _ROWS:
                self._cursor = (row - 1) * self._width + column - 1
        elif command not in _ARGUMENTS:
            self.unknown.append(command)

    def _plain(self, byte: bytes) -> None:
        if byte == b"\x0c":
            self._clear()
        elif byte == b"\x0b":
            self._cursor = 0
        elif byte >= b" ":
            row, column = divmod(self._cursor, self._width)
            self._cells[row][column] = byte.decode(self._encoding, "replace")
            # In overwrite mode the end of the last row is followed by the first.
            self._cursor = (self._cursor + 1) % (_ROWS * self._width)
        else:
            self.unknown.append(byte)


simulated = SimulatedDevice(options=LineDisplaySimulatorOptions, make=LineDisplaySimulator)
