"""A ZVT terminal that speaks the real bytes over TCP or a serial line, keeps a ledger, and has faults to order."""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from device_gateway.drivers.terminal.simulated_ledger import (
    RULE_HELP,
    Approve,
    Busy,
    Decline,
    LedgerEntry,
    NoCard,
    Rule,
    SharesUntold,
    SignatureWanted,
    TipAdded,
    WrongRule,
    read_rule,
)
from device_gateway.drivers.terminal.zvt import codes
from device_gateway.drivers.terminal.zvt.apdu import Apdu, ApduReader
from device_gateway.drivers.terminal.zvt.fields import MalformedFields, bcd, read_fields, write_fields
from device_gateway.drivers.terminal.zvt.messages import (
    CHARACTER_SET,
    NEGATIVE_WITH_CODE,
    NUMERIC_CURRENCIES,
    POSITIVE,
    WITH_STATUS,
    WITHOUT_PRINTING,
    Command,
    Tag,
)
from device_gateway.drivers.terminal.zvt.serial_frames import ACK, NAK, Framed, FrameReader, Sign, frame
from device_gateway.drivers.terminal.zvt.simulated_terminal import (
    DECLINED_CODE,
    NO_RECEIPT_CODE,
    WRONG_CURRENCY,
    ClosedDay,
    MoneyRequest,
    Refused,
    SimulatedCard,
    SimulatedZvtTerminal,
    Transaction,
    read_request,
)
from device_gateway.drivers.terminal.zvt.simulated_words import (
    completion_of_registration,
    slip_of,
    status_of,
    status_of_balance,
    status_of_day,
    text_block,
)
from device_gateway.simulators import (
    LINE_FAULTS,
    AnswerLostAfterEffect,
    Faults,
    Reply,
    SimulatedDevice,
    Simulator,
    SimulatorOptions,
)

_BUSY_CODE = 0x9C
_LINE_TO_SIGN_ON = "SIGNATURE ______________"
_PROTOCOL_ERROR_CODE = 0x9A
_PASSWORD_BYTES = 3
_CURRENCY_AT = 4
_RESULT_CODE = re.compile(r"(?!00)[0-9A-Fa-f]{2}")
_WITH_PASSWORD = frozenset({Command.REVERSAL, Command.REFUND})
_MONEY = frozenset(
    {
        Command.AUTHORISATION,
        Command.REVERSAL,
        Command.REFUND,
        Command.PRE_AUTHORISATION,
        Command.PARTIAL_REVERSAL,
        Command.BOOK_TOTAL,
        Command.PRE_AUTHORISATION_REVERSAL,
    }
)
_QUESTIONS = frozenset({Command.ACCOUNT_BALANCE, Command.REPEAT_RECEIPT, Command.END_OF_DAY, Command.DIAGNOSIS})
_SHARES: frozenset[int] = frozenset({Tag.CASH_BACK_AMOUNT, Tag.TIP_AMOUNT, Tag.PARTIAL_APPROVAL})


class ZvtSimulatorOptions(SimulatorOptions):
    """What `--set` may say."""

    serial: bool = Field(default=False, description="frames with checksum, as over a serial line")
    currency: str = Field(default="EUR", description="the currency of the ledger")
    card_number: str = Field(default="443056******1234", description="the card that is presented, * where masked")
    scheme: str = Field(default="Visa", description="the scheme of that card")
    text_blocks: bool = Field(default=True, description="slips as text blocks, one for each side; else line by line")
    slips: bool = Field(default=True, description="whether the terminal has slips printed by the till")
    finishes_when_cut_off: bool = Field(
        default=True, description="whether a transaction goes on when the line to the till is lost"
    )
    works_on_s: float = Field(default=0.0, ge=0, description="how long it is busy with that, in seconds")
    reads_shares: bool = Field(default=True, description="whether it knows cash-back, tips and partial approvals")
    says_what_it_reads: bool = Field(default=True, description="whether it says so when the till registers")
    balance_minor: int = Field(default=2550, ge=0, description="what is left on the card, in minor units")


