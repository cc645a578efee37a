"""The driver with stubs of both banks' programs: killed before, within and after writing, hanging, writing nonsense."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal
from uuid import UUID

import pytest

from device_gateway.domain.card_operations import Approved, CardOperation, Declined, NotSent, Unknown
from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.terminal.process_and_files.driver import ProcessAndFilesOptions, open_terminal
from device_gateway.drivers.terminal.process_and_files.simulator import (
    ARCUS2_OPERATIONS,
    InstalledProgram,
    Kind,
    ProgramSimulator,
    install,
    simulated,
)
from device_gateway.simulators import Faults, read_faults
from libs.contracts.terminals import CardReferences, TerminalAction

KINDS: tuple[Kind, ...] = ("sberbank", "arcus2")
PRICE_MINOR = 12_345
WITHIN_S = 10.0


def options(installed: InstalledProgram, timeout_s: float = 20.0) -> ProcessAndFilesOptions:
    return ProcessAndFilesOptions(
        dialect=installed.kind,
        program=installed.program,
        state_folder=installed.folder / "state",
        operations=ARCUS2_OPERATIONS if installed.kind == "arcus2" else {},
        timeout_s=timeout_s,
    )


_numbers = itertools.count(1)


def operation(action: TerminalAction = "purchase", original: CardReferences | None = None) -> CardOperation:
    return CardOperation(UUID(int=7), action, "RUB", PRICE_MINOR, f"A{next(_numbers):06d}", original=original)


def inquiry(about: CardOperation) -> CardOperation:
    return replace(
        about, action="inquiry", sent_reference=about.reference, sent_amount_minor=about.amount_minor, reference="Q1"
    )


def quiet(stage: str, text: str) -> None:
    """Nobody watches the progress."""


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not happened():
        assert time.monotonic() < deadline, "It did not happen in time."
        time.sleep(0.005)


@pytest.fixture(params=KINDS)
def installed(request: pytest.FixtureRequest, tmp_path: Path) -> InstalledProgram:
    return install(tmp_path / "bank", request.param)


def test_a_sale_a_refund_and_a_reversal_move_money_once_each(installed: InstalledProgram) -> None:
    terminal = open_terminal(options(installed))
    sale = terminal.perform(operation(), quiet)
    assert isinstance(sale, Approved)
    assert sale.references is not None
    assert sale.references.retrieval_reference == "000000000001"
    assert "СУММА 12345" in sale.slips.customer
    assert isinstance(terminal.perform(operation("refund", sale.references), quiet), Approved)
    assert isinstance(terminal.perform(operation("reversal", sale.references), quiet), Approved)
    assert [entry.kind for entry in installed.ledger] == ["charge", "refund", "reversal"]


def test_a_decline_moves_nothing_whatever_the_exit_code(installed: InstalledProgram) -> None:
    terminal = open_terminal(options(installed))
    installed.order(decline="51" if installed.kind == "arcus2" else "4451", exit_code=0)
    assert isinstance(terminal.perform(operation(), quiet), Declined)
    installed.order(exit_code=3)
    assert isinstance(terminal.perform(operation(), quiet), Approved)


@pytest.mark.parametrize("fault", ["no_files", "empty", "garbage"])
def test_files_that_say_nothing_leave_the_outcome_unknown_for_good(
    installed: InstalledProgram, fault: Literal["no_files", "empty", "garbage"]
) -> None:
    terminal = open_terminal(options(installed))
    # The files of the customer before must not be taken for ours.
    assert isinstance(terminal.perform(operation(), quiet), Approved)
    match fault:
        case "no_files":
            installed.order(no_files=True)
        case "empty":
            installed.order(empty=True)
        case "garbage":
            installed.order(garbage=True)
    sale = operation()
    assert isinstance(terminal.perform(sale, quiet), Unknown)
    assert len(installed.ledger) == 2
    assert isinstance(terminal.inquire(inquiry(sale)), Unknown)


def test_result_files_that_somebody_else_left_there_are_not_ours(tmp_path: Path) -> None:
    bank = install(tmp_path / "bank", "sberbank")
    (bank.folder / "e").write_text("0,ОДОБРЕНО\r\n", encoding="koi8_r")
    bank.order(no_files=True)
    assert isinstance(open_terminal(options(bank)).perform(operation(), quiet), Unknown)


def test_another_encoding_than_configured_changes_words_but_no_outcome(installed: InstalledProgram) -> None:
    terminal = open_terminal(options(installed))
    installed.order(encoding="utf-8")
    assert isinstance(terminal.perform(operation(), quiet), Approved)
    installed.order(encoding="utf-16")
    assert isinstance(terminal.perform(operation(), quiet), Unknown)


def test_a_program_that_hangs_is_killed_and_its_outcome_unknown(installed: InstalledProgram) -> None:
    terminal = open_terminal(options(installed, timeout_s=0.3))
    installed.order(hang_s=60)
    assert isinstance(terminal.perform(operation(), quiet), Unknown)
    pid = int((installed.folder / "hanging").read_text(encoding="ascii"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    assert installed.ledger == ()


def test_an_operation_is_started_once_even_if_it_is_asked_for_twice(installed: InstalledProgram) -> None:
    terminal = open_terminal(options(installed))
    sale = operation()
    assert isinstance(terminal.perform(sale, quiet), Approved)
    assert isinstance(terminal.perform(sale, quiet), Unknown)
    assert isinstance(terminal.inquire(inquiry(sale)), Approved)
    assert len(installed.ledger) == 1


def test_while_a_program_runs_no_second_one_is_started(installed: InstalledProgram) -> None:
    terminal = open_terminal(options(installed))
    installed.order(hang_s=1.0)
    outcomes: list[object] = []
    first = threading.Thread(target=lambda: outcomes.append(terminal.perform(operation(), quiet)))
    first.start()
    until((installed.folder / "hanging").exists)
    assert isinstance(open_terminal(options(installed)).perform(operation(), quiet), NotSent)
    first.join(WITHIN_S)
    assert isinstance(outcomes[0], Approved)
    assert len(installed.ledger) == 1


_CHILD = """
import sys, uuid
from device_gateway.domain.card_operations import CardOperation
from device_gateway.drivers.terminal.process_and_files.driver import ProcessAndFilesOptions, open_terminal
terminal = open_terminal(ProcessAndFilesOptions.model_validate_json(sys.argv[1]))
terminal.perform(CardOperation(uuid.uuid4(), "purchase", "RUB", 12345, "KILLED1"), lambda stage, text: None)
"""


def test_after_the_gateway_was_killed_the_program_goes_on_and_its_result_is_found(installed: InstalledProgram) -> None:
    installed.order(hang_s=1.0)
    gateway = subprocess.Popen([sys.executable, "-c", _CHILD, options(installed).model_dump_json()])
    until((installed.folder / "hanging").exists)
    gateway.send_signal(signal.SIGKILL)
    gateway.wait(WITHIN_S)
    terminal = open_terminal(options(installed))
    asked = replace(inquiry(operation()), sent_reference="KILLED1")
    assert terminal.inquire(asked) == Unknown(
        "The terminal is still busy with the operation before. Finish or cancel it at the terminal, then try again."
    )
    until(lambda: not isinstance(terminal.inquire(asked), Unknown))
    found = terminal.inquire(asked)
    assert isinstance(found, Approved)
    assert found.amount_minor == PRICE_MINOR
    assert len(installed.ledger) == 1


def test_a_program_that_cannot_be_started_is_not_sent_and_may_be_tried_again(installed: InstalledProgram) -> None:
    terminal = open_terminal(options(installed))
    sale = operation()
    text = installed.program.read_bytes()
    installed.program.write_text("#!/nowhere/interpreter\n", encoding="ascii")
    refused = terminal.perform(sale, quiet)
    assert isinstance(refused, NotSent)
    assert "cannot be started" in refused.reason
    installed.program.write_bytes(text)
    assert isinstance(terminal.perform(sale, quiet), Approved)


def test_what_is_wrong_in_devices_toml_is_a_sentence(tmp_path: Path) -> None:
    bank = install(tmp_path / "bank", "arcus2")
    right = options(bank)
    with pytest.raises(DeviceMisconfigured, match=r"operations.purchase: 77 is no operation in ops.ini"):
        open_terminal(right.model_copy(update={"operations": {"purchase": "77"}}))
    with pytest.raises(DeviceMisconfigured, match="needs the numbers of its operations"):
        open_terminal(right.model_copy(update={"operations": {}}))
    with pytest.raises(DeviceMisconfigured, match="no program that can be started"):
        open_terminal(right.model_copy(update={"program": tmp_path / "missing"}))


def test_the_last_slip_is_printed_again(installed: InstalledProgram) -> None:
    terminal = open_terminal(options(installed))
    assert terminal.perform(operation("last_slip"), quiet) == Declined("no_slip", "The terminal has no last slip.")
    sale = terminal.perform(operation(), quiet)
    assert isinstance(sale, Approved)
    again = terminal.perform(operation("last_slip"), quiet)
    assert isinstance(again, Approved)
    assert again.slips == sale.slips
    assert len(installed.ledger) == 1


def test_a_person_can_install_the_stub_and_order_what_the_next_card_does(tmp_path: Path) -> None:
    said: list[str] = []
    person = simulated.make(simulated.options(folder=tmp_path / "bank", kind="sberbank"), Faults())
    assert isinstance(person, ProgramSimulator)
    person.watch = said.append
    person.connected()
    terminal = open_terminal(options(person.installed))
    person.typed("decline 4451")
    declined = terminal.perform(operation(), quiet)
    assert isinstance(declined, Declined)
    assert declined.reason_code == "4451"
    assert isinstance(terminal.perform(operation(), quiet), Approved)
    person.typed("ledger")
    assert said[-1] == f"1: charge of {PRICE_MINOR}"
    with pytest.raises(ValueError, match="approve, decline CODE"):
        person.typed("partial 5")


@pytest.mark.parametrize(
    ("fault", "charged"),
    [("killed-before-effect", 0), ("killed-at-byte=4", 1), ("answer-lost-after-effect", 1), ("garbage", 1)],
)
def test_faults_of_the_stub_can_be_ordered_by_name_and_lifted(tmp_path: Path, fault: str, charged: int) -> None:
    faults = read_faults([fault], simulated.faults)
    person = simulated.make(simulated.options(folder=tmp_path / "bank", kind="sberbank"), faults)
    assert isinstance(person, ProgramSimulator)
    terminal = open_terminal(options(person.installed))
    for _ in range(2):
        assert isinstance(terminal.perform(operation(), quiet), Unknown)
    assert len(person.installed.ledger) == 2 * charged
    person.faults = Faults()
    assert isinstance(terminal.perform(operation(), quiet), Approved)
