"""Drives a payment terminal by ZVT, over TCP or a serial line. See README.md."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from device_gateway.domain.card_operations import (
    Approved,
    CardOperation,
    Declined,
    NotFound,
    NotSent,
    OperationResult,
    Unknown,
)
from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured, Driver
from device_gateway.drivers.lines import SerialSettings, open_line
from device_gateway.drivers.terminal.zvt import codes, messages, requests
from device_gateway.drivers.terminal.zvt.apdu import Apdu
from device_gateway.drivers.terminal.zvt.carriers import Carrier, PlainCarrier, SerialCarrier
from device_gateway.drivers.terminal.zvt.conversation import Conversation, Progress, RequestLost
from device_gateway.drivers.terminal.zvt.memory import NO_RECEIPT, Certain, Doubt, Remembering
from device_gateway.drivers.terminal.zvt.messages import Command
from device_gateway.drivers.terminal.zvt.network import open_network_line
from device_gateway.drivers.terminal.zvt.options import ZvtOptions
from device_gateway.drivers.terminal.zvt.outcomes import (
    Reply,
    approved,
    outcome_of_balance,
    outcome_of_money,
    outcome_of_question,
    outcome_of_status_enquiry,
)
from device_gateway.drivers.terminal.zvt.told import Abilities, read_abilities
from libs.contracts.terminals import CardReferences

__all__ = ["ZvtOptions", "ZvtTerminal", "driver", "open_zvt"]

_NETWORK = ("tcp://", "socket://")
Request = Callable[[Abilities], Apdu]


@dataclass(frozen=True, slots=True)
class _Refusal:
    """Why the terminal cannot be asked: a sentence, its code, and whether only another configuration helps."""

    sentence: str
    code: str | None = None
    misconfigured: bool = False

    @property
    def not_sent(self) -> NotSent:
        return NotSent(self.sentence, self.code)


def open_zvt(options: ZvtOptions) -> ZvtTerminal:
    """Connect and register. Raises DeviceAbsent or DeviceMisconfigured."""
    terminal = ZvtTerminal(options)
    try:
        terminal.connect()
    except (DeviceAbsent, DeviceMisconfigured):
        terminal.close()
        raise
    return terminal


class ZvtTerminal:
    """A terminal. It reconnects by itself, and registers before every operation, which proves that the line lives."""

    def __init__(self, options: ZvtOptions) -> None:
        """Raises DeviceMisconfigured for a damaged memory file."""
        self._options = options
        self._carrier: Carrier | None = None
        self._memory = Remembering(options.memory_file)
        self._abilities = Abilities()
        self._abort = threading.Event()

    def connect(self) -> None:
        """Open the line and register. Raises DeviceAbsent or DeviceMisconfigured."""
        if self._carrier is None:
            self._open()
        refusal = self._register()
        if refusal is not None and refusal.misconfigured:
            raise DeviceMisconfigured(refusal.sentence)
        if refusal is not None:
            raise DeviceAbsent(refusal.sentence)

    def poll(self, timeout_s: float) -> tuple[Observation, ...]:
        """Nothing to observe but whether it is there. Raises DeviceAbsent, unless that would lose what is in doubt."""
        began = time.monotonic()
        try:
            if self._carrier is None:
                self._open()
            self._conversation(1).idle(timeout_s)
        except DeviceAbsent:
            self._hang_up()
            if self._memory.now.doubt is None or self._options.memory_file is not None:
                raise
            time.sleep(max(0.0, timeout_s - (time.monotonic() - began)))
        return ()

    def close(self) -> None:
        """Let go of the line."""
        self._hang_up()

    def abort(self) -> None:
        """Have the terminal stop waiting for a card; the operation then ends as declined."""
        self._abort.set()

    def turnover_totals(self) -> OperationResult:
        """The totals of the day so far, which stays open."""
        request = messages.with_password(Command.TURNOVER_TOTALS, self._options.password)
        return self._ask(lambda _: request, _nobody_looks)

    def status(self) -> OperationResult:
        """Whether the terminal is ready: approved, or declined with the code of what ails it."""
        request = messages.status_enquiry(self._options.password)
        return self._ask(lambda _: request, _nobody_looks, outcome_of_status_enquiry)

    def perform(self, operation: CardOperation, progress: Progress) -> OperationResult:
        """See Terminal.perform."""
        if operation.action == "inquiry":
            return self.inquire(operation)
        try:
            requests.check(operation, self._options)
        except requests.CannotBeAsked as error:
            return error.refusal
        self._abort.clear()
        if operation.action in requests.MONEY_ACTIONS:
            return self._move_money(operation, progress)
        return self._ask_harmless(operation, progress)

    def inquire(self, operation: CardOperation) -> OperationResult:
        """See Terminal.inquire: registers, has the last receipt repeated, and matches it."""
        known = self._memory.now.answer_to(operation.sent_reference)
        if known is not None:
            return known
        if self._memory.now.never_left(operation.sent_reference):
            return NotFound("The gateway was stopped before the request left.")
        if operation.sent_action is not None and operation.sent_action not in requests.MONEY_ACTIONS:
            return NotFound("It moved no money, so it may simply be done again.")
        doubt = self._memory.now.doubt
        if doubt is not None and doubt.reference == operation.sent_reference:
            return self._settle(doubt)
        return self._guess(operation)

    def _move_money(self, operation: CardOperation, progress: Progress) -> OperationResult:
        refusal = self._settle_what_was_before()
        done = self._memory.now.answer_to(operation.reference)
        if isinstance(done, Approved | Declined):
            # The same operation once more, also one that has just been found to have been done: never a second charge.
            return done
        request = refusal or self._make_ready(operation)
        if isinstance(request, NotSent):
            return request
        try:
            reply = self._conversation(self._options.operation_timeout_s).ask(
                request, progress, repeatable=False, wants_abort=self._abort.is_set
            )
        except RequestLost as lost:
            self._hang_up()
            if lost.left:
                return Unknown(str(lost))
            self._memory.never_sent()
            return NotSent(str(lost))
        result = outcome_of_money(reply, requests.asked_for(operation, self._options))
        if isinstance(result, Approved) and operation.action == "increment":
            result = _of_reservation(result, operation.original)
        if isinstance(result, Approved | Declined):
            # Only an approval names the newest receipt for certain; after anything else it is asked for again.
            identity = reply.status.identity if reply.status and isinstance(result, Approved) else ""
            self._memory.certain(operation.reference, result, identity or None)
        return result

    def _make_ready(self, operation: CardOperation) -> Apdu | NotSent:
        """Register, compose the request, and remember what is about to be sent; or why it cannot be sent."""
        try:
            self._memory.begins(operation.reference)
            if (refusal := self._register() or self._learn_newest()) is not None:
                return refusal.not_sent
            request = requests.request_for(operation, self._options, self._abilities)
            asked = requests.asked_for(operation, self._options)
            newest = self._memory.now.newest
            assert newest is not None
            self._memory.about_to_send(
                Doubt(
                    reference=operation.reference,
                    action=operation.action,
                    amount_minor=operation.amount_minor,
                    newest_before=newest,
                    original_trace=operation.original.trace if operation.original else None,
                    currency=operation.currency,
                    tip_minor=operation.tip_minor,
                    released_minor=asked.released_minor,
                    reservation=operation.original if operation.action == "increment" else None,
                )
            )
        except requests.CannotBeAsked as error:
            return error.refusal
        except DeviceMisconfigured as error:
            return NotSent(str(error))
        return request

    def _ask_harmless(self, operation: CardOperation, progress: Progress) -> OperationResult:
        if operation.action == "end_of_day":
            if (unsettled := self._settle_what_was_before()) is not None:
                return unsettled
            # It may clear the receipts, so that the newest is no longer the newest.
            self._memory.newest_is(None)
        outcome: Callable[[Reply], OperationResult] = outcome_of_question
        if operation.action == "balance":
            outcome = partial(outcome_of_balance, currency=operation.currency)
        return self._ask(lambda abilities: requests.request_for(operation, self._options, abilities), progress, outcome)

    def _ask(
        self, request: Request, progress: Progress, outcome: Callable[[Reply], OperationResult] = outcome_of_question
    ) -> OperationResult:
        """Ask what moves no money."""
        if (refusal := self._register()) is not None:
            return refusal.not_sent
        try:
            reply = self._conversation(self._options.operation_timeout_s).ask(
                request(self._abilities), progress, repeatable=True, wants_abort=self._abort.is_set
            )
        except requests.CannotBeAsked as error:
            return error.refusal
        except RequestLost as lost:
            self._hang_up()
            return Unknown(str(lost)) if lost.left else NotSent(str(lost))
        return outcome(reply)

    def _settle_what_was_before(self) -> NotSent | None:
        """Nothing is sent while something is in doubt: its receipt would no longer be the newest. Returns why not."""
        doubt = self._memory.now.doubt
        outcome = self._settle(doubt) if doubt is not None else None
        if not isinstance(outcome, Unknown) or self._memory.now.doubt is None:
            return None
        return NotSent(f"What became of the operation before is not known yet. {outcome.reason}", "operation-in-doubt")

    def _settle(self, doubt: Doubt) -> Certain | Unknown:
        """What the terminal's newest receipt says of an operation in doubt."""
        receipt = self._repeat_receipt(messages.WITH_STATUS)
        if isinstance(receipt, Unknown):
            return receipt
        newest = _identity(receipt)
        if newest is None:
            return Unknown("The terminal's last receipt cannot be read.")
        repeats = self._abilities.says_it_takes(Command.REPEAT_RECEIPT)
        outcome = _outcome_by_receipt(doubt, receipt, newest, repeats=repeats)
        if isinstance(outcome, Unknown):
            # Its own receipt is not the newest any more, so none to come will say more. A person decides about it, and
            # the next customers can pay.
            self._memory.given_up(newest)
        else:
            self._memory.certain(doubt.reference, outcome, newest)
        return outcome

    def _guess(self, operation: CardOperation) -> OperationResult:
        """An operation that this driver does not remember: only a receipt that cannot be its own is an answer."""
        receipt = self._repeat_receipt(messages.WITH_STATUS | messages.WITHOUT_PRINTING)
        if isinstance(receipt, Unknown):
            return receipt
        status = receipt.status
        if status is None or status.identity == "":
            return Unknown("The terminal shows no last receipt: look at its slips.")
        return Unknown(
            "Which receipt was the last one before is not known here any more. The terminal's last receipt is "
            f"{status.references.receipt_number} over {status.amount_minor} (minor units): compare it with the slip."
        )

    def _repeat_receipt(self, service: int) -> Reply | Unknown:
        if (refusal := self._register()) is not None:
            return Unknown(refusal.sentence)
        request = messages.repeat_receipt(self._options.password, service)
        try:
            reply = self._conversation(self._options.inquiry_timeout_s).ask(request, _nobody_looks, repeatable=True)
        except RequestLost as lost:
            self._hang_up()
            return Unknown(str(lost))
        if reply.result in codes.BUSY or reply.result in codes.IN_DOUBT or reply.unreadable:
            return Unknown(codes.reason(reply.result) if reply.result else "The last receipt cannot be read.")
        return reply

    def _learn_newest(self) -> _Refusal | None:
        """Find out which receipt is the newest, unless that is known. Returns why that cannot be had."""
        if self._memory.now.newest is not None:
            return None
        receipt = self._repeat_receipt(messages.WITH_STATUS | messages.WITHOUT_PRINTING)
        if isinstance(receipt, Unknown):
            return _Refusal(receipt.reason)
        newest = _identity(receipt)
        if newest is None:
            return _Refusal("The terminal's last receipt cannot be read.")
        self._memory.newest_is(newest)
        return None

    def _register(self) -> _Refusal | None:
        """Connect if need be and register. Returns why it cannot be done."""
        options = self._options
        request = messages.registration(options.password, options.configuration, options.currency)
        try:
            if self._carrier is None:
                self._open()
            reply = self._conversation(options.inquiry_timeout_s).ask(request, _nobody_looks, repeatable=True)
        except (DeviceAbsent, DeviceMisconfigured) as error:
            self._hang_up()
            return _Refusal(str(error))
        except RequestLost as lost:
            self._hang_up()
            return _Refusal(str(lost))
        if reply.result == codes.WRONG_CURRENCY:
            sentence = f"The terminal does not work in {options.currency}: correct currency in devices.toml."
            return _Refusal(sentence, f"{reply.result:02X}", misconfigured=True)
        if reply.result:
            return _Refusal(codes.reason(reply.result), f"{reply.result:02X}")
        self._abilities = read_abilities(reply.completion)
        return None

    def _open(self) -> None:
        options = self._options
        limits = {"connect_timeout_s": options.connect_timeout_s, "write_timeout_s": options.write_timeout_s}
        if options.address.startswith(_NETWORK):
            self._carrier = PlainCarrier(open_network_line(options.address, **limits))
            return
        serial = SerialSettings(baud=options.baud, stop_bits=2)
        self._carrier = SerialCarrier(
            open_line(options.address, serial=serial, **limits),
            acknowledge_timeout_s=options.acknowledge_timeout_s,
            character_timeout_s=options.character_timeout_s,
            attempts=options.frame_attempts,
        )

    def _hang_up(self) -> None:
        if self._carrier is not None:
            self._carrier.close()
            self._carrier = None

    def _conversation(self, operation_timeout_s: float) -> Conversation:
        if self._carrier is None:
            raise DeviceAbsent("The line to the terminal is closed.")
        return Conversation(
            self._carrier,
            acknowledge_timeout_s=self._options.acknowledge_timeout_s,
            answer_timeout_s=self._options.answer_timeout_s,
            operation_timeout_s=operation_timeout_s,
        )