@dataclass(frozen=True)
class _Step:
    """Something to say, after which the till's acknowledgement is awaited. `make` does it, at that moment."""

    make: Callable[[], list[Apdu]]
    after_effect: bool = False
    moves_money: bool = False


class ZvtSimulator(Simulator):
    """The terminal on its line. `rules` are for the next cards, one each; then every card is approved."""

    def __init__(self, options: ZvtSimulatorOptions, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self._options = options
        self._terminal = SimulatedZvtTerminal()
        self._lock = threading.RLock()
        self._reader = ApduReader()
        self._frames = FrameReader()
        self._last_frame = b""
        self._steps: deque[_Step] = deque()
        self._registered = False
        self._waiting_for_card = 0
        self._going_on: list[_Step] = []
        self._goes_on_until_s = 0.0
        self._reads = _SHARES if options.reads_shares else frozenset()
        self.card = SimulatedCard(options.card_number, options.scheme)
        self.rules: deque[Rule] = deque()

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        """What really moved, oldest first; what it is still busy with is finished first."""
        with self._lock:
            self._go_on(even_if_early=True)
            return self._terminal.ledger.entries

    def received(self, data: bytes) -> Sequence[Reply]:
        with self._lock:
            self._go_on(even_if_early=False)
            if self._options.serial:
                return self._received_frames(data)
            replies: list[Reply] = []
            for apdu in self._reader.feed(data):
                replies += self._taken(apdu)
            return replies

    def disconnected(self) -> None:
        with self._lock:
            self._reader = ApduReader()
            self._frames = FrameReader()
            self._registered = False
            self._waiting_for_card += 1
            left_over = [step for step in self._steps if step.moves_money]
            if left_over and self._options.finishes_when_cut_off:
                self._going_on = left_over
                self._goes_on_until_s = time.monotonic() + self._options.works_on_s
            self._steps.clear()

    def typed(self, text: str) -> None:
        rule = read_rule(text)
        if isinstance(rule, Decline) and not _RESULT_CODE.fullmatch(rule.code):
            raise WrongRule("A ZVT result code is two hexadecimal digits other than 00, as in decline 6C.")
        with self._lock:
            self.rules.append(rule)

    def _received_frames(self, data: bytes) -> list[Reply]:
        replies: list[Reply] = []
        for found in self._frames.feed(data):
            if isinstance(found, Framed):
                replies.append(Reply(bytes([ACK])))
                for apdu in ApduReader().feed(found.apdu):
                    replies += self._taken(apdu)
            elif found is Sign.BROKEN:
                replies.append(Reply(bytes([NAK])))
            elif found is Sign.NOT_ACKNOWLEDGED:
                replies.append(Reply(self._last_frame))
        return replies

    def _taken(self, apdu: Apdu) -> list[Reply]:
        if apdu.command >> 8 in (0x80, 0x84):
            return self._next_step()
        if apdu.command == Command.ABORT:
            return self._aborted()
        # A new request ends whatever was being said.
        self._steps.clear()
        if Busy in self.faults or self._going_on:
            return self._said([Apdu(0x8400 | _BUSY_CODE)])
        if apdu.command == Command.REGISTRATION:
            return self._registered_by(apdu)
        return self._said([POSITIVE]) + self._begun(apdu)

    def _registered_by(self, apdu: Apdu) -> list[Reply]:
        options = self._options
        # A till need not name a currency.
        if apdu.data[_CURRENCY_AT : _CURRENCY_AT + 2] not in (b"", bcd(self._numeric_currency, 2)):
            code = bytes([WRONG_CURRENCY]) + bcd(self._numeric_currency, 2)
            return self._said([Apdu(NEGATIVE_WITH_CODE, code)])
        self._registered = True
        told = (sorted(_MONEY | _QUESTIONS), sorted(self._reads)) if options.says_what_it_reads else ((), ())
        self._say_later([Apdu(Command.COMPLETION, completion_of_registration(self._numeric_currency, *told))])
        return self._said([POSITIVE]) + self._next_step()

    @property
    def _numeric_currency(self) -> int:
        return NUMERIC_CURRENCIES[self._options.currency]

    def _begun(self, apdu: Apdu) -> list[Reply]:
        match apdu.command:
            case _ if not self._registered:
                self._say_later([_aborted(codes.NOT_REGISTERED)])
            case Command.REPEAT_RECEIPT:
                self._say_later(self._repeated(apdu.data[_PASSWORD_BYTES:]))
            case Command.END_OF_DAY | Command.TURNOVER_TOTALS:
                self._steps.append(_Step(lambda: self._totals(apdu.command)))
            case Command.ACCOUNT_BALANCE:
                return self._begun_balance()
            case Command.DIAGNOSIS | Command.STATUS_ENQUIRY | Command.LOG_OFF:
                ready = b"\0" if apdu.command == Command.STATUS_ENQUIRY else b""
                self._say_later([Apdu(Command.INTERMEDIATE_STATUS, b"\x0e"), Apdu(Command.COMPLETION, ready)])
            case command if command in _MONEY:
                return self._begun_money(apdu)
            case _:
                self._say_later([_aborted(NO_RECEIPT_CODE)])
        return self._next_step()

    def _begun_money(self, apdu: Apdu) -> list[Reply]:
        try:
            fields = read_fields(apdu.data[_PASSWORD_BYTES if apdu.command in _WITH_PASSWORD else 0 :])
            request = read_request(apdu.command, fields, self._options.currency, self._reads)
        except MalformedFields:
            self._say_later([_aborted(DECLINED_CODE)])
            return self._next_step()
        rule = self.rules.popleft() if self.rules else Approve()
        self._say_later([Apdu(Command.INTERMEDIATE_STATUS, b"\x0a")])
        if isinstance(rule, NoCard):
            return self._next_step() + self._wait_for_card(rule)
        self._say_later([Apdu(Command.INTERMEDIATE_STATUS, b"\x04")])
        self._steps.append(_Step(lambda: self._carried_out(request, rule), after_effect=True, moves_money=True))
        return self._next_step()

    def _begun_balance(self) -> list[Reply]:
        rule = self.rules.popleft() if self.rules else Approve()
        self._say_later([Apdu(Command.INTERMEDIATE_STATUS, b"\x0a")])
        if isinstance(rule, NoCard):
            return self._next_step() + self._wait_for_card(rule)
        if isinstance(rule, Decline):
            self._say_later([_aborted(int(rule.code, 16))])
        else:
            status = status_of_balance(self._options.balance_minor, self._numeric_currency)
            self._say_later([Apdu(Command.STATUS_INFORMATION, status), Apdu(Command.COMPLETION)])
        return self._next_step()

    def _wait_for_card(self, rule: NoCard) -> list[Reply]:
        self._waiting_for_card += 1
        number = self._waiting_for_card
        timer = threading.Timer(rule.after_s, lambda: self._nobody_came(number))
        timer.daemon = True
        timer.start()
        return []

    def _nobody_came(self, number: int) -> None:
        with self._lock:
            if number == self._waiting_for_card:
                self._waiting_for_card += 1
                self.say(*self._said([_aborted(codes.CANCELLED)]))

    def _aborted(self) -> list[Reply]:
        """`06 B0`: stop waiting for a card; once money has moved there is nothing to stop."""
        self._waiting_for_card += 1
        self._steps.clear()
        return self._said([POSITIVE, _aborted(codes.CANCELLED)])

    def _carried_out(self, request: MoneyRequest, rule: Rule) -> list[Apdu]:
        tip = self.faults.of(TipAdded)
        adds_minor = tip.minor if tip is not None and request.command == Command.AUTHORISATION else 0
        card = replace(self.card, adds_tip_minor=adds_minor, signs=SignatureWanted in self.faults)
        done = self._terminal.carry_out(request, rule, card)
        if isinstance(done, Refused):
            self.tell(f"declined with {done.code:02X}")
            status = Apdu(Command.STATUS_INFORMATION, write_fields({0x27: bytes([done.code])}))
            return [status, _aborted(done.code)]
        self.tell(f"{done.entry.kind} of {done.entry.amount_minor} {done.entry.currency}")
        return [*self._told(done), Apdu(Command.COMPLETION)]

    def _told(self, transaction: Transaction) -> list[Apdu]:
        """The status of a transaction and its slips."""
        return [self._status_of(transaction), *self._slips_of(transaction)]

    def _status_of(self, transaction: Transaction) -> Apdu:
        tells_shares = SharesUntold not in self.faults
        status = status_of(transaction, self._terminal.terminal_id, self._numeric_currency, tells_shares=tells_shares)
        return Apdu(Command.STATUS_INFORMATION, status)

    def _slips_of(self, transaction: Transaction) -> list[Apdu]:
        if not self._options.slips:
            return []
        lines = slip_of(transaction)
        if self._options.text_blocks:
            signs = transaction.card.signs
            merchant = ("MERCHANT", *lines, _LINE_TO_SIGN_ON) if signs else ("MERCHANT", *lines)
            return [
                Apdu(Command.PRINT_TEXT_BLOCK, text_block(1, merchant, signed=signs)),
                Apdu(Command.PRINT_TEXT_BLOCK, text_block(2, ("CUSTOMER", *lines))),
            ]
        return [Apdu(Command.PRINT_LINE, b"\0" + line.encode(CHARACTER_SET, "replace")) for line in lines]

    def _repeated(self, fields: bytes) -> list[Apdu]:
        """As the service byte says: without its first bit the status is not told, with its second nothing printed."""
        last = self._terminal.last
        if last is None:
            return [_aborted(NO_RECEIPT_CODE)]
        try:
            service = read_fields(fields).get(0x03, b"\0")[0]
        except MalformedFields:
            return [_aborted(_PROTOCOL_ERROR_CODE)]
        if isinstance(last, ClosedDay):
            status, slips = Apdu(Command.STATUS_INFORMATION, status_of_day(last)), []
        else:
            status, slips = self._status_of(last), self._slips_of(last)
        return [
            *([status] if service & WITH_STATUS else []),
            *([] if service & WITHOUT_PRINTING else slips),
            Apdu(Command.COMPLETION),
        ]

    def _totals(self, command: int) -> list[Apdu]:
        if command == Command.END_OF_DAY:
            status = status_of_day(self._terminal.close_day())
        else:
            status = write_fields({0x27: b"\0", 0x04: bcd(0, 6), 0x60: self._terminal.totals()})
        return [Apdu(Command.STATUS_INFORMATION, status), Apdu(Command.COMPLETION)]

    def _say_later(self, apdus: Sequence[Apdu]) -> None:
        self._steps += [_Step(lambda apdu=apdu: [apdu]) for apdu in apdus]  # type: ignore[misc]

    def _next_step(self) -> list[Reply]:
        """Take the next step; what it leaves to say after its first message become steps of their own."""
        if not self._steps:
            return []
        step = self._steps.popleft()
        first, *more = step.make()
        self._steps.extendleft(
            reversed([_Step(lambda apdu=apdu: [apdu], after_effect=step.after_effect) for apdu in more])  # type: ignore[misc]
        )
        return self._said([first], after_effect=step.after_effect)

    def _go_on(self, *, even_if_early: bool) -> None:
        """Finish alone what was begun when the line was lost."""
        if self._going_on and (even_if_early or time.monotonic() >= self._goes_on_until_s):
            for step in self._going_on:
                step.make()
            self._going_on.clear()

    def _said(self, apdus: Sequence[Apdu], *, after_effect: bool = False) -> list[Reply]:
        replies: list[Reply] = []
        for apdu in apdus:
            encoded = apdu.encode()
            self._last_frame = frame(encoded) if self._options.serial else encoded
            replies.append(Reply(self._last_frame, after_effect=after_effect))
        return replies


def _aborted(code: int) -> Apdu:
    return Apdu(Command.ABORTED, bytes([code]))


simulated = SimulatedDevice(
    options=ZvtSimulatorOptions,
    make=ZvtSimulator,
    faults=(*LINE_FAULTS, AnswerLostAfterEffect, Busy, SharesUntold, SignatureWanted, TipAdded),
    typing=RULE_HELP,
)
