"""Puts a simulated device on a line, in a thread of its own, and brings the faults of the line about."""

from __future__ import annotations

import contextlib
import hashlib
import heapq
import itertools
import queue
import selectors
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence

from device_gateway.simulators.addresses import TcpPort, read_listen_address
from device_gateway.simulators.faults import (
    AnswerLostAfterEffect,
    CutAnswerAtByte,
    CutAtByte,
    Fault,
    Garbage,
    LateAnswer,
    NoAnswer,
)
from device_gateway.simulators.ports import Port, PtyPort, TcpDevicePort
from device_gateway.simulators.simulator import Reply, Simulator

BACK_AFTER_S = 1.0
STOP_TIMEOUT_S = 5.0
_RETRY_WRITE_S = 0.005
_LAST_BYTES_S = 0.02


@contextlib.contextmanager
def serving(simulator: Simulator, listen: str = "pty", *, back_after_s: float | None = BACK_AFTER_S) -> Iterator[str]:
    """Serve the simulator at `listen` (`pty`, `pty:LINK`, `tcp://127.0.0.1:PORT`); yields its address for a line.

    A cable that a fault has cut is plugged in again after `back_after_s` (None: never), and not cut again before it is
    given another such fault.
    `simulator.line.unplug()` and `.plug_in()` do it by hand. Raises WrongListenAddress or PortInUse.
    """
    where = read_listen_address(listen)
    port: Port = TcpDevicePort(where.port) if isinstance(where, TcpPort) else PtyPort(where.link)
    served = Serving(simulator, port, back_after_s)
    served.start()
    try:
        yield port.address
    finally:
        served.stop()