def _identity(receipt: Reply) -> str | None:
    """What the repeated receipt is known by; NO_RECEIPT if the terminal has none; None if it tells nothing."""
    if receipt.status is not None and receipt.status.identity:
        return receipt.status.identity
    return NO_RECEIPT if receipt.result != codes.OK else None


def _outcome_by_receipt(doubt: Doubt, receipt: Reply, newest: str, *, repeats: bool) -> Certain | Unknown:
    """`repeats`: the terminal says of itself that it repeats receipts, so that having none means something."""
    status = receipt.status
    if newest == doubt.newest_before == NO_RECEIPT and repeats:
        return NotFound("The terminal still has no receipt: it has not done this operation.")
    if newest == NO_RECEIPT or status is None:
        return Unknown("The terminal repeats no receipt, perhaps after an end of day: look at its slips.")
    if newest == doubt.newest_before:
        return NotFound("The terminal's last receipt is the one from before: it has not done this operation.")
    if status.of_a_day:
        return Unknown("The terminal has closed its day since: look at its slips.")
    if status.result != codes.OK:
        return Declined(f"{status.result:02X}", codes.reason(status.result), receipt.printed)
    if doubt.original_trace and status.original_trace and doubt.original_trace != status.original_trace:
        return Unknown("The terminal's last receipt is of another transaction: look at its slips.")
    outcome = approved(status, doubt.asked, receipt.printed)
    return _of_reservation(outcome, doubt.reservation) if isinstance(outcome, Approved) else outcome


def _of_reservation(increment: Approved, reservation: CardReferences | None) -> Approved:
    """An increment is known by the reservation that it raises: that is what is booked or released later [M]."""
    return replace(increment, references=reservation) if reservation is not None else increment


def _nobody_looks(stage: str, text: str) -> None:
    """What the terminal shows meanwhile is of no interest."""


driver = Driver(options=ZvtOptions, open_device=open_zvt)
