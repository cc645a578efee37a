"""Driver of terminals behind a bank's program: started for each operation, its result read from files."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Annotated

from pydantic import Field, StringConstraints

from device_gateway.domain.card_operations import CardOperation, NotSent, OperationResult, Unknown
from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured, Driver, DriverOptions
from device_gateway.drivers.terminal.process_and_files.dialect import Dialect, Encoding, arguments_for, read_dialect
from device_gateway.drivers.terminal.process_and_files.results import outcome_in
from device_gateway.drivers.terminal.process_and_files.runs import NotStarted, Places, Runs, TerminalBusy
from libs.contracts.terminals import TerminalAction

_BUSY = "The terminal is still busy with the operation before. Finish or cancel it at the terminal, then try again."
OperationNumber = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,4}$")]


class ProcessAndFilesOptions(DriverOptions):
    """`program` is the bank's program, `state_folder` a folder of the gateway's own for this one terminal.

    `operations` are the numbers of operations in the bank's ops.ini, where the dialect has any.
    """

    dialect: str
    program: Path
    state_folder: Path
    configuration_folder: Path | None = None
    operations: Mapping[TerminalAction, OperationNumber] = {}
    encoding: Encoding | None = None
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "RUB"
    currency_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")] = "643"
    timeout_s: Annotated[float, Field(gt=0, le=900)] = 240.0
    kept_results: Annotated[int, Field(ge=10, le=100_000)] = 1_000


class ProcessAndFilesTerminal:
    """A terminal behind its program. The program runs once for each operation and never twice for the same one."""

    def __init__(self, options: ProcessAndFilesOptions, dialect: Dialect, runs: Runs, zone: tzinfo) -> None:
        self._options = options
        self._dialect = dialect
        self._runs = runs
        self._zone = zone
        self._encoding = options.encoding or dialect.encoding

    def perform(self, operation: CardOperation, progress: Callable[[str, str], None]) -> OperationResult:
        if operation.action == "inquiry":
            return self.inquire(operation)
        arguments = arguments_for(
            operation,
            self._dialect,
            currency=self._options.currency,
            currency_number=self._options.currency_number,
            numbers=self._options.operations,
        )
        if isinstance(arguments, NotSent):
            return arguments
        if self._runs.known(operation.reference):
            return Unknown("The terminal's program was already started for this operation. Ask what became of it.")
        progress("follow_terminal", "Follow what the terminal shows.")
        try:
            files = self._runs.run(operation.reference, arguments)
        except TerminalBusy:
            return NotSent(_BUSY)
        except NotStarted as error:
            return NotSent(str(error))
        return outcome_in(files, operation, self._dialect, encoding=self._encoding, zone=self._zone)

    def inquire(self, operation: CardOperation) -> OperationResult:
        """What the kept files of the operation say; the programs themselves cannot be asked for a past operation."""
        reference = operation.sent_reference or ""
        if not self._runs.known(reference):
            # Kept results are pruned, so a missing folder proves nothing.
            return Unknown("No result of this operation is kept here. Look at the terminal's own journal.")
        try:
            files = self._runs.left_by(reference)
        except TerminalBusy:
            return Unknown(_BUSY)
        except NotStarted as error:
            return Unknown(str(error))
        asked = replace(operation, amount_minor=operation.sent_amount_minor or 0)
        return outcome_in(files, asked, self._dialect, encoding=self._encoding, zone=self._zone)

    def abort(self) -> None:
        """Nothing: killing the program would leave the outcome unknown; the customer cancels at the terminal."""

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        time.sleep(max(0.0, timeout_s))
        if not self._options.program.is_file():
            raise DeviceAbsent(f"The terminal's program {self._options.program} is gone. Install it again.")
        return ()

    def close(self) -> None:
        """Nothing is held between operations."""


def open_terminal(options: ProcessAndFilesOptions) -> ProcessAndFilesTerminal:
    """The terminal, its program found. Raises DeviceMisconfigured."""
    dialect = read_dialect(options.dialect)
    if not (options.program.is_file() and os.access(options.program, os.X_OK)):
        raise DeviceMisconfigured(
            f"program {options.program} is no program that can be started. Install the bank's software, or correct the "
            "path in devices.toml."
        )
    program = options.program.absolute()
    configuration = (options.configuration_folder or program.parent).absolute()
    _check_numbers(options, dialect, configuration)
    runs = Runs(
        Places(program, options.state_folder.absolute(), configuration),
        dialect,
        timeout_s=options.timeout_s,
        kept_results=options.kept_results,
    )
    return ProcessAndFilesTerminal(options, dialect, runs, datetime.now(UTC).astimezone().tzinfo or UTC)


def _check_numbers(options: ProcessAndFilesOptions, dialect: Dialect, configuration: Path) -> None:
    """Every number of an operation must be a key of the bank's own list, where it is there to look at."""
    if dialect.numbered and not options.operations:
        raise DeviceMisconfigured(
            f'operations: {dialect.title} needs the numbers of its operations, as in purchase = "1"; they stand '
            "in the bank's ops.ini."
        )
    if dialect.numbered_operations_file is None:
        return
    try:
        text = (configuration / dialect.numbered_operations_file).read_text(encoding=dialect.encoding, errors="replace")
    except OSError:
        return
    known = {line.partition("=")[0].strip() for line in text.splitlines() if "=" in line}
    for action, number in options.operations.items():
        if known and number not in known:
            raise DeviceMisconfigured(
                f"operations.{action}: {number} is no operation in {dialect.numbered_operations_file}; it has "
                f"{', '.join(sorted(known))}."
            )


driver = Driver(options=ProcessAndFilesOptions, open_device=open_terminal)
