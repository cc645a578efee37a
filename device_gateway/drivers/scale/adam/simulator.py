"""A simulated Adam scale: on P it tells a weight that has come to rest, once, and else says nothing."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from device_gateway.drivers.scale.simulated_load import TYPING, Load
from device_gateway.simulators import Faults, Reply, SimulatedDevice, Simulator, SimulatorOptions

_LONGEST_COMMAND_BYTES = 16


class AdamSimulatorOptions(SimulatorOptions):
    """How the scale is built and set."""

    capacity_g: int = Field(default=15_000, ge=100, le=300_000, description="above which it is overloaded, in grams")
    label: str = Field(default="", max_length=8, description="a label before the weight, e.g. NET or ST,GS")


class AdamSimulator(Simulator):
    """A platform with a load that a person or a test changes."""

    def __init__(self, options: AdamSimulatorOptions | None = None, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self._options = options or AdamSimulatorOptions()
        self.load = Load(capacity_g=self._options.capacity_g)
        self.tare_g = 0
        self._told_g = 0
        self._begun = b""

    def typed(self, text: str) -> None:
        """Change the load."""
        self.load.typed(text)

    def received(self, data: bytes) -> Sequence[Reply]:
        *commands, self._begun = (self._begun + data).split(b"\r\n")
        self._begun = self._begun[-_LONGEST_COMMAND_BYTES:]
        return [Reply(answer) for answer in map(self._answer, commands) if answer]

    def _answer(self, command: bytes) -> bytes:
        shown_g = self.load.shown_g - self.tare_g
        match command:
            case b"P" if not self.load.moving and self.load.gross_g <= self.load.capacity_g:
                known, self._told_g = self._told_g, shown_g
                return b"" if shown_g in (0, known) else self._line(shown_g)
            case b"Z" if not self.load.moving:
                self.load.zero_g = self.load.gross_g
            case b"T" if not self.load.moving:
                self.tare_g = self.load.shown_g
                self._told_g = 0
        return b""

    def _line(self, grams: int) -> bytes:
        sign = "-" if grams < 0 else " "
        return f"{self._options.label}{sign}{abs(grams) // 1000:3d}.{abs(grams) % 1000:03d} kg\r\n".encode("ascii")


simulated = SimulatedDevice(options=AdamSimulatorOptions, make=AdamSimulator, typing=TYPING)
