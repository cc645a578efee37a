"""Installs a stub that stands in for a bank's program, with a ledger and faults to order.

    program = install(folder, "sberbank")
    program.order(killed_at_byte=7)     # the next run only
    program.ledger                      # what was really moved

`tillstream simulate` installs it into a folder and takes what a person types as the orders for the next run; there is
no line of bytes, so the line that it serves is used by nobody.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
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
from device_gateway.simulators import Faults, Reply, SimulatedDevice, Simulator, SimulatorOptions

Kind = Literal["sberbank", "arcus2"]
STUB = Path(__file__).with_name("stub.py")
ARCUS2_OPERATIONS = {"purchase": "1", "refund": "3", "reversal": "4", "end_of_day": "65", "diagnosis": "26"}


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
        """What the next run does. `killed_before` the card is charged; `killed_at_byte` of the outcome file, after."""
        flags = {"killed_before": killed_before, "no_files": no_files, "empty": empty, "garbage": garbage}
        orders: dict[str, object] = {name: True for name, on in flags.items() if on}
        values = {"killed_at_byte": killed_at_byte, "hang": hang_s, "encoding": encoding, "decline": decline}
        orders |= {name: value for name, value in values.items() if value is not None}
        orders["exit"] = exit_code
        (self.folder / "orders.json").write_text(json.dumps(orders), encoding="ascii")

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
        """How many bytes of outcome files were written by runs that ended by themselves."""
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


class ProgramOptions(SimulatorOptions):
    """Where the stub is put, and whose it is."""

    folder: Path = Field(default=Path("simulated-terminal"), description="the folder that the stub is put into")
    kind: Kind = Field(default="sberbank", description="whose program it is: sberbank or arcus2")


class ProgramSimulator(Simulator):
    """Installs the stub; what is typed is the order for its next run."""

    def __init__(self, options: ProgramOptions, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self.installed = install(options.folder.absolute(), options.kind)

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
    faults=(),
    typing="approve, decline CODE, no-card SECONDS, or ledger to see what was moved",
)
