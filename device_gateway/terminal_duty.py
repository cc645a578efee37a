"""The duty of a payment terminal: one operation at a time, in order, each written down before and after."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

import structlog

from device_gateway.domain.card_numbers import without_card_numbers
from device_gateway.domain.card_operations import CardOperation, NotSent, OperationResult
from device_gateway.domain.print_job import is_expired
from device_gateway.domain.terminal_capabilities import refused_before_sending
from device_gateway.domain.terminal_operation import (
    OperationState,
    TerminalOperation,
    asked_of_terminal,
    inquiry_of_terminal,
)
from device_gateway.drivers.interface import Device, Terminal
from device_gateway.drivers.manifests import manifests
from device_gateway.duties import Listening, Post
from device_gateway.journal import JournalFailed, JournalRefused
from device_gateway.journal_terminals import TerminalSteps
from device_gateway.use_cases.answer_inquiry import answer_inquiry
from libs.testkit.faults import fault_point

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What a terminal shows at this moment of an operation: a stage such as `insert_card`, and the words."""

    operation_id: UUID
    stage: str
    text: str
    at: datetime


@dataclass(frozen=True, slots=True)
class _Begun:
    """An operation that is `sending` in the journal. `earlier` is the one that it is about."""

    operation: TerminalOperation
    asked: CardOperation
    earlier: TerminalOperation | None


class TerminalDuty(Listening):
    """See the module's description."""

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self._may_wait = threading.Event()
        # Held while an operation is begun and while one is aborted, so that no other one is aborted in its place.
        self._lock = threading.Lock()
        self._under_way: tuple[UUID, Terminal] | None = None
        self.shown: Shown | None = None

    def opened(self, device: Device) -> None:
        """An operation may wait since before it was gone."""
        with self._lock:
            self._under_way = None
        self.woken()

    def woken(self) -> None:
        """An operation may wait. Called from any thread."""
        self._may_wait.set()

    def abort(self, operation_id: UUID) -> bool:
        """Ask the terminal to stop waiting for a card; false if it is not at this operation. Called from any thread.

        It is a wish: once money has moved there is nothing to stop, and the outcome tells how it ended.
        """
        with self._lock:
            if self._under_way is None or self._under_way[0] != operation_id:
                return False
            self._under_way[1].abort()
        log.info("terminal_abort_asked", terminal=self._post.placed.name, operation_id=str(operation_id))
        return True

    def turn(self, device: Device) -> bool:
        """Carry out the operation that has waited longest."""
        if not self._may_wait.is_set():
            return False
        self._may_wait.clear()
        with self._post.journal.step() as step:
            waiting = TerminalSteps(step).next_waiting(self._post.placed.name)
        if waiting is None:
            return False
        # From here on there may be more, whatever becomes of this one.
        self._may_wait.set()
        fault_point("gateway_before_terminal_intent")
        terminal = cast("Terminal", device)
        begun = self._begin(waiting.operation_id)
        if begun is not None:
            self._carry_out(terminal, begun)
        return True

    def _begin(self, operation_id: UUID) -> _Begun | None:
        """Write down that the terminal is about to be asked; None if it was decided without asking it."""
        with self._post.journal.step() as step:
            journal = TerminalSteps(step)
            operation = journal.get(operation_id)
            if operation is None or operation.state is not OperationState.WAITING:
                return None
            if is_expired(operation.expires_at, step.now):
                journal.save(operation.answered(OperationState.EXPIRED, step.now))
                return None
            if operation.is_inquiry:
                operation = answer_inquiry(step, operation)
                if operation.state.is_final:
                    journal.save(operation)
                    return None
            refusal = self._refusal_of(operation)
            if refusal is not None:
                journal.save(operation.refused(refusal, step.now))
                return None
            earlier = journal.get(operation.inquired_operation_id)
            ask = inquiry_of_terminal if operation.is_inquiry else asked_of_terminal
            held_minor = journal.held_minor(earlier if operation.is_inquiry else operation)
            operation = operation.sending(step.now)
            journal.save(operation)
            return _Begun(operation, ask(operation, earlier, held_minor), earlier)

    def _refusal_of(self, operation: TerminalOperation) -> NotSent | None:
        """Why this terminal's driver cannot carry an operation out, by its manifest; None if it can."""
        manifest = manifests().get(self._post.placed.driver)
        return refused_before_sending(
            operation.action,
            cash_back_minor=operation.cash_back_minor,
            tip_minor=operation.tip_minor,
            instalments=operation.instalments,
            capabilities=manifest.capabilities if manifest else (),
        )

    def _carry_out(self, terminal: Terminal, begun: _Begun) -> None:
        """Ask the terminal, once, and write down what became of it."""
        operation = begun.operation
        with self._lock:
            self._under_way = (operation.operation_id, terminal)
        try:
            self._show(operation, "sending", "The terminal is being asked")
            fault_point("gateway_after_terminal_intent")
            if operation.is_inquiry:
                result = terminal.inquire(begun.asked)
            else:
                result = terminal.perform(begun.asked, lambda stage, text: self._show(operation, stage, text))
            fault_point("gateway_after_terminal_answer")
            decided = self._record(begun, result)
        finally:
            with self._lock:
                self._under_way = None
            self.shown = None
        log.info(
            "terminal_operation_ended",
            terminal=self._post.placed.name,
            operation_id=str(operation.operation_id),
            action=operation.action,
            outcome=decided.state.value,
        )
        fault_point("gateway_after_terminal_outcome")

    def _record(self, begun: _Begun, result: OperationResult) -> TerminalOperation:
        """Write down what became of an operation; a full disk may be emptied meanwhile. Raises JournalFailed."""
        settings = self._post.settings
        for _ in range(settings.outcome_attempts - 1):
            try:
                return self._write_down(begun, result)
            except JournalRefused:
                raise
            except JournalFailed as error:
                # Given up here, the terminal's certain answer would become `unknown`.
                log.error("outcome_not_written", operation_id=str(begun.operation.operation_id), error=str(error))
                time.sleep(settings.journal_retry_s)
        return self._write_down(begun, result)

    def _write_down(self, begun: _Begun, result: OperationResult) -> TerminalOperation:
        with self._post.journal.step() as step:
            journal = TerminalSteps(step)
            if begun.operation.is_inquiry:
                decided = begun.operation.told(result, begun.earlier, step.now)
                self._resolve(journal, decided)
            else:
                decided = begun.operation.given(result, step.now)
            journal.save(decided)
        return decided

    def _resolve(self, journal: TerminalSteps, inquiry: TerminalOperation) -> None:
        """Keep what an inquiry found out, so that the next one needs no terminal."""
        asked_id, answer = inquiry.inquired_operation_id, inquiry.answer
        if asked_id is None or answer is None or not inquiry.state.is_certain:
            return
        journal.resolve(asked_id, answer)
        if answer.found is False:
            journal.refuse(asked_id)

    def _show(self, operation: TerminalOperation, stage: str, text: str) -> None:
        """Tell the till's pages what the terminal shows. Called in the worker's thread."""
        at = self._post.journal.clock()
        self.shown = Shown(operation.operation_id, stage, without_card_numbers(text), at)
        self._post.live.publish(
            [operation.till_id],
            {
                "type": "terminal_progress",
                "terminal": self._post.placed.name,
                "operation_id": str(operation.operation_id),
                "intent_id": str(operation.intent_id),
                "store_id": str(operation.store_id),
                "till_id": str(operation.till_id),
                "stage": stage,
                "text": self.shown.text,
                "at": at.isoformat(),
            },
        )