class Serving:
    """A simulator on its line. `say`, `unplug`, `plug_in` and `stop` may be called from any thread."""

    def __init__(self, simulator: Simulator, port: Port, back_after_s: float | None) -> None:
        self._simulator = simulator
        self._port = port
        self._back_after_s = back_after_s
        self._orders: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._wake, self._woken = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="simulated device", daemon=True)
        self._stopping = False
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._counter = itertools.count()
        self._unsent = b""
        self._received = 0
        self._sent = 0
        self._cut: dict[type[Fault], Fault] = {}
        self._being_cut = False

    def start(self) -> None:
        """Make the device appear. Raises PortInUse."""
        self._port.plug_in()
        self._simulator.line = self
        self._thread.start()
        self._order(self._appeared)

    def stop(self) -> None:
        """Make it vanish and end the thread."""
        self._order(self._stop)
        self._thread.join(STOP_TIMEOUT_S)
        self._simulator.line = None
        self._wake.close()

    @property
    def heard_bytes(self) -> int:
        return self._received

    @property
    def said_bytes(self) -> int:
        return self._sent

    def say(self, replies: Sequence[Reply]) -> None:
        self._order(lambda: self._answer(replies))

    def unplug(self) -> None:
        self._order(self._vanish)
        self._wait_for_orders()

    def plug_in(self) -> None:
        self._order(self._come_back)
        self._wait_for_orders()

    def _wait_for_orders(self) -> None:
        if threading.current_thread() is not self._thread:
            done = threading.Event()
            self._order(done.set)
            done.wait(STOP_TIMEOUT_S)

    def _order(self, what: Callable[[], None]) -> None:
        self._orders.put(what)
        with contextlib.suppress(OSError):
            self._wake.send(b"!")

    # --- from here on in the thread ---

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wait()
                self._carry_out_orders()
                while self._due and self._due[0][0] <= time.monotonic():
                    heapq.heappop(self._due)[2]()
                self._write_on()
        finally:
            self._port.close()
            self._woken.close()

    def _wait(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._woken, selectors.EVENT_READ)
            for descriptor in (self._port.waiting(), self._port.connection()):
                if descriptor is not None:
                    selector.register(descriptor, selectors.EVENT_READ)
            ready = {key.fd for key, _ in selector.select(self._next_s())}
        if self._port.waiting() in ready:
            self._port.accept()
            self._appeared()
        elif self._port.connection() in ready:
            self._read()

    def _next_s(self) -> float | None:
        if self._unsent:
            return _RETRY_WRITE_S
        return max(0.0, self._due[0][0] - time.monotonic()) if self._due else None

    def _carry_out_orders(self) -> None:
        self._woken.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            self._woken.recv(4096)
        while True:
            try:
                order = self._orders.get_nowait()
            except queue.Empty:
                return
            order()

    def _appeared(self) -> None:
        if self._port.connection() is not None:
            self._answer(self._simulator.connected())

    def _read(self) -> None:
        data = self._port.read()
        if not data:
            self._lose_line(self._port.drop)
            return
        cut = self._cut_in(CutAtByte, self._received, len(data))
        heard = data if cut is None else data[:cut]
        self._received += len(heard)
        if heard and NoAnswer not in self._simulator.faults:
            self._answer(self._simulator.received(heard))
        if cut is not None:
            self._cut_cable()

    def _answer(self, replies: Sequence[Reply]) -> None:
        """Say it now or when it is due, as far as the faults let it through."""
        faults = self._simulator.faults
        if NoAnswer in faults:
            return
        late = faults.of(LateAnswer)
        for reply in replies:
            if reply.after_effect and AnswerLostAfterEffect in faults:
                continue
            data = self._noise(len(reply.data)) if Garbage in faults else reply.data
            delay_s = reply.delay_s + (late.delay_s if late else 0.0)
            if delay_s > 0:
                self._later(delay_s, lambda data=data: self._send(data))  # type: ignore[misc]
            else:
                self._send(data)

    def _later(self, delay_s: float, what: Callable[[], None]) -> None:
        heapq.heappush(self._due, (time.monotonic() + delay_s, next(self._counter), what))

    def _send(self, data: bytes) -> None:
        if self._port.connection() is None or self._being_cut:
            return
        cut = self._cut_in(CutAnswerAtByte, self._sent, len(data))
        said = data if cut is None else data[:cut]
        self._sent += len(said)
        self._unsent += said
        self._write_on()
        if cut is not None:
            # What was said before the cut arrives; a moment later the cable is gone.
            self._being_cut = True
            self._later(_LAST_BYTES_S, self._cut_cable)

    def _write_on(self) -> None:
        if not self._unsent:
            return
        try:
            self._unsent = self._unsent[self._port.write(self._unsent) :]
        except OSError:
            self._lose_line(self._port.drop)

    def _noise(self, length: int) -> bytes:
        # The same noise in every run, so that what it provokes can be repeated.
        return hashlib.shake_128(b"noise %d" % self._sent).digest(length)

    def _cut_in(self, kind: type[CutAtByte | CutAnswerAtByte], done: int, coming: int) -> int | None:
        """After how many of the coming bytes the cable is to be cut; None if not among them, or if that fault did."""
        fault = self._simulator.faults.of(kind)
        if fault is None or self._cut.get(kind) is fault or done + coming < fault.byte:
            return None
        self._cut[kind] = fault
        return max(0, fault.byte - done)

    def _cut_cable(self) -> None:
        self._being_cut = False
        self._vanish()
        if self._back_after_s is not None:
            self._later(self._back_after_s, self._come_back)

    def _vanish(self) -> None:
        self._lose_line(self._port.unplug)

    def _lose_line(self, how: Callable[[], None]) -> None:
        was_connected = self._port.connection() is not None
        how()
        self._due.clear()
        self._unsent = b""
        # Who hangs up first has nothing left to be cut off from.
        self._being_cut = False
        if was_connected:
            self._simulator.disconnected()

    def _come_back(self) -> None:
        self._port.plug_in()
        self._appeared()

    def _stop(self) -> None:
        self._stopping = True
