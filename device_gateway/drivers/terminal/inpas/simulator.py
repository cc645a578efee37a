"""A simulated INPAS terminal: speaks HTTP or serial frames, whichever it hears, and keeps a ledger of its charges."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import Field as Described

from device_gateway.drivers.terminal.inpas.fields import APPROVED, DECLINED, Field, FieldSet
from device_gateway.drivers.terminal.inpas.framing import (
    ACKNOWLEDGED,
    END_OF_TRANSMISSION,
    NOT_ACKNOWLEDGED,
    Control,
    FrameReader,
    Packet,
    write_frame,
)
from device_gateway.drivers.terminal.inpas.xml_body import WrongBody, read_body, write_body
from device_gateway.drivers.terminal.simulated_ledger import (
    Approve,
    Decline,
    Ledger,
    LedgerEntry,
    MovedKind,
    WrongRule,
    read_rule,
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

_ENCODING = "cp1251"
_WAIT = {int(Field.OPERATION): "21"}
_REPEATED = (Field.OPERATION, Field.AMOUNT, Field.CURRENCY, Field.TERMINAL_ID, Field.TERMINAL_TRANSACTION_ID)
_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"(?i)^content-length:\s*([0-9]{1,6})\s*$", re.MULTILINE)


class InpasSimulatorOptions(SimulatorOptions):
    """What the simulated bank does."""

    decline_above_minor: int = Described(default=1_000_000, description="amounts above it are declined")
    repeats_lost_answers: bool = Described(
        default=False, description="on a serial line: what was not acknowledged is said again before the next answer"
    )
    currency: str = Described(default="RUB", description="the currency of the ledger")
    scheme: str = Described(default="MIR", description="the scheme of the card that is presented")


class InpasSimulator(Simulator):
    """The terminal and its bank. `ledger` is what really happened; `next_status` is what it says next, once."""

    def __init__(self, options: InpasSimulatorOptions | None = None, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self._options = options or InpasSimulatorOptions()
        self._ledger = Ledger()
        self._day_began_after = 0
        self.asked: list[dict[int, str]] = []
        self.next_status: str | None = None
        self._last_slip = ""
        self._lost_answer = b""
        self._pending = b""
        self._frames = FrameReader(_ENCODING)
        self._web: bool | None = None
        self._said_last = b""
        self._acknowledgements_left = 0

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        """What was really moved, oldest first."""
        return self._ledger.entries

    @property
    def charged_minor(self) -> int:
        """What is charged in all, what went back taken off."""
        return sum(entry.amount_minor if entry.kind == "charge" else -entry.amount_minor for entry in self.ledger)

    def typed(self, text: str) -> None:
        rule = read_rule(text)
        if not isinstance(rule, Approve | Decline):
            raise WrongRule("This terminal can only be told approve, or decline STATUS with a status of field 39.")
        self.next_status = rule.code if isinstance(rule, Decline) else APPROVED

    def connected(self) -> Sequence[Reply]:
        self._reset()
        return ()

    def disconnected(self) -> None:
        if self._options.repeats_lost_answers:
            self._lost_answer = self._said_last or self._lost_answer
        self._reset()

    def _reset(self) -> None:
        self._pending = b""
        self._frames = FrameReader(_ENCODING)
        self._web = None
        self._said_last = b""
        self._acknowledgements_left = 0

    def received(self, data: bytes) -> Sequence[Reply]:
        if self._web is None:
            self._web = data[:1].isalpha()
        return self._heard_web(data) if self._web else self._heard_frames(data)

    def _heard_web(self, data: bytes) -> Sequence[Reply]:
        self._pending += data
        head, end, body = self._pending.partition(_HEAD_END)
        length = _LENGTH.search(head)
        if not end or length is None or len(body) < int(length[1]):
            return ()
        self._pending = b""
        try:
            request = read_body(body[: int(length[1])])
        except WrongBody:
            return (Reply(_http(b"", "400 Bad Request")),)
        answer = write_body(self.answer(request)).replace(b"request>", b"response>")
        return (Reply(_http(answer, "200 OK"), after_effect=True),)

    def _heard_frames(self, data: bytes) -> Sequence[Reply]:
        replies: list[Reply] = []
        for heard in self._frames.feed(data):
            if isinstance(heard, Packet):
                replies.append(Reply(bytes((ACKNOWLEDGED,))))
                self._acknowledgements_left = 2
                if self._lost_answer:
                    replies.append(Reply(self._lost_answer))
                    self._acknowledgements_left += 1
                    self._lost_answer = b""
                replies.append(Reply(write_frame(_WAIT, _ENCODING)))
                self._said_last = write_frame(self.answer(heard.fields), _ENCODING)
                replies.append(Reply(self._said_last, after_effect=True))
            elif heard == Control(NOT_ACKNOWLEDGED) and self._said_last:
                replies.append(Reply(self._said_last, after_effect=True))
            elif heard == Control(ACKNOWLEDGED) and self._acknowledgements_left:
                self._acknowledgements_left -= 1
                if not self._acknowledgements_left:
                    self._said_last = b""
                    replies.append(Reply(bytes((END_OF_TRANSMISSION,))))
        return replies

    def answer(self, request: FieldSet) -> dict[int, str]:
        """Carry a request out and say what became of it."""
        self.asked.append(dict(request))
        operation = request.get(Field.OPERATION, "")
        if operation == "63":
            return self._command(request)
        answer = {int(field): request[field] for field in _REPEATED if field in request}
        answer[Field.TERMINAL_TIME] = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
        status = self.next_status or self._decision(operation, request)
        self.next_status = None
        answer[Field.STATUS] = status
        if status == APPROVED and operation in ("1", "4", "29"):
            answer |= self._book(operation, request)
        elif status == APPROVED and operation == "59":
            answer |= self._settle()
        elif status == DECLINED:
            answer |= {Field.HOST_RESPONSE: "51", Field.TEXT: "НЕДОСТАТОЧНО СРЕДСТВ"}
        return {int(number): text for number, text in answer.items()}

    def _command(self, request: FieldSet) -> dict[int, str]:
        """The last receipt, which comes without a status; other commands are not known."""
        told = {int(field): request[field] for field in (Field.OPERATION, Field.TERMINAL_ID) if field in request}
        if (request.get(Field.COMMAND_MODE), request.get(Field.COMMAND_MODE_2)) != ("1", "22"):
            return {**told, int(Field.STATUS): DECLINED}
        return {**told, int(Field.COMMAND_MODE_2): "22", int(Field.RECEIPT): self._last_slip}

    def _decision(self, operation: str, request: FieldSet) -> str:
        if operation in ("4", "29"):
            return APPROVED if int(request[Field.AMOUNT]) <= self._left_minor(_charge_number(request)) else DECLINED
        amount_minor = int(request.get(Field.AMOUNT, "0"))
        return DECLINED if amount_minor > self._options.decline_above_minor else APPROVED

    def _left_minor(self, charge: int) -> int:
        """What of a charge has not gone back yet."""
        charged = sum(entry.amount_minor for entry in self.ledger if entry.number == charge and entry.kind == "charge")
        return charged - sum(entry.amount_minor for entry in self.ledger if entry.reverses == charge)

    def _book(self, operation: str, request: FieldSet) -> dict[int, str]:
        amount_minor = int(request[Field.AMOUNT])
        if operation == "1":
            entry = self._ledger.add("charge", amount_minor, self._options.currency, self._options.scheme)
            reference = f"{entry.number:012d}"
        else:
            kind: MovedKind = "reversal" if operation == "4" else "refund"
            charge = _charge_number(request)
            entry = self._ledger.add(kind, amount_minor, self._options.currency, self._options.scheme, reverses=charge)
            reference = request.get(Field.RETRIEVAL_REFERENCE, "")
        self.tell(f"{entry.kind} of {amount_minor}, number {entry.number}")
        slip = f"ОПЛАТА\r\nСУММА {amount_minor}\r\nRRN {reference}"
        self._last_slip = f"0xDF^^{slip}~0xDA^^{slip}\r\nПОДПИСЬ~"
        return {
            Field.CARD_NUMBER: "427600******1234",
            Field.APPROVAL_CODE: f"{entry.number:06d}",
            Field.RETRIEVAL_REFERENCE: reference,
            Field.TRANSACTION_ID: f"{entry.number:06d}",
            Field.TEXT: "ОДОБРЕНО",
            Field.RECEIPT: self._last_slip,
        }

    def _settle(self) -> dict[int, str]:
        """The day's totals; what was voided is no part of them. A new day begins."""
        day = self.ledger[self._day_began_after :]
        self._day_began_after = len(self.ledger)
        voided = {entry.reverses for entry in day if entry.kind == "reversal"}
        sales = [entry.amount_minor for entry in day if entry.kind == "charge" and entry.number not in voided]
        returns = [entry.amount_minor for entry in day if entry.kind == "refund"]
        return {
            Field.DEBIT_SUM: str(sum(sales)),
            Field.DEBIT_COUNT: str(len(sales)),
            Field.CREDIT_SUM: str(sum(returns)),
            Field.CREDIT_COUNT: str(len(returns)),
        }


def _charge_number(request: FieldSet) -> int:
    reference = request.get(Field.RETRIEVAL_REFERENCE, "")
    return int(reference) if reference.isascii() and reference.isdecimal() else 0


def _http(body: bytes, status: str) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode("ascii") + body


simulated = SimulatedDevice(
    options=InpasSimulatorOptions,
    make=InpasSimulator,
    faults=(*LINE_FAULTS, AnswerLostAfterEffect),
    typing="approve, or decline STATUS",
    default_listen="tcp://127.0.0.1:9015",
)
