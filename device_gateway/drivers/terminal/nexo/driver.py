"""Drives a payment terminal by nexo Retailer JSON, as the Adyen Terminal API speaks it locally. See README.md."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, StringConstraints, field_validator, model_validator

from device_gateway.domain.card_operations import (
    Approved,
    CardOperation,
    Declined,
    NotFound,
    NotSent,
    OperationResult,
    Slips,
    Unknown,
)
from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured, Driver, DriverOptions
from device_gateway.drivers.serial_options import LineAddress
from device_gateway.drivers.terminal.nexo import answers, messages
from device_gateway.drivers.terminal.nexo.link import (
    AnswerLost,
    NexoLink,
    NotBelieved,
    NothingLeft,
    NotOurTerminal,
    Rejected,
    new_service_id,
)
from device_gateway.drivers.terminal.nexo.messages import NexoRequest, Parties
from device_gateway.drivers.terminal.nexo.protection import derive_key
from device_gateway.drivers.terminal.nexo.requests import CannotBeAsked, asked_as, categories_of, money_request
from device_gateway.drivers.terminal.nexo.slips import read_slips

Progress = Callable[[str, str], None]
Seconds = Annotated[float, Field(gt=0, le=3600)]
_WITHOUT_TLS = ("127.0.0.1",)


class NexoOptions(DriverOptions):
    """How the terminal is reached, the key shared with it, and how long each step may take."""

    address: LineAddress = Field(description="where it is: https://192.0.2.41:8443/nexo")
    sale_id: Annotated[str, StringConstraints(min_length=1, max_length=36)]
    poi_id: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    operator_id: str | None = None
    key_identifier: Annotated[str, StringConstraints(min_length=1)]
    key_version: int = Field(ge=0)
    passphrase: SecretStr
    certificate_file: str | None = Field(default=None, description="PEM: the terminal's or its maker's certificate")
    certificate_name: str | None = Field(default=None, description="the name in the terminal's certificate")
    login: bool = Field(default=False, description="whether the terminal wants the till to sign on")
    refund_by: Literal["reversal", "payment"] = "reversal"
    partial_approval: bool = Field(default=True, description="whether a card that has less may pay a part")
    connect_timeout_s: Seconds = 5.0
    write_timeout_s: Seconds = 10.0
    operation_timeout_s: Seconds = 180.0
    inquiry_timeout_s: Seconds = 30.0
    check_every_s: Seconds = 30.0

    @field_validator("address")
    @classmethod
    def _https(cls, address: str) -> str:
        parts = urlsplit(address)
        if parts.scheme == "tcp" and parts.hostname in _WITHOUT_TLS:
            # As a simulated terminal on this machine says where it is.
            return f"http://{parts.netloc}/nexo"
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise ValueError("the address must be written as https://192.0.2.41:8443/nexo")
        if parts.scheme == "http" and parts.hostname not in _WITHOUT_TLS:
            raise ValueError("a terminal in the network must be reached by https, not http")
        return address

    @field_validator("passphrase")
    @classmethod
    def _ascii(cls, passphrase: SecretStr) -> SecretStr:
        if not passphrase.get_secret_value().isascii():
            raise ValueError("the passphrase must be of letters, digits and signs without accents (ASCII)")
        return passphrase

    @model_validator(mode="after")
    def _pinned(self) -> NexoOptions:
        if self.address.startswith("https") and self.certificate_file is None:
            raise ValueError("certificate_file must name the certificate that the terminal is known by")
        return self


def open_nexo(options: NexoOptions) -> NexoTerminal:
    """See whether it is there and the two understand each other. Raises DeviceAbsent or DeviceMisconfigured."""
    terminal = NexoTerminal(options)
    try:
        terminal.check()
        terminal.introduce()
    except (DeviceAbsent, DeviceMisconfigured):
        terminal.close()
        raise
    return terminal


class NexoTerminal:
    """A terminal. It holds no connection and remembers nothing: the terminal knows our requests by their ids."""

    def __init__(self, options: NexoOptions) -> None:
        """Raises DeviceMisconfigured."""
        self._options = options
        self._parties = Parties(options.sale_id, options.poi_id, options.operator_id)
        self._link = NexoLink(
            options.address,
            self._parties,
            derive_key(options.key_identifier, options.key_version, options.passphrase.get_secret_value()),
            certificate_file=options.certificate_file,
            certificate_name=options.certificate_name,
            connect_timeout_s=options.connect_timeout_s,
            write_timeout_s=options.write_timeout_s,
        )
        self._signed_on = not options.login
        self._under_way: NexoRequest | None = None
        self._next_check_s = 0.0

    def check(self) -> None:
        """Whether somebody listens there. Raises DeviceAbsent."""
        parts = urlsplit(self._options.address)
        address = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        try:
            socket.create_connection(address, self._options.connect_timeout_s).close()
        except OSError as error:
            raise DeviceAbsent(
                f"The terminal at {self._options.address} cannot be reached. Check that it is on and in the network, "
                "and that its address is this one."
            ) from error
        self._next_check_s = time.monotonic() + self._options.check_every_s

    def introduce(self) -> None:
        """Exchange a message that moves nothing: a wrong key or name must not come to light with a payment in doubt.

        Raises DeviceAbsent or DeviceMisconfigured.
        """
        try:
            self._link.ask(messages.diagnosis(new_service_id(), hosts=False), self._options.inquiry_timeout_s)
        except NotOurTerminal as error:
            raise DeviceMisconfigured(f"{error} Check address, certificate_file and certificate_name.") from error
        except NotBelieved as error:
            raise DeviceMisconfigured(f"{error} Check key_identifier, key_version and passphrase.") from error
        except Rejected as error:
            raise DeviceMisconfigured(
                f"The terminal rejects messages of this till ({error}). Check poi_id, sale_id and the shared key."
            ) from error
        except (NothingLeft, AnswerLost) as error:
            raise DeviceAbsent(str(error)) from error

    def poll(self, timeout_s: float) -> tuple[Observation, ...]:
        """Nothing to observe but whether it is there, looked at every `check_every_s`. Raises DeviceAbsent."""
        if time.monotonic() >= self._next_check_s:
            self.check()
        time.sleep(timeout_s)
        return ()

    def close(self) -> None:
        """Let go of everything."""
        self._link.close()

    def abort(self) -> None:
        """Ask the terminal to stop what is under way; called from another thread, over a connection of its own."""
        request = self._under_way
        if request is not None:
            stop = messages.abort(new_service_id(), request.category, request.service_id, self._parties)
            with contextlib.suppress(NothingLeft, AnswerLost, Rejected):
                self._link.tell(stop, self._options.inquiry_timeout_s)

    def perform(self, operation: CardOperation, progress: Progress) -> OperationResult:
        """See Terminal.perform."""
        if operation.action == "inquiry":
            return self.inquire(operation)
        refusal = self._sign_on()
        if refusal is not None:
            return NotSent(refusal)
        try:
            request = money_request(
                operation,
                self._options.refund_by,
                _now(),
                self._parties,
                partial_approval=self._options.partial_approval,
            )
            if request is None:
                return self._ask_harmless(operation, asked_as(operation))
        except CannotBeAsked as error:
            return error.refusal
        progress("wait_for_card", "Look at the terminal")
        outcome = answers.outcome_of_reversal if request.category == "Reversal" else answers.outcome_of_payment
        return self._asked(request, lambda body: outcome(body, operation))

    def inquire(self, operation: CardOperation) -> OperationResult:
        """See Terminal.inquire: TransactionStatus under every category that the operation may have been sent as.

        Only if the terminal knows it under none of them, it is not found.
        """
        if not operation.sent_reference:
            return Unknown("Nobody knows under which reference it was sent.")
        categories = categories_of(operation.sent_action)
        if not categories:
            return NotFound("It moved no money, so it may simply be done again.")
        result: OperationResult = Unknown("Nothing was asked.")
        for category in categories:
            result = self._status(operation, category, operation.sent_reference)
            if not isinstance(result, NotFound):
                break
        return result

    def _status(self, operation: CardOperation, category: str, sent_reference: str) -> OperationResult:
        request = messages.transaction_status(new_service_id(), category, sent_reference, self._parties)
        try:
            body = self._link.ask(request, self._options.inquiry_timeout_s)
        except (NothingLeft, AnswerLost) as error:
            return Unknown(str(error))
        except Rejected as error:
            return Unknown(f"The terminal rejects the question ({error}).")
        return answers.outcome_of_status(body, operation, category)

    def _ask_harmless(self, operation: CardOperation, service_id: str) -> OperationResult:
        match operation.action:
            case "end_of_day":
                return self._asked(messages.reconciliation(service_id), answers.outcome_of_reconciliation)
            case "balance":
                return self._asked(
                    messages.balance_inquiry(service_id),
                    lambda body: answers.outcome_of_balance(body, operation.currency),
                )
            case "last_slip":
                return self._asked(messages.last_slip(service_id), _repeated_slips)
            case _:
                return self._asked(messages.diagnosis(service_id), answers.outcome_of_diagnosis)

    def _asked(self, request: NexoRequest, outcome: Callable[[answers.Body], OperationResult]) -> OperationResult:
        self._under_way = request
        try:
            body = self._link.ask(request, self._options.operation_timeout_s)
        except NothingLeft as error:
            return NotSent(str(error))
        except AnswerLost as error:
            return Unknown(str(error))
        except Rejected as error:
            return Declined("Reject", f"The terminal rejects the request: {error}.")
        finally:
            self._under_way = None
        result = outcome(body)
        if isinstance(result, Declined) and result.reason_code == "LoggedOut":
            self._signed_on = not self._options.login
        return result

    def _sign_on(self) -> str | None:
        """Sign the till on, once, where the terminal wants that. Returns why it could not be done."""
        if self._signed_on:
            return None
        request = messages.login(new_service_id(), _now(), self._parties, version("tillstream"))
        try:
            body = self._link.ask(request, self._options.inquiry_timeout_s)
        except (NothingLeft, AnswerLost, Rejected) as error:
            return str(error)
        outcome = answers.outcome_of_diagnosis(body)
        if isinstance(outcome, Declined | Unknown):
            return f"The till cannot sign on at the terminal. {outcome.reason}"
        self._signed_on = True
        return None


def _repeated_slips(body: answers.Body) -> OperationResult:
    repeated = answers.part(body, "RepeatedMessageResponse", "RepeatedResponseMessageBody")
    held = answers.part(repeated, "PaymentResponse") or answers.part(repeated, "ReversalResponse")
    slips = read_slips(held)
    if slips == Slips():
        return Declined("NotFound", "The terminal has no last slip.")
    return Approved(0, slips=slips)


def _now() -> datetime:
    return datetime.now(UTC)


driver = Driver(options=NexoOptions, open_device=open_nexo)
