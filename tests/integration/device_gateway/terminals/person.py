"""What surrounds a driver in a shop, for drivers whose protocol cannot be asked for a past operation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from device_gateway.domain.card_operations import Approved, CardOperation, NotFound, NotSent, OperationResult, Unknown
from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import DeviceAbsent, Terminal
from tests.integration.device_gateway.terminals.history import Movement, SimulatedTerminal

_ACTIONS = {"charge": "purchase", "refund": "refund", "reversal": "reversal"}


class WorkerAndPerson:
    """What surrounds the driver in a shop: a worker that opens it again after trouble, and a person who reads the
    terminal's journal when an outcome stays unknown.
    """

    def __init__(self, opened: Callable[[], Terminal], simulated: SimulatedTerminal) -> None:
        self._opened = opened
        self._terminal: Terminal | None = opened()
        self._simulated = simulated
        self._before: Sequence[Movement] = ()

    def perform(self, operation: CardOperation, progress: Callable[[str, str], None]) -> OperationResult:
        self._before = self._simulated.movements()
        return self._perform(operation)

    def _perform(self, operation: CardOperation) -> OperationResult:
        if self._terminal is None:
            try:
                self._terminal = self._opened()
            except DeviceAbsent as error:
                return NotSent(str(error))
        result = self._terminal.perform(operation, _ignore)
        if not isinstance(result, Approved):
            self.close()
        return result

    def inquire(self, operation: CardOperation) -> OperationResult:
        """The person sees that the terminal works again, then reads its journal."""
        working = self._perform(replace(operation, action="diagnosis"))
        if not isinstance(working, Approved):
            return Unknown("The terminal does not work yet.")
        new = self._simulated.movements()[len(self._before) :]
        if not new:
            return NotFound("The terminal's journal has no such operation.")
        assert len(new) == 1
        assert _ACTIONS[new[0].kind] == operation.sent_action
        return Approved(new[0].amount_minor)

    def abort(self) -> None:
        """Nothing to stop."""

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        return ()

    def close(self) -> None:
        if self._terminal is not None:
            self._terminal.close()
            self._terminal = None


def _ignore(stage: str, text: str) -> None:
    """Nobody watches the progress."""
