"""The duty of a printer: its queue in order, each copy written down before its first byte and after its last."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast
from uuid import UUID, uuid5

import structlog

from device_gateway.domain.observations import NotPrinted, Observation, Printed, PrinterStatus, PrintOutcome
from device_gateway.domain.orders import DrawerOpening, OpeningState, PrintJob, opening_of_job
from device_gateway.domain.placement import drawer_of
from device_gateway.domain.print_job import Print, is_expired, next_attempt_at
from device_gateway.drawers import DrawerKeeper
from device_gateway.drivers.interface import Device, DeviceAbsent, DeviceError, Printer
from device_gateway.duties import Listening, Post, printer_message
from device_gateway.journal_steps import NextCopy, Step
from device_gateway.use_cases.accept_print_job import NO_DRAWER
from libs.contracts.printing import PrintedDocument
from libs.testkit.faults import fault_point

log = structlog.get_logger(__name__)

HASTY_ATTEMPTS = 5
"""A printer that is just back is tried at once, without the pause after a failure; but not for ever."""


@dataclass(frozen=True, slots=True)
class _Begun:
    """A copy that is `printing` in the journal. `opening` is the drawer to kick with it, `wake` whom else to call."""

    job: PrintJob
    number: int
    opening: DrawerOpening | None = None
    wake: str | None = None


class PrinterDuty(Listening):
    """See the module's description."""

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self._keeper = DrawerKeeper(post)
        self._may_wait = threading.Event()
        self._not_before: datetime | None = None
        self._asked_at: datetime | None = None
        self._told: PrinterStatus | None = None
        self._just_back = True

    def opened(self, device: Device) -> None:
        """Ask how it is: after a break the printer is asked first."""
        self._told = None
        self._just_back = True
        self._ask(cast("Printer", device))
        self.woken()

    def woken(self) -> None:
        """A job or an opening may wait. Called from any thread."""
        self._may_wait.set()
        self._keeper.woken()

    def observed(self, observation: Observation) -> None:
        """Pass on its state when it is another one, and follow the drawer on its plug."""
        if not isinstance(observation, PrinterStatus):
            return
        self._asked_at = self._post.journal.clock()
        if observation.drawer_open is not None and self._post.placed.drawer_plug:
            self._keeper.seen(observation.drawer_open)
        if observation == self._told:
            return
        if self._told is not None and observation.can_print and not self._told.can_print:
            self._just_back = True
            self._may_wait.set()
        self._told = observation
        placed = self._post.placed
        self._post.live.publish(
            placed.till_ids, {"type": "printer", "device": placed.name, **printer_message(observation)}
        )

    def turn(self, device: Device) -> bool:
        """Open the drawer, print the next copy, or ask for the printer's state when that is due."""
        printer = cast("Printer", device)
        if self._keeper.open_next(printer.kick_drawer, lambda: self._drawer_open(printer)):
            return True
        now = self._post.journal.clock()
        settings = self._post.settings
        # Each question to a printer that never answers costs the time to wait for it in vain.
        silent = self._told is not None and not self._told.answered
        every = timedelta(seconds=settings.silent_status_every_s if silent else settings.status_every_s)
        if self._asked_at is None or now - self._asked_at >= every:
            self._ask(printer)
        if self._not_before is not None and now >= self._not_before:
            self._may_wait.set()
        if not self._may_wait.is_set() or self._post.blocked:
            return False
        self._may_wait.clear()
        self._not_before = None
        return self._print_next(printer)

    def _print_next(self, printer: Printer) -> bool:
        with self._post.journal.step() as step:
            waiting = step.next_copy(self._post.placed.name)
            if waiting is None:
                return False
            # From here on there may be more, whatever becomes of this one.
            self._may_wait.set()
            if is_expired(waiting.job.expires_at, step.now):
                step.save_job(waiting.job, waiting.job.with_all_waiting("expire", step.now))
                return True
            not_before = waiting.copy.not_before
            at_once = self._just_back and waiting.copy.attempts < HASTY_ATTEMPTS
            if not_before is not None and not_before > step.now and not at_once:
                self._may_wait.clear()
                self._not_before = not_before
                return False
        self._just_back = False
        data = self._encoded(printer, waiting)
        if data is None:
            return True
        fault_point("gateway_before_print_intent")
        begun = self._begin(waiting)
        if begun is not None:
            self._carry_out(printer, begun, data)
        return True

    def _encoded(self, printer: Printer, waiting: NextCopy) -> bytes | None:
        """The bytes of a copy; None if it has failed because there are none. Talks to nobody."""
        job = waiting.job
        try:
            document = PrintedDocument.model_validate_json(job.document)
            encoded = printer.encode(document, duplicate_mark=job.mark)
        except DeviceAbsent:
            raise
        except DeviceError as error:
            reason = str(error)
        except Exception as error:
            # Whatever is wrong with one document, the ones behind it must come out.
            log.exception("document_not_encoded", job_id=str(job.job_id), printer=self._post.placed.name)
            reason = f"The document cannot be prepared for this printer ({type(error).__name__}: {error})."
        else:
            for warning in encoded.warnings:
                log.warning("document_changed", job_id=str(job.job_id), warning=warning)
            return encoded.data
        with self._post.journal.step() as step:
            step.save_job(job, job.with_copy(waiting.number, waiting.copy.fail(reason), step.now))
        return None

    def _begin(self, waiting: NextCopy) -> _Begun | None:
        """Write down that the copy is about to be printed; None if its time ran out or somebody decided about it."""
        with self._post.journal.step() as step:
            job = step.job(waiting.job.job_id)
            if job is None or job.copies[waiting.number - 1] != waiting.copy:
                return None
            if is_expired(job.expires_at, step.now):
                step.save_job(job, job.with_all_waiting("expire", step.now))
                return None
            begun = job.with_copy(waiting.number, waiting.copy.begin(), step.now)
            step.save_job(job, begun)
            return self._with_drawer(step, begun, waiting.number)

    def _with_drawer(self, step: Step, job: PrintJob, number: int) -> _Begun:
        """Add the opening of the drawer that the job asks for, once for all its copies and attempts."""
        if job.open_drawer is None or number != 1:
            return _Begun(job, number)
        place = drawer_of(self._post.placement(), job.till_id)
        opening = opening_of_job(
            job, place.name if place else NO_DRAWER, step.now, late_s=self._post.settings.drawer_late_s
        )
        if step.opening(opening.opening_id) is not None:
            return _Begun(job, number)
        if is_expired(opening.expires_at, step.now):
            step.add_opening(opening.to(OpeningState.EXPIRED, step.now))
            return _Begun(job, number)
        if place is None:
            step.add_opening(opening.to(OpeningState.FAILED, step.now, "This till has no drawer at this PC."))
            return _Begun(job, number)
        if place.name != self._post.placed.name:
            step.add_opening(opening)
            return _Begun(job, number, wake=place.name)
        opening = opening.to(OpeningState.OPENING, step.now)
        step.add_opening(opening)
        return _Begun(job, number, opening)

    def _carry_out(self, printer: Printer, begun: _Begun, data: bytes) -> None:
        """Kick the drawer, print, and write down what became of both."""
        fault_point("gateway_after_print_intent")
        if begun.wake is not None:
            self._post.wake(begun.wake)
        if begun.opening is not None:
            # First: the cashier counts the change while the receipt is printed.
            try:
                self._keeper.kick(begun.opening, printer.kick_drawer)
            except DeviceError as error:
                self._record(begun, NotPrinted(str(error)))
                raise
        outcome = printer.print(_id_on_paper(begun), data)
        fault_point("gateway_after_print")
        self._record(begun, outcome)
        fault_point("gateway_after_print_outcome")
        if begun.opening is not None:
            self._keeper.settle(begun.opening, lambda: self._drawer_open(printer))
        if not isinstance(outcome, Printed):
            self._ask(printer)

    def _record(self, begun: _Begun, outcome: PrintOutcome) -> None:
        with self._post.journal.step() as step:
            copy = begun.job.copies[begun.number - 1]
            after = begun.job.with_copy(begun.number, self._after(copy, outcome, step.now), step.now)
            step.save_job(begun.job, after)
        log.info("print_ended", job_id=str(begun.job.job_id), copy=begun.number, outcome=type(outcome).__name__)

    def _after(self, copy: Print, outcome: PrintOutcome, now: datetime) -> Print:
        if isinstance(outcome, Printed):
            return copy.came_out(confirmed=outcome.confirmed)
        if isinstance(outcome, NotPrinted):
            settings = self._post.settings
            not_before = next_attempt_at(
                now, copy.attempts, first_s=settings.print_retry_s, limit_s=settings.print_retry_limit_s
            )
            return copy.did_not_come_out(outcome.reason, not_before=not_before)
        return copy.may_have_come_out(outcome.reason)

    def _ask(self, printer: Printer) -> PrinterStatus:
        status = printer.status()
        self._post.observe(status)
        return status

    def _drawer_open(self, printer: Printer) -> bool | None:
        return self._ask(printer).drawer_open


def _id_on_paper(begun: _Begun) -> UUID:
    """What the printer knows a copy by; each copy is a print of its own."""
    return begun.job.job_id if begun.number == 1 else uuid5(begun.job.job_id, f"copy {begun.number}")
