"""A simulated serial drawer: it opens on its bytes, and a person closes it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from device_gateway.simulators import Faults, Reply, SimulatedDevice, Simulator, SimulatorOptions


class DrawerSimulatorOptions(SimulatorOptions):
    """How the drawer is built."""

    open_bytes: str = Field(default="07", pattern=r"^([0-9a-fA-F]{2} ?){1,32}$", description="what opens it, in hex")


class DrawerSimulator(Simulator):
    """A drawer with a lock. Pseudo-terminals and TCP have no input pins, so its sensor cannot be simulated."""

    def __init__(self, options: DrawerSimulatorOptions | None = None, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self._open_bytes = bytes.fromhex((options or DrawerSimulatorOptions()).open_bytes)
        self._begun = b""
        self.open = False
        self.openings = 0

    def received(self, data: bytes) -> Sequence[Reply]:
        self._begun += data
        while self._open_bytes in self._begun:
            self._begun = self._begun.split(self._open_bytes, 1)[1]
            self.openings += 1
            self.open = True
            self.tell(f"The drawer opens ({self.openings}).")
        self._begun = self._begun[-len(self._open_bytes) :]
        return ()

    def disconnected(self) -> None:
        self._begun = b""

    def typed(self, text: str) -> None:
        """`close` closes it."""
        if text.strip() != "close":
            raise ValueError("Type close to close the drawer.")
        self.open = False
        self.tell("The drawer is closed.")


simulated = SimulatedDevice(
    options=DrawerSimulatorOptions, make=DrawerSimulator, typing="Type close to close the drawer."
)
