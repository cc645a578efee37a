"""A simulated 8217 scale: it knows W, Z, T, C and the echo mode between E and F."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from device_gateway.drivers.scale.simulated_load import TYPING, Load
from device_gateway.drivers.scale.weights import WeightUnit
from device_gateway.simulators import Faults, Reply, SimulatedDevice, Simulator, SimulatorOptions

_IN_MOTION, _OVER_CAPACITY, _UNDER_ZERO, _NET, _BAD_COMMAND = 0x01, 0x02, 0x04, 0x20, 0x40
# A scale sets its zero only near it: 2 % of the capacity (OIML R 76).
_ZERO_RANGE = 50


class Mettler8217SimulatorOptions(SimulatorOptions):
    """How the scale is built and set."""

    unit: WeightUnit = Field(default=WeightUnit.KILOGRAM, description="the unit of its weights: kg or g")
    capacity_g: int = Field(default=15_000, ge=100, le=300_000, description="above which it is overloaded, in grams")
    echo: bool = Field(default=True, description="false: it knows no echo mode, like older models")


class Mettler8217Simulator(Simulator):
    """A platform with a load that a person or a test changes."""

    def __init__(self, options: Mettler8217SimulatorOptions | None = None, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self._options = options or Mettler8217SimulatorOptions()
        self.load = Load(capacity_g=self._options.capacity_g)
        self.tare_g = 0
        self._echoing = False

    def typed(self, text: str) -> None:
        """Change the load."""
        self.load.typed(text)

    def connected(self) -> Sequence[Reply]:
        self._echoing = False
        return ()

    def received(self, data: bytes) -> Sequence[Reply]:
        return [Reply(answer) for answer in map(self._answer, data) if answer]

    def _answer(self, byte: int) -> bytes:
        character = bytes([byte])
        if self._echoing:
            self._echoing = character != b"F"
            return character if self._echoing else b""
        match character:
            case b"W":
                return b"\x02" + self._weight() + b"\r"
            case b"Z" if abs(self.load.gross_g) * _ZERO_RANGE <= self.load.capacity_g and not self.load.moving:
                self.load.zero_g = self.load.gross_g
                return b""
            case b"T" if self.load.shown_g > 0 and not self.load.moving:
                self.tare_g = self.load.shown_g
                return b""
            case b"C":
                self.tare_g = 0
                return b""
            case b"E" if self._options.echo:
                self._echoing = True
                return b"\x02E\r"
            case b"F":
                return b""
            case _:
                return self._status(_BAD_COMMAND)

    def _weight(self) -> bytes:
        grams = self.load.shown_g - self.tare_g
        if self.load.gross_g > self.load.capacity_g:
            return b"?" + self._bits(_OVER_CAPACITY)
        if self.load.moving:
            return b"?" + self._bits(_IN_MOTION)
        if grams < 0:
            return b"?" + self._bits(_UNDER_ZERO)
        text = f"{grams:05d}" if self._options.unit is WeightUnit.GRAM else f"{grams // 1000:02d}.{grams % 1000:03d}"
        return text.encode("ascii") + (b"N" if self.tare_g else b"")

    def _status(self, bits: int) -> bytes:
        return b"\x02?" + self._bits(bits) + b"\r"

    def _bits(self, bits: int) -> bytes:
        return bytes([bits | (_NET if self.tare_g else 0)])


simulated = SimulatedDevice(options=Mettler8217SimulatorOptions, make=Mettler8217Simulator, typing=TYPING)
