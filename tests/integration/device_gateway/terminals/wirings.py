"""Every driver of payment terminals over every carrier, its byte-true simulator on a line that breaks at any byte."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, Protocol
from uuid import UUID

from device_gateway.configuration import ConfiguredDevice
from device_gateway.domain.placement import PlacedDevice
from device_gateway.drivers.interface import Driver
from device_gateway.drivers.manifests import load_driver
from device_gateway.drivers.terminal.inpas.simulator import InpasSimulator, InpasSimulatorOptions
from device_gateway.drivers.terminal.process_and_files.simulator import (
    ARCUS2_OPERATIONS,
    InstalledProgram,
    Kind,
    install,
)
from device_gateway.drivers.terminal.simulated_ledger import LedgerEntry
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.simulators import AnswerLostAfterEffect, CutAnswerAtByte, CutAtByte, Faults, LateAnswer, serving
from device_gateway.simulators.simulator import SimulatedLine
from libs.contracts.terminals import CardReferences
from tests.integration.device_gateway.core.stand import TILL
from tests.integration.device_gateway.terminals.nexo.terminals import simulator as nexo_simulator

Direction = Literal["to_terminal", "from_terminal"]
Moved = tuple[str, int]
"""What a terminal moved: `charge`, `refund` or `reversal`, and how much, in minor units."""
_BACK_AFTER_S = 0.005


class CuttableTerminal(Protocol):
    """A simulated terminal that is running somewhere, and whose line can be cut."""

    @property
    def address(self) -> str:
        """Where its driver finds it."""

    @property
    def heard(self) -> int:
        """How many bytes have reached it so far."""

    @property
    def said(self) -> int:
        """How many bytes it has said so far."""

    def movements(self) -> list[Moved]:
        """What it really moved so far, oldest first."""

    def cut(self, direction: Direction, after_bytes: int) -> None:
        """Cut its line, once, when that many more bytes have passed in that direction; it comes back by itself."""

    def keep_to_itself(self) -> None:
        """Do what it is told next, and not say so."""

    def slow_down(self, delay_s: float) -> None:
        """Say everything so much later."""

    def mend(self) -> None:
        """From now on nothing goes wrong."""


class SimulatorWithLedger(Protocol):
    """A simulator of a terminal."""

    faults: Faults
    line: SimulatedLine | None

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        """What it really moved, oldest first."""


@dataclass(frozen=True)
class TerminalOnALine:
    """A terminal on a TCP port or a pseudo-terminal."""

    address: str
    simulator: SimulatorWithLedger

    @property
    def heard(self) -> int:
        assert self.simulator.line is not None
        return self.simulator.line.heard_bytes

    @property
    def said(self) -> int:
        assert self.simulator.line is not None
        return self.simulator.line.said_bytes

    def movements(self) -> list[Moved]:
        return [(entry.kind, entry.amount_minor) for entry in self.simulator.ledger]

    def cut(self, direction: Direction, after_bytes: int) -> None:
        if direction == "to_terminal":
            self.simulator.faults = Faults([CutAtByte(self.heard + after_bytes)])
        else:
            self.simulator.faults = Faults([CutAnswerAtByte(self.said + after_bytes)])

    def keep_to_itself(self) -> None:
        self.simulator.faults = Faults([AnswerLostAfterEffect()])

    def slow_down(self, delay_s: float) -> None:
        self.simulator.faults = Faults([LateAnswer(delay_s)])

    def mend(self) -> None:
        self.simulator.faults = Faults()


@dataclass(frozen=True)
class TerminalBehindAProgram:
    """A terminal behind a bank's program, which is killed before it charges, or at a byte of what it writes after."""

    installed: InstalledProgram

    @property
    def address(self) -> str:
        return str(self.installed.folder)

    @property
    def heard(self) -> int:
        return 0

    @property
    def said(self) -> int:
        return self.installed.said_bytes

    def movements(self) -> list[Moved]:
        return [(entry.kind, entry.amount_minor) for entry in self.installed.ledger]

    def cut(self, direction: Direction, after_bytes: int) -> None:
        if direction == "to_terminal":
            self.installed.order(killed_before=True)
        else:
            self.installed.order(killed_at_byte=after_bytes)

    def keep_to_itself(self) -> None:
        self.installed.order(no_files=True)

    def slow_down(self, delay_s: float) -> None:
        self.installed.order(hang_s=delay_s)

    def mend(self) -> None:
        self.installed.take_back_orders()


Serve = Callable[..., AbstractContextManager[CuttableTerminal]]
Options = Callable[[str, Path], Mapping[str, Any]]
References = Callable[[int], CardReferences]


@dataclass(frozen=True)
class Wiring:
    """A driver over a carrier. `options` gives the driver's, for an address and a place for files of its own.

    `serve` runs a fresh simulator for a block; `references` are those of its n-th transaction. Where a protocol
    `answers_inquiries`, no person is needed to find out what became of an operation.
    """

    name: str
    driver_name: str
    driver: Driver[Any]
    currency: str
    answers_inquiries: bool
    references: References
    options: Options
    serve: Serve

    def device(self, address: str, name: str, own: Path, till_id: UUID = TILL) -> ConfiguredDevice:
        """The terminal at an address, as devices.toml would list it."""
        placed = PlacedDevice(name, "terminal", self.driver_name, (till_id,))
        return ConfiguredDevice(placed, self.driver, self.driver.options.model_validate(self.options(address, own)))


