"""A line to a simulated printer without sockets and without waiting: its clock goes on while somebody reads."""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Sequence
from uuid import UUID

from device_gateway.drivers.interface import DeviceAbsent
from device_gateway.drivers.lines import LineBroken, LineStalled
from device_gateway.drivers.printer.escpos.driver import EscposPrinter
from device_gateway.drivers.printer.escpos.options import EscposOptions
from device_gateway.drivers.printer.escpos.profiles import profile_named
from device_gateway.drivers.printer.escpos.simulator import PrinterSimulator
from device_gateway.simulators.faults import AnswerLostAfterEffect, Garbage, LateAnswer, NoAnswer
from device_gateway.simulators.simulator import Reply

JOB = UUID("018f6d2a-7c3e-7d51-9a44-2b6c0e9f1a77")
OTHER_JOB = UUID("018f6d2a-7c3e-7d51-9a44-2b6c0e9f2b88")


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class MemoryLine:
    """The line. It breaks when `cut_at` bytes have been delivered; the writer hears of it at once, or, where
    `notices` is false, as over a network, only when he reads. It takes nothing any more from `stalls_at` bytes on.
    """

    def __init__(
        self,
        simulator: PrinterSimulator,
        clock: Clock,
        *,
        cut_at: int | None = None,
        notices: bool = True,
        stalls_at: int | None = None,
        answers: bool = True,
    ) -> None:
        self._simulator = simulator
        self._clock = clock
        self.cut_at = cut_at
        self._notices = notices
        self.stalls_at = stalls_at
        self.answers = answers
        self.delivered = 0
        self._order = itertools.count()
        self._said: list[tuple[float, int, bytes]] = []
        self._said_bytes = 0
        self._broken = False
        simulator.line = self

    @property
    def heard_bytes(self) -> int:
        """How many bytes have reached the printer."""
        return self.delivered

    @property
    def said_bytes(self) -> int:
        """How many bytes it has said."""
        return self._said_bytes

    def say(self, replies: Sequence[Reply]) -> None:
        """The printer says something unasked."""
        faults = self._simulator.faults
        late = faults.of(LateAnswer)
        for reply in replies:
            if NoAnswer in faults or (reply.after_effect and AnswerLostAfterEffect in faults):
                continue
            said = hashlib.shake_128(reply.data).digest(len(reply.data)) if Garbage in faults else reply.data
            due = self._clock.now + reply.delay_s + (late.delay_s if late else 0.0)
            heapq.heappush(self._said, (due, next(self._order), said))
            self._said_bytes += len(said)

    def unplug(self) -> None:
        self._broken = True

    def plug_in(self) -> None:
        self._broken = False

    def write(self, data: bytes) -> None:
        if self._broken:
            raise LineBroken("The line is gone.", 0)
        limits = [limit - self.delivered for limit in (self.cut_at, self.stalls_at) if limit is not None]
        passed = data[: max(0, min(limits))] if limits else data
        self._deliver(passed)
        if len(passed) == len(data):
            return
        if self.cut_at is not None and self.delivered >= self.cut_at:
            self._broken = True
            self._simulator.disconnected()
            if self._notices:
                raise LineBroken("The line is gone.", len(passed))
            return
        self._clock.now += 5
        raise LineStalled("It takes nothing.", len(passed))

    def read(self, limit: int, timeout_s: float) -> bytes:
        until = self._clock.now + timeout_s
        if self._said and self._said[0][0] <= until:
            due, _, data = heapq.heappop(self._said)
            self._clock.now = max(self._clock.now, due)
            return data
        if self._broken:
            raise DeviceAbsent("The line is gone.")
        # Reading without waiting costs a little time too, else a waiting loop would never end.
        self._clock.now = until + 0.001
        return b""

    def unsent(self) -> int:
        return 0

    def close(self) -> None:
        self._broken = True

    def _deliver(self, data: bytes) -> None:
        self.delivered += len(data)
        if data and NoAnswer not in self._simulator.faults:
            self.say(self._simulator.received(data))


def printer_on(line: MemoryLine, clock: Clock, **options: object) -> EscposPrinter:
    """The driver on that line, as the gateway opens it."""
    asked = EscposOptions.model_validate({"address": "tcp://printer:9100", "profile": "TM-T20II", **options})
    printer = EscposPrinter(line, asked, profile_named(asked.profile or "default", asked.code_pages), clock)
    printer.start()
    return printer
