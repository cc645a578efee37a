"""The demo's payment terminals: simulated ones that speak the real bytes, and one that stands alone on the counter.

Each keeps a ledger of what it really moved, and does to order what happens in a shop: a card is declined, has only a
part of the money, or the line is cut at the worst moment, before the terminal has charged the card or right after.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from device_gateway.drivers.terminal.inpas.fields import OPERATION_CODES, Field
from device_gateway.drivers.terminal.inpas.simulator import InpasSimulator, InpasSimulatorOptions
from device_gateway.drivers.terminal.nexo.simulator import NexoSimulator, NexoSimulatorOptions
from device_gateway.drivers.terminal.process_and_files.simulator import install
from device_gateway.drivers.terminal.simulated_ledger import ApprovePart, Decline, Ledger, LedgerEntry
from device_gateway.drivers.terminal.zvt.apdu import ApduReader
from device_gateway.drivers.terminal.zvt.messages import Command
from device_gateway.drivers.terminal.zvt.simulated_terminal import SimulatedCard
from device_gateway.drivers.terminal.zvt.simulator import ZvtSimulator, ZvtSimulatorOptions
from device_gateway.simulators import Reply, Simulator

CURRENCY, CURRENCY_NUMBER = "EUR", "978"
STANDALONE = "counter-terminal"
_PASSPHRASE = "demo-passphrase"  # noqa: S105 - shared with a simulator
_TERMINAL_ID = "00010001"


class Lost(StrEnum):
    """When the line to a terminal is cut; the till cannot tell one from the other."""

    BEFORE = "cut before charging"
    AFTER = "cut after charging"


@dataclass(frozen=True, slots=True)
class Slip:
    """What the cashier reads off a terminal: its slip, or its own journal."""

    approval_code: str
    last_four: str
    scheme: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A card as a terminal names it: masked, as it must be."""

    masked_number: str
    scheme: str

    @property
    def last_four(self) -> str:
        """What may be read off it."""
        return self.masked_number[-4:]


CARDS = (
    Card("443056******1234", "Visa"),
    Card("535110******4425", "Mastercard"),
    Card("443056******7719", "Visa"),
    Card("374501*****1008", "American Express"),
)


class Terminal(ABC):
    """A terminal at a till, as customers and cashiers meet it. Orders are for the next card."""

    kind: ClassVar[str]
    driver: ClassVar[str]
    knows_earlier: ClassVar[bool]
    """Whether it can be asked what became of an earlier payment."""
    approves_in_part: ClassVar[bool]
    voids_by_hand: ClassVar[bool] = False
    """Whether a payment whose answer was lost must be voided at the terminal itself: it wants a number of its own."""
    not_in_totals: ClassVar[str | None] = None
    """What its end of day leaves out, as the office explains the differences that follow from it."""

    def __init__(self, till_code: str) -> None:
        self.name = f"card-terminal-{till_code}"

    @property
    @abstractmethod
    def ledger(self) -> Sequence[LedgerEntry]:
        """What it really moved, oldest first."""

    @abstractmethod
    def present(self, card: Card) -> None:
        """The customer takes out a card; terminals that name no scheme do not care which."""

    @abstractmethod
    def decline_next(self) -> None:
        """The bank will say no."""

    def approve_part_of_next(self, amount_minor: int) -> None:
        """There is only so much on the card."""
        raise NotImplementedError(f"{self.kind} approves no parts")

    @abstractmethod
    def lose_next(self, when: Lost) -> None:
        """The line will be cut."""

    def slip_of(self, entry: LedgerEntry) -> Slip:
        """What its journal says of a charge, for terminals that cannot be asked."""
        raise NotImplementedError(f"{self.kind} is asked, not read")

    def void_by_hand(self, entry: LedgerEntry) -> None:
        """The cashier voids a charge with the terminal's own keys."""
        raise NotImplementedError(f"{self.kind} is voided from the till")


class LineCutter(Simulator):
    """A simulator whose line can be cut, once, just before or just after it has charged a card."""

    cut: Lost | None = None

    def asks_for_money(self, data: bytes) -> bool:
        """Whether a request that charges a card is in what came."""
        return data.startswith(b"POST")

    def received(self, data: bytes) -> Sequence[Reply]:
        if self.cut is Lost.BEFORE and self.asks_for_money(data):
            return self._cut_off()
        replies = super().received(data)
        if self.cut is Lost.AFTER and any(reply.after_effect for reply in replies):
            return self._cut_off()
        return replies

    def _cut_off(self) -> Sequence[Reply]:
        self.cut = None
        assert self.line is not None, "what hears something is on a line"
        self.line.unplug()
        self.line.plug_in()
        return ()


class _CuttableZvt(LineCutter, ZvtSimulator):
    def asks_for_money(self, data: bytes) -> bool:
        # It may come in one piece with the acknowledgement of what was said before.
        return any(apdu.command == Command.AUTHORISATION for apdu in ApduReader().feed(data))


class _CuttableNexo(LineCutter, NexoSimulator):
    pass


class _CuttableInpas(LineCutter, InpasSimulator):
    pass


class LineTerminal(Terminal):
    """A terminal at the end of a line."""

    simulator: LineCutter

    @abstractmethod
    def options(self, address: str, folder: Path) -> dict[str, object]:
        """What would stand in devices.toml for the terminal at `address`; `folder` is for its files."""

    def lose_next(self, when: Lost) -> None:
        self.simulator.cut = when


