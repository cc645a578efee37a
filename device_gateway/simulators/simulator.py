"""What a simulated device is: bytes in, bytes out, no sockets. `serving` puts it on a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict

from device_gateway.simulators.faults import LINE_FAULTS, Fault, Faults


@dataclass(frozen=True, slots=True)
class Reply:
    """Bytes that the device says, `delay_s` after what made it speak.

    `after_effect` marks the answer that proves that something was done (printed, moved, charged): the one that the
    fault answer-lost-after-effect loses.
    """

    data: bytes
    delay_s: float = 0.0
    after_effect: bool = False


class SimulatedLine(Protocol):
    """The line that a served simulator is on; safe to use from any thread."""

    @property
    def heard_bytes(self) -> int:
        """How many bytes have reached the device so far; CutAtByte counts them."""

    @property
    def said_bytes(self) -> int:
        """How many bytes it has said so far; CutAnswerAtByte counts them."""

    def say(self, replies: Sequence[Reply]) -> None:
        """Send something unasked."""

    def unplug(self) -> None:
        """Pull the cable: a pseudo-terminal vanishes with its link, a TCP port refuses connections."""

    def plug_in(self) -> None:
        """Put the cable back, at the same link or port."""


class Simulator:
    """A device on a line. Override what it needs; one thread calls `connected`, `received` and `disconnected`.

    `faults` may be exchanged at any moment. `line` is set while it is served.
    """

    def __init__(self, faults: Faults | None = None) -> None:
        self.faults = faults or Faults()
        self.line: SimulatedLine | None = None
        self.watch: Callable[[str], None] = _nobody

    def connected(self) -> Sequence[Reply]:
        """The line is there (a pseudo-terminal exists, a TCP client has connected): what the device says at once."""
        return ()

    def received(self, data: bytes) -> Sequence[Reply]:
        """Bytes have come, in pieces of any size: what the device answers."""
        return ()

    def disconnected(self) -> None:
        """The line is gone; what was half received is lost."""

    def typed(self, text: str) -> None:
        """A person typed a line to the program: scan this code, lay this weight on.

        Raises ValueError with a sentence that says what may be typed.
        """
        raise ValueError("There is nothing to type for this device.")

    def say(self, *replies: Reply) -> None:
        """Say something unasked, as a scanner does; nobody hears it while it is not served."""
        if self.line is not None:
            self.line.say(replies)

    def tell(self, text: str) -> None:
        """Show something to the person who watches the program: a picture of the display, a file written."""
        self.watch(text)


def _nobody(text: str) -> None:
    """Nobody watches."""


class SimulatorOptions(BaseModel):
    """What `--set name=value` may say of a simulated device; give every field a description."""

    model_config = ConfigDict(extra="forbid", frozen=True)


OptionsT = TypeVar("OptionsT", bound=SimulatorOptions)


@dataclass(frozen=True)
class SimulatedDevice(Generic[OptionsT]):
    """What the module simulator.py of a driver exports as `simulated`.

    `make` takes options and faults; `faults` are those it can have; `typing` says what a person may type, if anything;
    `default_listen` is where it listens unless told otherwise.
    """

    options: type[OptionsT]
    make: Callable[[OptionsT, Faults], Simulator]
    faults: tuple[type[Fault], ...] = LINE_FAULTS
    typing: str = ""
    default_listen: str = field(default="pty")

    attribute: ClassVar[str] = "simulated"


AnySimulatedDevice = SimulatedDevice[Any]
