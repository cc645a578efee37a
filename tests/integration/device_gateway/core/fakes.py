"""Devices made for tests: they keep what came out, and fail as they are told to."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any
from uuid import UUID

from device_gateway.configuration import ConfiguredDevice
from device_gateway.domain.observations import (
    DrawerSeen,
    Encoded,
    NotPrinted,
    Observation,
    Paper,
    Printed,
    PrinterStatus,
    PrintOutcome,
    Weighing,
    WeightState,
)
from device_gateway.domain.placement import PlacedDevice
from device_gateway.drivers.interface import DeviceAbsent, Driver, DriverOptions
from libs.contracts.gateway import DeviceKind
from libs.contracts.printing import PrintedDocument, TextBlock

WELL = PrinterStatus(answered=True, online=True, paper=Paper.ADEQUATE, cover_open=False)
OUT_OF_PAPER = PrinterStatus(answered=True, online=False, paper=Paper.END, cover_open=False)


class Options(DriverOptions):
    """The address of a test's device."""

    address: str = ""


@dataclass
class Plug:
    """A device of the test, whether it is plugged in, and how often it was opened and let go."""

    kind: DeviceKind = "scanner"
    present: bool = True
    opened: int = 0
    closed: int = 0
    owners: set[str] = field(default_factory=set)
    open_error: Exception | None = None
    told: SimpleQueue[Observation | Exception] = field(default_factory=SimpleQueue)

    def open(self, _options: Options) -> Any:
        """Open it, as a driver does."""
        if self.open_error is not None:
            raise self.open_error
        self.demand()
        self.opened += 1
        return self

    def demand(self) -> None:
        """Note who uses it; raise what a missing device raises."""
        self.owners.add(threading.current_thread().name)
        if not self.present:
            raise DeviceAbsent("It is not plugged in.")

    def close(self) -> None:
        """Let go of it."""
        self.closed += 1

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        """What it has told."""
        self.demand()
        try:
            told = self.told.get(timeout=timeout_s)
        except Empty:
            return ()
        if isinstance(told, Exception):
            raise told
        return (told,)

    def configured(self, name: str, *tills: UUID) -> ConfiguredDevice:
        """It, as devices.toml would list it."""
        placed = PlacedDevice(name, self.kind, f"fake_{self.kind}", tills, drawer_plug=self.kind == "printer")
        return ConfiguredDevice(placed, Driver(Options, self.open), Options(address=name))


@dataclass
class FakePrinter(Plug):
    """`paper` is what came out: (id, text) of each print. `script` gives the outcomes of the next prints."""

    kind: DeviceKind = "printer"
    now: PrinterStatus = WELL
    paper: list[tuple[UUID, str]] = field(default_factory=list)
    kicks: int = 0
    script: list[PrintOutcome | Exception | Callable[[], PrintOutcome]] = field(default_factory=list)
    prints_anyway: bool = False
    paper_file: Path | None = None
    encode_error: Exception | None = None
    kick_error: Exception | None = None
    slow_s: float = 0.0

    def encode(self, document: PrintedDocument, *, duplicate_mark: str | None = None) -> Encoded:
        """Its text, with the mark before it."""
        if self.encode_error is not None:
            raise self.encode_error
        texts = [block.text for block in document.blocks if isinstance(block, TextBlock)]
        return Encoded(" ".join(filter(None, [duplicate_mark, *texts])).encode())

    def print(self, job_id: UUID, data: bytes) -> PrintOutcome:
        """Print as the script says, well when it is over."""
        self.owners.add(threading.current_thread().name)
        time.sleep(self.slow_s)
        step = self.script.pop(0) if self.script else None
        outcome = step() if callable(step) else step
        if isinstance(outcome, Exception):
            if self.prints_anyway:
                self.come_out(job_id, data)
            raise outcome
        if not self.present:
            return NotPrinted("The printer was not reached.")
        if outcome is None or isinstance(outcome, Printed) or (self.prints_anyway and not _certain(outcome)):
            self.come_out(job_id, data)
        return outcome or Printed(confirmed=True)

    def come_out(self, job_id: UUID, data: bytes) -> None:
        """A document on paper, for good."""
        self.paper.append((job_id, data.decode()))
        if self.paper_file is not None:
            with self.paper_file.open("a", encoding="utf-8") as file:
                file.write(f"{job_id} {data.decode()}\n")

    def status(self) -> PrinterStatus:
        """How it is now."""
        self.demand()
        return self.now

    def kick_drawer(self) -> None:
        """Kick the drawer."""
        self.demand()
        self.kicks += 1
        if self.paper_file is not None:
            with self.paper_file.open("a", encoding="utf-8") as file:
                file.write("kick\n")
        if self.kick_error is not None:
            raise self.kick_error

    @property
    def texts(self) -> list[str]:
        """What came out, in order."""
        return [text for _, text in self.paper]


def _certain(outcome: PrintOutcome) -> bool:
    return isinstance(outcome, NotPrinted)


@dataclass
class FakeDrawer(Plug):
    """A drawer with a line and a sensor of its own; `jammed` it stays shut."""

    kind: DeviceKind = "drawer"
    is_open: bool = False
    jammed: bool = False
    kicks: int = 0

    def open_drawer(self) -> None:
        """Open it."""
        self.demand()
        self.kicks += 1
        self.is_open = not self.jammed

    def seen(self) -> DrawerSeen | None:
        """Its sensor."""
        self.demand()
        return DrawerSeen(self.is_open)


@dataclass
class FakeScale(Plug):
    """A scale with a load; `frozen` it does not answer until it is set free."""

    kind: DeviceKind = "scale"
    load_g: int = 0
    tare_g: int = 0
    frozen: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.frozen.set()

    def weigh(self) -> Weighing:
        """The load now."""
        self.demand()
        self.frozen.wait(10)
        state = WeightState.STABLE if self.load_g else WeightState.ZERO
        return Weighing(state, self.load_g, self.tare_g, self.load_g - self.tare_g)

    def zero(self) -> None:
        """Set to zero."""
        self.load_g = 0

    def tare(self, grams: int | None) -> None:
        """Set the tare."""
        self.tare_g = self.load_g if grams is None else grams


@dataclass
class FakeDisplay(Plug):
    """A line display; it forgets what it showed when it is unplugged."""

    kind: DeviceKind = "display"
    shown: tuple[str, str] = ("", "")

    def show(self, upper: str, lower: str) -> None:
        """Show two lines."""
        self.demand()
        self.shown = (upper, lower)
