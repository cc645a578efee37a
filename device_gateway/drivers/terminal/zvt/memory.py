"""What must be remembered to know a transaction again: ZVT carries no reference of ours.

A terminal only repeats its newest receipt. Before money is asked for, the driver knows which receipt is the newest; if
the answer is lost, a newer one is ours and the same one proves that nothing happened. With a file this survives a
restart of the gateway; without one, an operation in doubt before a restart is left to a person.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from device_gateway.domain.card_operations import Approved, Declined, NotFound
from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.terminal.zvt.outcomes import Asked
from libs.contracts.terminals import CardReferences, TerminalAction

Certain = Approved | Declined | NotFound
NO_RECEIPT = ""
ANSWERS_KEPT = 100


class _Stored(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Doubt(_Stored):
    """An operation that was sent and whose outcome is not known. `newest_before` is the newest receipt before it;
    `reservation` is what an increment raises.
    """

    reference: str
    action: TerminalAction
    amount_minor: int
    newest_before: str
    original_trace: str | None = None
    currency: str | None = None
    tip_minor: int = 0
    released_minor: int | None = None
    reservation: CardReferences | None = None

    @property
    def asked(self) -> Asked:
        """What money was asked for."""
        return Asked(self.amount_minor, self.currency, self.tip_minor, self.released_minor)


class Answered(_Stored):
    """What became of an operation; exactly one of the three is set."""

    reference: str
    approved: Approved | None = None
    declined: Declined | None = None
    not_found: NotFound | None = None

    @property
    def outcome(self) -> Certain | None:
        """The one that is set."""
        return self.approved or self.declined or self.not_found


class Memory(_Stored):
    """`newest` identifies the terminal's newest receipt, NO_RECEIPT if it has none, None while that is not known.

    `begun` is the operation that was taken up last; unless it is in doubt or answered, its request has not left.
    """

    begun: str | None = None
    newest: str | None = None
    doubt: Doubt | None = None
    answers: tuple[Answered, ...] = ()

    def answer_to(self, reference: str | None) -> Certain | None:
        """What is remembered of an operation."""
        return next((known.outcome for known in self.answers if known.reference == reference), None)

    def never_left(self, reference: str | None) -> bool:
        """Whether that operation was taken up and then interrupted before its request was sent."""
        return reference is not None and reference == self.begun and self.doubt is None


class Remembering:
    """Keeps the memory, in a file where one is configured."""

    def __init__(self, file: Path | None) -> None:
        """Raises DeviceMisconfigured for a file that cannot be read."""
        self._file = file
        self.now = _read(file) if file is not None else Memory()

    def newest_is(self, newest: str | None) -> None:
        """Remember the newest receipt, or that it must be asked for (None)."""
        if newest != self.now.newest:
            self._keep_if_possible(self.now.model_copy(update={"newest": newest}))

    def begins(self, reference: str) -> None:
        """Remember that an operation is taken up; what was found of an earlier attempt no longer holds.

        Raises DeviceMisconfigured if the file cannot be written.
        """
        answers = tuple(known for known in self.now.answers if known.reference != reference)
        before = self.now.begun
        if before is not None and before != reference and self.now.answer_to(before) is None:
            interrupted = NotFound("The gateway was stopped before the request left.")
            answers = _with(answers, Answered(reference=before, not_found=interrupted))
        self._keep(self.now.model_copy(update={"begun": reference, "answers": answers}))

    def about_to_send(self, doubt: Doubt) -> None:
        """Remember an operation before its first byte leaves. Raises DeviceMisconfigured if the file cannot be written:
        then it must not be sent.
        """
        try:
            self._keep(self.now.model_copy(update={"doubt": doubt}))
        except DeviceMisconfigured:
            self.now = self.now.model_copy(update={"doubt": None})
            raise

    def certain(self, reference: str, outcome: Certain, newest: str | None) -> None:
        """Remember what became of the operation, and what the newest receipt is now."""
        answered = Answered(
            reference=reference,
            approved=outcome if isinstance(outcome, Approved) else None,
            declined=outcome if isinstance(outcome, Declined) else None,
            not_found=outcome if isinstance(outcome, NotFound) else None,
        )
        answers = _with(self.now.answers, answered)
        self._keep_if_possible(Memory(begun=self.now.begun, newest=newest, doubt=None, answers=answers))

    def given_up(self, newest: str) -> None:
        """The terminal's receipts cannot tell what became of the operation in doubt, and will not."""
        self._keep_if_possible(self.now.model_copy(update={"doubt": None, "newest": newest, "begun": None}))

    def never_sent(self) -> None:
        """The operation that was about to be sent was not."""
        self._keep_if_possible(self.now.model_copy(update={"doubt": None}))

    def _keep_if_possible(self, memory: Memory) -> None:
        # After the money has moved a full disk must not hide the outcome. The file still holds the doubt, which the
        # terminal's last receipt settles.
        with contextlib.suppress(DeviceMisconfigured):
            self._keep(memory)

    def _keep(self, memory: Memory) -> None:
        self.now = memory
        if self._file is None:
            return
        beside = self._file.with_name(self._file.name + ".new")
        try:
            with beside.open("w", encoding="utf-8") as file:
                file.write(memory.model_dump_json())
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._file)
            _on_the_disk(self._file.parent)
        except OSError as error:
            raise DeviceMisconfigured(
                f"The terminal's memory file {self._file} cannot be written ({error.strerror}): choose a path in a "
                "folder that exists and that the gateway's user may write to."
            ) from error


def _on_the_disk(folder: Path) -> None:
    """Wait until the folder's entries are on the disk. Without that, after a power cut the older file is there again,
    and what it calls interrupted before it was sent may have been sent since. Raises OSError.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _with(answers: tuple[Answered, ...], answered: Answered) -> tuple[Answered, ...]:
    others = tuple(known for known in answers if known.reference != answered.reference)
    return (*others, answered)[-ANSWERS_KEPT:]


def _read(file: Path) -> Memory:
    try:
        return Memory.model_validate_json(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Memory()
    except OSError as error:
        raise DeviceMisconfigured(
            f"The terminal's memory file {file} cannot be read ({error.strerror}): check the path and who owns it."
        ) from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise DeviceMisconfigured(
            f"The terminal's memory file {file} is damaged. Settle operations in doubt by hand, then remove it."
        ) from error