@contextmanager
def _on_tcp(make: Callable[..., Any], own: Path, **simulated: Any) -> Iterator[CuttableTerminal]:
    terminal = make(**simulated)
    with serving(terminal, "tcp://127.0.0.1:0", back_after_s=_BACK_AFTER_S) as address:
        yield TerminalOnALine(address, terminal)


@contextmanager
def _on_serial(make: Callable[..., Any], own: Path, **simulated: Any) -> Iterator[CuttableTerminal]:
    # By a link: while a terminal is unplugged, the kernel gives its pseudo-terminal to the next one.
    terminal = make(**simulated)
    with serving(terminal, f"pty:{own.with_suffix('.line')}", back_after_s=_BACK_AFTER_S) as address:
        yield TerminalOnALine(address, terminal)


@contextmanager
def _in_files(kind: Kind, own: Path) -> Iterator[CuttableTerminal]:
    yield TerminalBehindAProgram(install(own.with_suffix(".bank"), kind))


def _zvt(**simulated: Any) -> ZvtSimulator:
    return ZvtSimulator(ZvtSimulatorOptions.model_validate({"slips": False, **simulated}))


def _inpas(**simulated: Any) -> InpasSimulator:
    return InpasSimulator(InpasSimulatorOptions.model_validate(simulated))


def _zvt_options(address: str, own: Path) -> Mapping[str, Any]:
    return {
        "address": address,
        "memory_file": own.with_suffix(".memory"),
        "connect_timeout_s": 1,
        "acknowledge_timeout_s": 1,
        "inquiry_timeout_s": 2,
    }


def _nexo_options(address: str, own: Path) -> Mapping[str, Any]:
    return {
        "address": address,
        "sale_id": "till-1",
        "poi_id": "V400m-324688179",
        "key_identifier": "mykey",
        "key_version": 1,
        "passphrase": "mypassphrase",
        "connect_timeout_s": 2,
        "inquiry_timeout_s": 2,
    }


def _inpas_options(address: str, own: Path, *, http: bool) -> Mapping[str, Any]:
    return {
        "line": address.replace("tcp://", "http://") if http else address,
        "terminal_id": "00010001",
        "acknowledge_timeout_s": 0.5,
        "between_bytes_s": 0.1,
    }


def _program_options(address: str, own: Path, *, kind: Kind) -> Mapping[str, Any]:
    return {
        "dialect": kind,
        "program": Path(address) / ("sb_pilot" if kind == "sberbank" else "CommandLineTool"),
        "state_folder": own.with_suffix(".state"),
        "operations": ARCUS2_OPERATIONS if kind == "arcus2" else {},
        "timeout_s": 20,
    }


def _with_inquiry(name: str, driver: str, references: References, options: Options, serve: Serve) -> Wiring:
    return Wiring(name, driver, load_driver(driver), "EUR", True, references, options, serve)


def _with_a_person(name: str, driver: str, options: Options, serve: Serve) -> Wiring:
    return Wiring(name, driver, load_driver(driver), "RUB", False, _by_rrn, options, serve)


def _by_receipt(number: int) -> CardReferences:
    return CardReferences(receipt_number=f"{number:04d}")


def _by_id(number: int) -> CardReferences:
    return CardReferences(transaction_id=f"T{number:012d}")


def _by_rrn(number: int) -> CardReferences:
    return CardReferences(retrieval_reference=f"{number:012d}")


_ZVT_SERIAL = partial(_zvt, serial=True)
# A nexo message is always protected; plain TCP under it, because what is cut is cut in TLS the same.
WIRINGS = (
    _with_inquiry("zvt-tcp", "zvt", _by_receipt, _zvt_options, partial(_on_tcp, _zvt)),
    _with_inquiry("zvt-serial", "zvt", _by_receipt, _zvt_options, partial(_on_serial, _ZVT_SERIAL)),
    _with_inquiry("nexo-protected", "nexo", _by_id, _nexo_options, partial(_on_tcp, nexo_simulator)),
    _with_a_person("inpas-http", "inpas", partial(_inpas_options, http=True), partial(_on_tcp, _inpas)),
    _with_a_person("inpas-serial", "inpas", partial(_inpas_options, http=False), partial(_on_serial, _inpas)),
    _with_a_person(
        "sberbank",
        "process_and_files",
        partial(_program_options, kind="sberbank"),
        partial(_in_files, "sberbank"),
    ),
    _with_a_person(
        "arcus2", "process_and_files", partial(_program_options, kind="arcus2"), partial(_in_files, "arcus2")
    ),
)
BY_NAME: Mapping[str, Wiring] = {wiring.name: wiring for wiring in WIRINGS}
