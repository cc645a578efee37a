"""One thread for each physical device, its only owner: it opens it, uses it, and opens it again when it was gone.

Nothing that a driver does ends a worker: what it raises becomes the state of the device, the job in hand is unknown if
bytes may have left, and the device is opened anew.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import structlog

from device_gateway.configuration import ConfiguredDevice
from device_gateway.domain.device_state import (
    READY,
    STARTING,
    DeviceHealth,
    DeviceState,
    absent,
    broken,
    health_of,
    misconfigured,
)
from device_gateway.domain.observations import Observation, Weighing
from device_gateway.domain.orders import Trail
from device_gateway.domain.placement import PlacedDevice
from device_gateway.drawers import DrawerDuty
from device_gateway.drivers.interface import Device, DeviceAbsent, DeviceError, DeviceMisconfigured, DriverOptions
from device_gateway.duties import Duty, Listening, Post, Showing, WeighingDuty
from device_gateway.journal import Journal, JournalFailed
from device_gateway.live import LiveHub
from device_gateway.printing import PrinterDuty
from device_gateway.settings import GatewaySettings
from device_gateway.terminal_duty import TerminalDuty
from device_gateway.use_cases.report_device import report_device, report_removed
from device_gateway.use_cases.settle_interrupted import BROKE_OFF, DRIVER_FAILED, settle_interrupted
from device_gateway.use_cases.settle_terminal_operations import Trouble
from libs.contracts.refusal import Conflict, NotFound
from libs.persistence import new_id

log = structlog.get_logger(__name__)

Answer = TypeVar("Answer")


class DeviceNotReady(Conflict):
    """The device cannot do it now; the text says why and what to do."""

    status = 503
    type = "device-not-ready"


@dataclass(frozen=True, slots=True)
class LastError:
    """What went wrong last at a device, and when."""

    text: str
    at: datetime


@dataclass(frozen=True)
class _Call:
    run: Callable[[Any], Any]
    answer: Future[Any]


class Worker:
    """The owner of one device. Everything public may be called from any thread."""

    def __init__(self, configured: ConfiguredDevice, workforce: Workforce) -> None:
        self.placed = configured.placed
        self._configured = configured
        self._journal = workforce.journal
        self._live = workforce.live
        self._settings = workforce.settings
        self._folder = workforce.devices_folder / self.placed.name
        self.health: DeviceHealth = STARTING
        self.last_error: LastError | None = None
        self.weighing: Weighing | None = None
        self._reported: DeviceHealth | None = None
        self._calls: queue.SimpleQueue[_Call] = queue.SimpleQueue()
        self._stopping = threading.Event()
        self._hurry = threading.Event()
        self._interrupted: str | None = None
        self._in_use = False
        post = Post(
            self.placed,
            self._journal,
            self._live,
            self._settings,
            lambda: self.health,
            self._observe,
            workforce.wake,
            workforce.placement,
        )
        self.duty: Duty = _DUTIES.get(self.placed.kind, Listening)(post)
        self._thread = threading.Thread(target=self._run, name=f"device {self.placed.name}", daemon=True)

    @property
    def options(self) -> DriverOptions:
        """The driver's options, which say where the device is."""
        return self._configured.options

    def start(self) -> None:
        """Begin to look for the device."""
        self._thread.start()

    def stop(self) -> None:
        """Ask it to finish what it has in hand and to let go of the device."""
        self._stopping.set()
        self._hurry.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def wake(self) -> None:
        """There may be something to do, or the device may be back."""
        self.duty.woken()
        self._hurry.set()

    def call(self, run: Callable[[Any], Answer]) -> Future[Answer]:
        """Have the owner do something with the device, e.g. weigh. Raises DeviceNotReady if it is not there now."""
        if self.health.state in (DeviceState.ABSENT, DeviceState.MISCONFIGURED):
            raise self._not_ready()
        answer: Future[Answer] = Future()
        self._calls.put(_Call(run, answer))
        return answer

    def _not_ready(self) -> DeviceNotReady:
        sentence = " ".join(filter(None, (self.health.detail, self.health.what_to_do)))
        return DeviceNotReady(f"{self.placed.name}: {sentence}", device=self.placed.name)

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            self._hurry.clear()
            began = self._journal.clock()
            try:
                self._settle()
                self._own()
            except DeviceAbsent as error:
                self._fell_out(absent(self.placed.kind, str(error)), BROKE_OFF, str(error))
            except (DeviceMisconfigured, DeviceError) as error:
                self._fell_out(misconfigured(str(error)), BROKE_OFF, str(error))
            except JournalFailed as error:
                self._fell_out(misconfigured(str(error)), DRIVER_FAILED, str(error))
            except Exception as error:
                # A thread that ended here would leave the shop without its printer until somebody noticed.
                log.exception("driver_failed", device=self.placed.name)
                text = f"{type(error).__name__}: {error}"
                self._fell_out(broken(text), DRIVER_FAILED, text)
            self._refuse_calls()
            lived_s = (self._journal.clock() - began).total_seconds()
            failures = 0 if lived_s > self._settings.reopen_limit_s else failures + 1
            pause_s = min(self._settings.reopen_s * 2.0 ** min(failures, 16), self._settings.reopen_limit_s)
            if not self._stopping.is_set():
                self._hurry.wait(pause_s)

    def _fell_out(self, health: DeviceHealth, interrupted: str, error: str) -> None:
        if health != self.health:
            # The same trouble found again and again is one trouble, since it began.
            self.last_error = LastError(error, self._journal.clock())
        self._interrupted = interrupted
        self._refuse_calls()
        try:
            self._settle()
        except JournalFailed as failure:
            log.error("journal_failed", device=self.placed.name, error=str(failure))
        self._become(health)

    def _settle(self) -> None:
        """Say of what was in hand when the device was lost that it is in doubt, before anything else is begun."""
        if self._interrupted is None:
            return
        with self._journal.step() as step:
            settle_interrupted(step, self._interrupted, self.placed.name)
        self._interrupted = None

    def _own(self) -> None:
        """Open the device and use it until it is gone or the gateway stops."""
        device: Device = self._configured.driver.open_device(self._options_with_folder())
        try:
            self._use(device)
        finally:
            device.close()

    def _options_with_folder(self) -> DriverOptions:
        """The options as the driver takes them; the device's own folder is there if it keeps something in it."""
        given = self._configured.options
        options = given.kept_in(self._folder)
        if options != given:
            try:
                self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            except OSError as error:
                raise DeviceMisconfigured(
                    f"The folder {self._folder} cannot be made ({error.strerror}), and the driver keeps in it what it "
                    "must know after a restart. Give the gateway's user the right to write there."
                ) from error
        return options

    def _use(self, device: Device) -> None:
        self._in_use = False
        self.duty.opened(device)
        while not self._stopping.is_set():
            self._answer_calls(device)
            if self._in_use and self.duty.turn(device):
                continue
            for observation in device.poll(self._settings.poll_s):
                self._observe(observation)
            if not self._in_use:
                # Only now: what opens and vanishes at once was not there.
                self._in_use = True
                self._become(READY if self.health.state in (DeviceState.ABSENT, DeviceState.MISCONFIGURED) else None)

    def _observe(self, observation: Observation) -> None:
        health = health_of(observation)
        if isinstance(observation, Weighing):
            self.weighing = observation
        if health is not None and self._in_use:
            self._become(health)
        elif health is not None:
            self.health = health
        self.duty.observed(observation)

    def _become(self, health: DeviceHealth | None) -> None:
        """Take on a state and report it if it is another one; None: report what could not be reported before."""
        if health is not None:
            self.health = health
        if self.health == self._reported:
            return
        try:
            with self._journal.step() as step:
                report_device(step, self.placed, self.health, Trail(str(new_id())))
        except JournalFailed as error:
            log.error("journal_failed", device=self.placed.name, error=str(error))
            return
        if self.health.state is DeviceState.BLOCKED:
            self.last_error = LastError(str(self.health.detail), self._journal.clock())
        log.info("device_changed", device=self.placed.name, state=self.health.state.value, detail=self.health.detail)
        self._reported = self.health

    def _answer_calls(self, device: Device) -> None:
        while not self._calls.empty():
            call = self._calls.get()
            if not call.answer.set_running_or_notify_cancel():
                continue
            try:
                call.answer.set_result(call.run(device))
            except DeviceError as error:
                call.answer.set_exception(DeviceNotReady(f"{self.placed.name}: {error}", device=self.placed.name))
                # A refusal, such as of a tare while the load moves, is an answer; the device is as well as before.
                if isinstance(error, (DeviceAbsent, DeviceMisconfigured)):
                    raise
            except BaseException as error:
                call.answer.set_exception(error)
                raise

    def _refuse_calls(self) -> None:
        while not self._calls.empty():
            call = self._calls.get()
            if call.answer.set_running_or_notify_cancel():
                call.answer.set_exception(self._not_ready())


