"""A gateway with a payment terminal, and payments' end of the bus: commands go in, answers come out."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

from device_gateway.configuration import ConfiguredDevice
from device_gateway.domain.placement import PlacedDevice
from device_gateway.drivers.terminal.nexo.driver import driver as nexo_driver
from device_gateway.drivers.terminal.nexo.simulator import NexoSimulator
from device_gateway.drivers.terminal.simulated_ledger import Rule
from device_gateway.drivers.terminal.zvt.driver import ZvtOptions
from device_gateway.drivers.terminal.zvt.driver import driver as zvt_driver
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.journal_terminals import TerminalSteps
from device_gateway.simulators import serving
from libs.bus.consumer import Consumer
from libs.bus.envelope import from_headers
from libs.bus.transport import Delivery
from libs.contracts.terminals import OperateTerminal, TerminalAction, TerminalAnswered
from libs.persistence import new_id
from tests.integration.device_gateway.core.stand import GATEWAY, STORE, TILL, Server, Stand, later, stand, until
from tests.integration.device_gateway.terminals.nexo.terminals import options_for as nexo_options
from tests.integration.device_gateway.terminals.nexo.terminals import simulator as nexo_simulator

NAME = "card-terminal"
VALID_S = 60.0
HEARD_WITHIN_S = 10.0
DRIVERS = ("zvt", "nexo")
SimulatedTerminal = ZvtSimulator | NexoSimulator
GIVES_UP_SOON: dict[str, dict[str, Any]] = {"zvt": {"answer_timeout_s": 0.4}, "nexo": {"operation_timeout_s": 0.4}}
"""Options of a driver that is to lose an answer without keeping a test waiting."""
QUICK_ZVT: dict[str, Any] = {
    "connect_timeout_s": 2,
    "acknowledge_timeout_s": 2,
    "answer_timeout_s": 10,
    "inquiry_timeout_s": 2,
}


async def _nothing(*_: object) -> None:
    """Deliveries go to the sink."""


ANSWERS = Consumer("testing.answers", {TerminalAnswered: _nothing}, prefetch=200)


def simulated(driver: str, **options: Any) -> SimulatedTerminal:
    """A fresh terminal of a driver."""
    return ZvtSimulator(ZvtSimulatorOptions(**options)) if driver == "zvt" else nexo_simulator(**options)


def wired(driver: str, address: str, folder: Path, *, name: str = NAME, **options: Any) -> ConfiguredDevice:
    """The terminal at an address, as devices.toml would list it."""
    placed = PlacedDevice(name, "terminal", driver, (TILL,))
    if driver == "zvt":
        memory = {"memory_file": folder / f"{name}.memory"}
        return ConfiguredDevice(
            placed, zvt_driver, ZvtOptions.model_validate({"address": address, **QUICK_ZVT, **memory, **options})
        )
    return ConfiguredDevice(placed, nexo_driver, nexo_options(address, **options))


@dataclass
class BusEnd:
    """Payments' end of a bus. `answers` are what it heard, in order, each message once."""

    server: Server
    answers: list[TerminalAnswered] = field(default_factory=list)
    _heard: set[str] = field(default_factory=set)
    _by_operation: dict[UUID, list[TerminalAnswered]] = field(default_factory=lambda: defaultdict(list))
    _hearing: dict[UUID, asyncio.Event] = field(default_factory=lambda: defaultdict(asyncio.Event))

    async def listen(self) -> None:
        await self.server.transport.attach(ANSWERS, self._hear)

    def _hear(self, delivery: Delivery) -> None:
        envelope = from_headers(delivery.headers, delivery.body)
        if envelope.id not in self._heard:
            self._heard.add(envelope.id)
            answer = TerminalAnswered.parse(delivery.body)
            self.answers.append(answer)
            self._by_operation[answer.operation_id].append(answer)
            self._hearing[answer.operation_id].set()
        delivery.ack()

    async def sends(self, command: OperateTerminal, valid_s: float = VALID_S, *, times: int = 1) -> None:
        await self.server.send(command, later(valid_s), times=times)

    async def asks(self, action: TerminalAction, amount_minor: int = 0, **facts: Any) -> TerminalAnswered:
        """Send an operation and wait for its answer."""
        command = order(action, amount_minor, **facts)
        await self.sends(command)
        return await self.hears(command.operation_id)

    async def asks_about(self, operation_id: UUID, amount_minor: int = 0, **facts: Any) -> TerminalAnswered:
        """Send an inquiry about an operation and wait for its answer."""
        return await self.asks("inquiry", amount_minor, inquired_operation_id=operation_id, **facts)

    async def hears(self, operation_id: UUID, within_s: float = HEARD_WITHIN_S) -> TerminalAnswered:
        """Wait for the answer to an operation; there is exactly one."""
        async with asyncio.timeout(within_s):
            await self._hearing[operation_id].wait()
        [answer] = self.answers_to(operation_id)
        return answer

    def answers_to(self, operation_id: UUID) -> list[TerminalAnswered]:
        return list(self._by_operation[operation_id])


