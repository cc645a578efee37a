"""Driver of terminals that speak INPAS SmartSale, through the DualConnector service (HTTP) or on a serial line."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, tzinfo
from typing import Annotated

from pydantic import Field as Limits
from pydantic import StringConstraints

from device_gateway.domain.card_operations import CardOperation, NotSent, OperationResult, Unknown
from device_gateway.domain.observations import Observation
from device_gateway.drivers.interface import Driver, DriverOptions
from device_gateway.drivers.lines import SerialSettings, open_line
from device_gateway.drivers.terminal.inpas.carriers import Carrier, HttpCarrier, LineCarrier, Lost, Unsent
from device_gateway.drivers.terminal.inpas.fields import TerminalIdentity, outcome_of, request_for
from device_gateway.drivers.terminal.inpas.slips import SlipTags

_NO_INQUIRY = (
    "This terminal (INPAS) cannot be asked for a past operation. Have its last slip printed again, or look at its "
    "journal; then confirm the payment with its approval code, or record that it did not happen."
)
HexTag = Annotated[str, StringConstraints(pattern=r"^[0-9A-F]{1,8}$")]


class InpasOptions(DriverOptions):
    """`line` is `http://127.0.0.1:9015/` for the DualConnector service, or a serial device such as /dev/ttyUSB0."""

    line: str = "http://127.0.0.1:9015/"
    terminal_id: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{1,16}$")]
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")] = "RUB"
    currency_number: Annotated[str, StringConstraints(pattern=r"^[0-9]{3}$")] = "643"
    takes_our_numbers: bool = True
    answer_timeout_s: Annotated[float, Limits(gt=0, le=600)] = 180.0
    connect_timeout_s: Annotated[float, Limits(gt=0, le=60)] = 3.0
    presence_check_s: Annotated[float, Limits(gt=0, le=3600)] = 15.0
    acknowledge_timeout_s: Annotated[float, Limits(gt=0, le=60)] = 3.0
    between_bytes_s: Annotated[float, Limits(gt=0, le=10)] = 1.0
    write_timeout_s: Annotated[float, Limits(gt=0, le=60)] = 5.0
    baud: int = 115_200
    encoding: str = "cp1251"
    customer_slip_tags: tuple[HexTag, ...] = ("DF",)
    merchant_slip_tags: tuple[HexTag, ...] = ("DA",)


class InpasTerminal:
    """A terminal at its carrier. Sends each request once; what it cannot prove is Unknown."""

    def __init__(self, options: InpasOptions, carrier: Carrier, zone: tzinfo) -> None:
        self._options = options
        self._carrier = carrier
        self._zone = zone
        self._identity = TerminalIdentity(
            options.terminal_id, options.currency, options.currency_number, options.takes_our_numbers
        )
        self._tags = SlipTags(frozenset(options.customer_slip_tags), frozenset(options.merchant_slip_tags))

    def perform(self, operation: CardOperation, progress: Callable[[str, str], None]) -> OperationResult:
        if operation.action == "inquiry":
            return self.inquire(operation)
        request = request_for(operation, self._identity)
        if isinstance(request, NotSent):
            return request
        progress("follow_terminal", "Follow what the terminal shows.")
        exchange = self._carrier.exchange(
            request, self._options.answer_timeout_s, lambda: progress("wait", "The terminal is working.")
        )
        if isinstance(exchange, Unsent):
            return NotSent(exchange.reason)
        if isinstance(exchange, Lost):
            return Unknown(exchange.reason)
        return outcome_of(request, exchange.fields, tags=self._tags, zone=self._zone)

    def inquire(self, operation: CardOperation) -> OperationResult:
        return Unknown(_NO_INQUIRY)

    def abort(self) -> None:
        """Nothing: the protocol, as far as it is public, has no such request."""

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        self._carrier.check(timeout_s)
        return ()

    def close(self) -> None:
        self._carrier.close()


def open_terminal(options: InpasOptions) -> InpasTerminal:
    """The terminal, its carrier open. Raises DeviceAbsent or DeviceMisconfigured."""
    zone = datetime.now(UTC).astimezone().tzinfo or UTC
    return InpasTerminal(options, _carrier(options), zone)


def _carrier(options: InpasOptions) -> Carrier:
    if options.line.startswith(("http://", "https://")):
        return HttpCarrier(
            options.line,
            connect_timeout_s=options.connect_timeout_s,
            presence_check_s=options.presence_check_s,
        )
    line = open_line(
        options.line,
        serial=SerialSettings(baud=options.baud),
        connect_timeout_s=options.connect_timeout_s,
        write_timeout_s=options.write_timeout_s,
    )
    return LineCarrier(
        line,
        encoding=options.encoding,
        acknowledge_timeout_s=options.acknowledge_timeout_s,
        between_bytes_s=options.between_bytes_s,
    )


driver = Driver(options=InpasOptions, open_device=open_terminal)
