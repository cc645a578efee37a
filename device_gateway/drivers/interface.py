"""What a driver is to the gateway: a manifest, typed options, and a device that one thread owns.

A device is used by its worker's thread alone, from `open` to `close`, so drivers need no locks and may block, each
call for a bounded time. What was intended and what became of it is written to the journal by the worker, before and
after each call. A driver whose protocol needs more than that to know an operation again keeps it in the device's own
folder, see `DriverOptions.kept_in`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from device_gateway.domain.card_operations import CardOperation, OperationResult
from device_gateway.domain.observations import DrawerSeen, Encoded, Observation, PrinterStatus, PrintOutcome, Weighing
from libs.contracts.printing import PrintedDocument


class DeviceError(Exception):
    """A device cannot do what it should; the text is a sentence for a shop assistant that says what to do.

    This class itself is a refusal of one call (a tare while the load moves): the device stays as it was.
    """


class DeviceAbsent(DeviceError):
    """It is not there, or no longer: unplugged, switched off, not reachable. The worker opens it again."""


class DeviceMisconfigured(DeviceError):
    """It will not work until somebody changes the configuration or the machine: no permission, port in use, wrong
    profile.
    """


class DriverOptions(BaseModel):
    """What `devices.toml` may say of a device for this driver; unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    def kept_in(self, folder: Path) -> Self:
        """These options, with what the driver keeps from one start to the next in `folder`, unless they name a place
        of their own. The folder is of this device alone, is made before the device is opened if other options than
        these are returned, and stays the device's as long as it keeps its name. Most drivers keep nothing.
        """
        return self


class Device(Protocol):
    """An open device of any kind."""

    def poll(self, timeout_s: float) -> Iterable[Observation]:
        """What the device has told of itself; waits up to `timeout_s` for something. Called again and again while
        there is nothing else to do. Raises DeviceAbsent when it is gone.
        """

    def close(self) -> None:
        """Let go of the device. Never raises."""


class Printer(Device, Protocol):
    """A printer of documents."""

    def encode(self, document: PrintedDocument, *, duplicate_mark: str | None = None) -> Encoded:
        """The document as bytes for this printer and paper, cut at the end. Every character is printed as it is, by
        code page or as a picture. `duplicate_mark` is printed large at the top and the bottom. Talks to nobody.
        """

    def print(self, job_id: UUID, data: bytes) -> PrintOutcome:
        """Send encoded bytes and find out what became of them. Never raises for a lost line: that is an outcome."""

    def status(self) -> PrinterStatus:
        """Ask for the state now; silence is `answered=False`. Raises DeviceAbsent."""

    def kick_drawer(self) -> None:
        """Open the drawer that is plugged into the printer. Raises DeviceAbsent."""


class Drawer(Device, Protocol):
    """A drawer with a line of its own."""

    def open_drawer(self) -> None:
        """Open it. Raises DeviceAbsent."""

    def seen(self) -> DrawerSeen | None:
        """What its sensor says; None without one. Raises DeviceAbsent."""


class Scale(Device, Protocol):
    """A scale."""

    def weigh(self) -> Weighing:
        """Read the weight now. Raises DeviceAbsent."""

    def zero(self) -> None:
        """Set the empty scale to zero. Raises DeviceAbsent."""

    def tare(self, grams: int | None) -> None:
        """Take what lies on it (None) or a known weight as the tare; 0 clears it. Raises DeviceAbsent."""


class Display(Device, Protocol):
    """A display that the customer sees."""

    def show(self, upper: str, lower: str) -> None:
        """Show two lines, cut to its width. Raises DeviceAbsent."""


class Terminal(Device, Protocol):
    """A payment terminal. One operation at a time; `progress` is called from the worker's thread with (stage, text)."""

    def perform(self, operation: CardOperation, progress: Callable[[str, str], None]) -> OperationResult:
        """Carry an operation out and wait for its end, at most the time-out of the driver's options.

        Never raises for a lost line or a strange answer: after the first byte of a request that moves money has left,
        anything but a certain answer is `Unknown`. Sends a request that moves money once and never again by itself.
        """

    def inquire(self, operation: CardOperation) -> OperationResult:
        """By the protocol's own inquiry (repeat receipt, transaction status, last result): what became of the
        operation named by `sent_reference`, `sent_amount_minor` and `original`. `Unknown` means ask again later.
        """

    def abort(self) -> None:
        """Ask the terminal to stop waiting for a card, where the protocol can; called from another thread."""


OptionsT = TypeVar("OptionsT", bound=DriverOptions)


@dataclass(frozen=True)
class Driver(Generic[OptionsT]):
    """What a driver's module exports as `driver`. `open_device` opens the line and returns the device ready for use.

    It raises DeviceAbsent or DeviceMisconfigured.
    """

    options: type[OptionsT]
    open_device: Callable[[OptionsT], Device]