class ZvtTerminal(LineTerminal):
    """As in Germany: over the shop's network, and with a tongue of its own."""

    kind, driver = "ZVT", "zvt"
    knows_earlier, approves_in_part = True, True
    not_in_totals = "ZVT's totals hold no refunds; they are on the terminal's slip."

    def __init__(self, till_code: str) -> None:
        super().__init__(till_code)
        self.simulator: _CuttableZvt = _CuttableZvt(ZvtSimulatorOptions(currency=CURRENCY))

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        return self.simulator.ledger

    def present(self, card: Card) -> None:
        self.simulator.card = SimulatedCard(card.masked_number, card.scheme)

    def decline_next(self) -> None:
        self.simulator.rules.append(Decline("71"))

    def approve_part_of_next(self, amount_minor: int) -> None:
        self.simulator.rules.append(ApprovePart(amount_minor))

    def options(self, address: str, folder: Path) -> dict[str, object]:
        return {"address": address, "currency": CURRENCY, "memory_file": str(folder / f"{self.name}.memory")}


class NexoTerminal(LineTerminal):
    """As Adyen's: encrypted messages over HTTP."""

    kind, driver = "nexo", "nexo"
    knows_earlier, approves_in_part = True, True

    def __init__(self, till_code: str) -> None:
        super().__init__(till_code)
        self.simulator: _CuttableNexo = _CuttableNexo(NexoSimulatorOptions(passphrase=_PASSPHRASE))

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        return self.simulator.ledger

    def present(self, card: Card) -> None:
        self.simulator.terminal.masked_pan = card.masked_number
        self.simulator.terminal.scheme = card.scheme

    def decline_next(self) -> None:
        self.simulator.terminal.rules.append(Decline("Refusal"))

    def approve_part_of_next(self, amount_minor: int) -> None:
        self.simulator.terminal.rules.append(ApprovePart(amount_minor))

    def options(self, address: str, folder: Path) -> dict[str, object]:
        return {
            "address": address,
            "sale_id": self.name,
            "poi_id": f"V400m-{self.name}",
            "key_identifier": "mykey",
            "key_version": 1,
            "passphrase": _PASSPHRASE,
        }


class InpasTerminal(LineTerminal):
    """As in Russia: XML to a service on the store PC. It cannot be asked for a past payment."""

    kind, driver = "INPAS", "inpas"
    knows_earlier, approves_in_part = False, False
    voids_by_hand = True

    def __init__(self, till_code: str) -> None:
        super().__init__(till_code)
        self.simulator: _CuttableInpas = _CuttableInpas(InpasSimulatorOptions(currency=CURRENCY))

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        return self.simulator.ledger

    def present(self, card: Card) -> None:
        """It names no scheme."""

    def decline_next(self) -> None:
        self.simulator.next_status = "16"

    def slip_of(self, entry: LedgerEntry) -> Slip:
        return Slip(f"{entry.number:06d}", "1234")

    def void_by_hand(self, entry: LedgerEntry) -> None:
        keyed: dict[int, str] = {
            Field.OPERATION: OPERATION_CODES["reversal"],
            Field.AMOUNT: str(entry.amount_minor),
            Field.RETRIEVAL_REFERENCE: f"{entry.number:012d}",
        }
        self.simulator.answer(keyed)

    def options(self, address: str, folder: Path) -> dict[str, object]:
        line = f"{address.replace('tcp://', 'http://')}/"
        currency = {"currency": CURRENCY, "currency_number": CURRENCY_NUMBER}
        return {"line": line, "terminal_id": _TERMINAL_ID, **currency}


class SberbankTerminal(Terminal):
    """As in Russia: a program of the bank's, started for each payment, that leaves its result in files."""

    kind, driver = "Sberbank", "process_and_files"
    knows_earlier, approves_in_part = False, False
    not_in_totals = "The bank's program tells no totals; they are on the terminal's slip."

    def __init__(self, till_code: str, folder: Path) -> None:
        super().__init__(till_code)
        self._installed = install(folder / self.name, "sberbank")

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        return self._installed.ledger

    def present(self, card: Card) -> None:
        """It names no scheme."""

    def decline_next(self) -> None:
        self._installed.order(decline="4451")

    def lose_next(self, when: Lost) -> None:
        if when is Lost.BEFORE:
            self._installed.order(killed_before=True)
        else:
            self._installed.order(killed_at_byte=0)

    def slip_of(self, entry: LedgerEntry) -> Slip:
        return Slip("123456", "1234")

    def options(self) -> dict[str, object]:
        """What would stand in devices.toml."""
        return {
            "dialect": "sberbank",
            "program": str(self._installed.program),
            "state_folder": str(self._installed.folder / "state"),
            "currency": CURRENCY,
            "currency_number": CURRENCY_NUMBER,
        }


def terminal_for(index: int, till_code: str, folder: Path) -> Terminal:
    """The terminal of the till with that index: each kind in turn."""
    kinds = (ZvtTerminal, NexoTerminal, InpasTerminal)
    place = index % (len(kinds) + 1)
    return SberbankTerminal(till_code, folder) if place == len(kinds) else kinds[place](till_code)


class StandaloneTerminal:
    """No wire leads to it: the cashier keys the amount in there, and types what its slip says at the till."""

    kind = "standalone"
    name = STANDALONE
    place = "the counter"

    def __init__(self) -> None:
        self._ledger = Ledger()

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        """What it really moved, oldest first."""
        return self._ledger.entries

    def pay(self, amount_minor: int, card: Card) -> Slip:
        """Charge a card."""
        entry = self._ledger.add("charge", amount_minor, CURRENCY, card.scheme)
        return Slip(f"C{entry.number:05d}", card.last_four, card.scheme)

    def totals(self) -> list[dict[str, object]]:
        """The slip of its end of day, a line for each scheme."""
        return [
            {"scheme": scheme, "sale_count": len(amounts), "sale_minor": sum(amounts)}
            for scheme in sorted({entry.scheme for entry in self.ledger})
            for amounts in [[entry.amount_minor for entry in self.ledger if entry.scheme == scheme]]
        ]