_DUTIES: dict[str, Callable[[Post], Duty]] = {
    "printer": PrinterDuty,
    "drawer": DrawerDuty,
    "display": Showing,
    "scale": WeighingDuty,
    "terminal": TerminalDuty,
}


class Workforce:
    """The workers of all devices of this PC. Devices may be added and removed while it works.

    In `devices_folder` each has a folder of its name for what its driver keeps.
    """

    def __init__(self, journal: Journal, live: LiveHub, settings: GatewaySettings, devices_folder: Path) -> None:
        self.journal = journal
        self.live = live
        self.settings = settings
        self.devices_folder = devices_folder
        self._workers: dict[str, Worker] = {}
        self._lock = threading.Lock()

    def start(self, devices: Sequence[ConfiguredDevice]) -> None:
        """Set a worker on each device, and report those that are listed no more."""
        with self.journal.step() as step:
            report_removed(step, {device.name for device in devices}, Trail(str(new_id())))
        for device in devices:
            self.add(device)

    def add(self, device: ConfiguredDevice) -> Worker:
        """Set a worker on one more device. Raises Conflict if its name is taken."""
        worker = Worker(device, self)
        with self._lock:
            if device.name in self._workers:
                raise Conflict(f"There is a device {device.name!r} already.", field="name")
            self._workers[device.name] = worker
        worker.start()
        return worker

    def remove(self, name: str) -> None:
        """Let go of a device for good, and report that it was taken out; waits for its worker. Raises NotFound."""
        worker = self.worker(name)
        worker.stop()
        worker.join(self.settings.stop_timeout_s)
        with self._lock:
            self._workers.pop(name, None)
            names = set(self._workers)
        with self.journal.step() as step:
            report_removed(step, names, Trail(str(new_id())))

    def stop(self) -> None:
        """Let every worker finish what it has in hand; a driver that hangs is left behind."""
        workers = self.workers()
        for worker in workers:
            worker.stop()
        for worker in workers:
            if not worker.join(self.settings.stop_timeout_s):
                log.warning("worker_hangs", device=worker.placed.name)

    def workers(self) -> list[Worker]:
        """All workers, in the order of the configuration."""
        with self._lock:
            return list(self._workers.values())

    def worker(self, name: str) -> Worker:
        """The worker of a device. Raises NotFound."""
        with self._lock:
            worker = self._workers.get(name)
        if worker is None:
            names = ", ".join(known.placed.name for known in self.workers()) or "none"
            raise NotFound(f"There is no device {name!r} at this PC; the devices are {names}.")
        return worker

    def placement(self) -> list[PlacedDevice]:
        """Where the devices are placed."""
        return [worker.placed for worker in self.workers()]

    def wake(self, name: str) -> None:
        """Tell a worker that there may be something to do; nothing happens if there is no such device."""
        with self._lock:
            worker = self._workers.get(name)
        if worker is not None:
            worker.wake()

    def trouble_of_terminal(self, name: str | None) -> Trouble | None:
        """Why a payment terminal cannot work now; None if it can, or is only being looked for. From any thread."""
        with self._lock:
            worker = self._workers.get(name or "")
        if worker is None:
            return Trouble(f"The payment terminal {name!r} is no longer listed for this PC.")
        health, error = worker.health, worker.last_error
        if health is STARTING or health.state not in (DeviceState.ABSENT, DeviceState.MISCONFIGURED):
            return None
        sentences = " ".join(filter(None, (health.detail, health.what_to_do)))
        return Trouble(sentences, error.at if error else None)

    def displays_of(self, till_id: UUID) -> list[Showing]:
        """The customer displays of a till."""
        return [
            worker.duty
            for worker in self.workers()
            if isinstance(worker.duty, Showing) and till_id in worker.placed.till_ids
        ]
