"""What a device tells of itself without being asked, and what it answers. Values only: no I/O, no clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Paper(StrEnum):
    """The paper in a printer."""

    ADEQUATE = "adequate"
    NEAR_END = "near_end"
    END = "end"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """The state of a printer. None stands for what the printer does not tell, and is never taken for good news.

    `answered` is false when it said nothing at all: then nothing else is known.
    """

    answered: bool
    online: bool | None = None
    paper: Paper = Paper.UNKNOWN
    cover_open: bool | None = None
    drawer_open: bool | None = None
    error: str | None = None

    @property
    def can_print(self) -> bool:
        """Whether it has said that it could print now."""
        return (
            self.answered
            and self.online is not False
            and not self.cover_open
            and self.paper is not Paper.END
            and self.error is None
        )


SILENT = PrinterStatus(answered=False)


@dataclass(frozen=True, slots=True)
class Scan:
    """What a scanner read: `text` as the symbol holds it, without AIM prefix and suffix; FNC1 is the character GS.

    `aim` is the AIM symbology identifier that came with it (`]E0`, ISO/IEC 15424), if any.
    """

    text: str
    aim: str | None = None


class WeightState(StrEnum):
    """What a scale says of the load. Only `stable` with a positive net weight may be sold."""

    STABLE = "stable"
    MOVING = "moving"
    ZERO = "zero"
    BELOW_ZERO = "below_zero"
    OVER_CAPACITY = "over_capacity"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class Weighing:
    """A reading of a scale in whole grams. `net_g` = `gross_g` - `tare_g`; they are None unless the state is stable."""

    state: WeightState
    gross_g: int | None = None
    tare_g: int | None = None
    net_g: int | None = None
    detail: str = ""

    @property
    def may_be_sold(self) -> bool:
        """Whether this weight may go on a receipt: stable and above zero."""
        return self.state is WeightState.STABLE and self.net_g is not None and self.net_g > 0


@dataclass(frozen=True, slots=True)
class DrawerSeen:
    """A drawer's sensor: open or closed."""

    open: bool


Observation = Scan | PrinterStatus | Weighing | DrawerSeen


@dataclass(frozen=True, slots=True)
class Printed:
    """The document came out. `confirmed`: the printer said so after the last row. Else its state was good before and
    after and it answered in between: probable.
    """

    confirmed: bool


@dataclass(frozen=True, slots=True)
class NotPrinted:
    """Certainly nothing came out: the printer was not reached, or refused before the first byte. Try it again."""

    reason: str


@dataclass(frozen=True, slots=True)
class PrintUnknown:
    """Some of it may have come out: after the first byte the line broke or the printer fell silent."""

    reason: str


PrintOutcome = Printed | NotPrinted | PrintUnknown


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document as one printer's bytes. `warnings` say what could not be shown as asked, e.g. a picture too wide."""

    data: bytes
    warnings: tuple[str, ...] = field(default=())