class Payments(BusEnd):
    """Payments' end of a gateway's bus."""

    def __init__(self, shop: Stand) -> None:
        super().__init__(shop.server)
        self.shop = shop

    async def knows(self, operation_id: UUID) -> None:
        """Wait until the gateway's journal holds an outcome of an operation, also one that was told before."""
        await until(lambda: self._in_journal(operation_id) is not None)

    def stored(self, operation_id: UUID) -> TerminalAnswered:
        """The answer to an operation that the gateway's journal holds."""
        answer = self._in_journal(operation_id)
        assert answer is not None
        return answer

    def _in_journal(self, operation_id: UUID) -> TerminalAnswered | None:
        with self.shop.gateway.parts.journal.step() as step:
            operation = TerminalSteps(step).get(operation_id)
        return operation.answer if operation is not None else None


def order(action: TerminalAction, amount_minor: int = 0, **facts: Any) -> OperateTerminal:
    """A command of payments."""
    return OperateTerminal(
        **{
            "gateway_id": GATEWAY,
            "store_id": STORE,
            "till_id": TILL,
            "operation_id": new_id(),
            "intent_id": new_id(),
            "action": action,
            "currency": "EUR",
            "amount_minor": amount_minor,
            **facts,
        }
    )


@contextmanager
def on_a_line(terminal: SimulatedTerminal) -> Iterator[str]:
    """The terminal on a TCP port; yields its address."""
    with serving(terminal, "tcp://127.0.0.1:0", back_after_s=0.01) as address:
        yield address


@asynccontextmanager
async def at_work(
    folder: Path, devices: Sequence[ConfiguredDevice], *, ready: bool = True, **settings: Any
) -> AsyncIterator[Payments]:
    """A gateway with these devices, and payments."""
    async with stand(folder, devices, **settings) as shop:
        payments = Payments(shop)
        await payments.listen()
        if ready:
            for device in devices:
                await shop.device_is(device.name, "ready")
        yield payments


@asynccontextmanager
async def with_terminal(
    folder: Path, driver: str = "zvt", *, card_number: str | None = None, **options: Any
) -> AsyncIterator[tuple[Payments, SimulatedTerminal]]:
    """A gateway with one simulated terminal; `options` are the driver's."""
    terminal = simulated(driver, **({"card_number": card_number} if card_number else {}))
    with on_a_line(terminal) as address:
        async with at_work(folder, [wired(driver, address, folder, **options)]) as payments:
            yield payments, terminal


def next_card(terminal: SimulatedTerminal, *rules: Rule) -> None:
    """Decide what happens to the next cards, one rule each."""
    (terminal.rules if isinstance(terminal, ZvtSimulator) else terminal.terminal.rules).extend(rules)


def moved(terminal: SimulatedTerminal) -> list[tuple[str, int]]:
    """What the terminal really moved, oldest first."""
    return [(entry.kind, entry.amount_minor) for entry in terminal.ledger]
