"""Installs a stub that stands in for a bank's program, with a ledger and faults to order.

    program = install(folder, "sberbank")
    program.order(killed_at_byte=7)     # the next run only
    program.ledger                      # what was really moved

`tillstream simulate` installs it into a folder. What a person types is the order for the next run, a fault is for every
run; there is no line of bytes, so the line that it serves is used by nobody.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from device_gateway.drivers.terminal.simulated_ledger import (
    Approve,
    Decline,
    LedgerEntry,
    NoCard,
    WrongRule,
    read_rule,
)
from device_gateway.simulators import (
    AnswerLostAfterEffect,
    Fault,
    Faults,
    Garbage,
    Reply,
    SimulatedDevice,
    Simulator,
    SimulatorOptions,
)
from device_gateway.simulators.faults import whole_bytes

Kind = Literal["sberbank", "arcus2"]
STUB = Path(__file__).with_name("stub.py")
ARCUS2_OPERATIONS = {
    "purchase": "1",
    "refund": "3",
    "reversal": "4",
    "end_of_day": "65",
    "diagnosis": "26",
    "last_slip": "12",
}


@dataclass(frozen=True)
class InstalledProgram:
    """A stub in a folder; `program` is what the driver starts."""

    folder: Path
    kind: Kind
    program: Path

    def order(
        self,
        *,
        killed_before: bool = False,
        killed_at_byte: int | None = None,
        hang_s: float | None = None,
        no_files: bool = False,
        empty: bool = False,
        garbage: bool = False,
        encoding: str | None = None,
        decline: str | None = None,
        exit_code: int = 0,
    ) -> None:
        """What the next run does.

        `killed_before` the card is charged; `killed_at_byte` of its files, the slip and then the outcome, after it.
        """
        flags = {"killed_before": killed_before, "no_files": no_files, "empty": empty, "garbage": garbage}
        orders: dict[str, object] = {name: True for name, on in flags.items() if on}
        values = {"killed_at_byte": killed_at_byte, "hang": hang_s, "encoding": encoding, "decline": decline}
        orders |= {name: value for name, value in values.items() if value is not None}
        orders["exit"] = exit_code
        (self.folder / "orders.json").write_text(json.dumps(orders), encoding="ascii")

    def always(self, orders: Mapping[str, object]) -> None:
        """What goes wrong in every run from now on."""
        (self.folder / "faults.json").write_text(json.dumps(orders), encoding="ascii")

    def take_back_orders(self) -> None:
        """The next run is an ordinary one, unless it has begun already."""
        (self.folder / "orders.json").unlink(missing_ok=True)

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        """What was really moved, oldest first."""
        path = self.folder / "ledger"
        if not path.exists():
            return ()
        rows = [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]
        return [LedgerEntry(row["number"], row["kind"], row["amount_minor"], "RUB", "MIR") for row in rows]

    @property
    def said_bytes(self) -> int:
        """How many bytes of files were written by runs that ended by themselves."""
        path = self.folder / "said"
        return sum(map(int, path.read_text(encoding="ascii").split())) if path.exists() else 0


def install(folder: Path, kind: Kind) -> InstalledProgram:
    """Put the stub into a folder, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / ("sb_pilot" if kind == "sberbank" else "CommandLineTool")
    start = [sys.executable, "-I", "-S", str(STUB), kind, str(folder)]
    program.write_text(f'#!/bin/sh\nexec {shlex.join(start)} "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    if kind == "arcus2":
        listed = "".join(f"{number}=1,1,OPERATION\n" for number in ARCUS2_OPERATIONS.values())
        (folder / "ops.ini").write_text(listed, encoding="cp1251")
    return InstalledProgram(folder, kind, program)


@dataclass(frozen=True)
class KilledBeforeEffect(Fault):
    """Of programs."""

    name = "killed-before-effect"
    meaning = "The program dies before the card is charged."


@dataclass(frozen=True)
class KilledAtByte(Fault):
    """Of programs."""

    name = "killed-at-byte"
    value = "N"
    meaning = "The program charges the card and dies when it has written N bytes of its files, the slip first."
    byte: int = 0

    @classmethod
    def read(cls, value: str | None) -> Fault:
        return cls(whole_bytes(cls.name, value))


FAULTS: tuple[type[Fault], ...] = (KilledBeforeEffect, KilledAtByte, AnswerLostAfterEffect, Garbage)


def _orders_of(faults: Faults) -> dict[str, object]:
    orders: dict[str, object] = {}
    if KilledBeforeEffect in faults:
        orders["killed_before"] = True
    if (killed := faults.of(KilledAtByte)) is not None:
        orders["killed_at_byte"] = killed.byte
    if AnswerLostAfterEffect in faults:
        orders["no_files"] = True
    if Garbage in faults:
        orders["garbage"] = True
    return orders


class ProgramOptions(SimulatorOptions):
    """Where the stub is put, and whose it is."""

    folder: Path = Field(default=Path("simulated-terminal"), description="the folder that the stub is put into")
    kind: Kind = Field(default="sberbank", description="whose program it is: sberbank or arcus2")


class ProgramSimulator(Simulator):
    """Installs the stub; what is typed is the order for its next run, faults are for every run."""

    def __init__(self, options: ProgramOptions, faults: Faults | None = None) -> None:
        self.installed = install(options.folder.absolute(), options.kind)
        super().__init__(faults)

    def __setattr__(self, name: str, value: object) -> None:
        super().__setattr__(name, value)
        if name == "faults" and isinstance(value, Faults):
            # The program runs in processes of its own: they read it from a file.
            self.installed.always(_orders_of(value))

    def connected(self) -> Sequence[Reply]:
        self.tell(f'The program is {self.installed.program}; write program = "{self.installed.program}".')
        return ()

    def typed(self, text: str) -> None:
        if text.strip() == "ledger":
            for entry in self.installed.ledger:
                self.tell(f"{entry.number}: {entry.kind} of {entry.amount_minor}")
            return
        rule = read_rule(text)
        match rule:
            case Approve():
                self.installed.order()
            case Decline(code):
                self.installed.order(decline=code)
            case NoCard(seconds):
                self.installed.order(hang_s=seconds, no_files=True)
            case _:
                raise WrongRule("This terminal takes approve, decline CODE, or no-card SECONDS.")


simulated = SimulatedDevice(
    options=ProgramOptions,
    make=ProgramSimulator,
    faults=FAULTS,
    typing="approve, decline CODE, no-card SECONDS, or ledger to see what was moved",
)
