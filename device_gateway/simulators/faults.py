"""What goes wrong with a simulated device, to order: typed, and written as on the command line (`late-answer=2.5`)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

LONGEST_DELAY_S = 600.0


class WrongFault(ValueError):
    """A fault is unknown or its value is wrong; the text says which there are."""


@dataclass(frozen=True)
class Fault:
    """A fault. `name` is how it is written, `value` what follows the `=` sign ("" for none), `meaning` one sentence."""

    name: ClassVar[str]
    value: ClassVar[str] = ""
    meaning: ClassVar[str]

    @classmethod
    def read(cls, value: str | None) -> Fault:
        """The fault with the text after its `=` sign, or None without one. Raises ValueError with a sentence."""
        if value is not None:
            raise ValueError(f"{cls.name} takes no value")
        return cls()


FaultT = TypeVar("FaultT", bound=Fault)


@dataclass(frozen=True)
class NoAnswer(Fault):
    name = "no-answer"
    meaning = "It hears nothing, does nothing and says nothing, as if switched off at the other end of the cable."


@dataclass(frozen=True)
class LateAnswer(Fault):
    name = "late-answer"
    value = "SECONDS"
    meaning = "Everything it says comes that much later."
    delay_s: float = 2.5

    @classmethod
    def read(cls, value: str | None) -> Fault:
        try:
            delay_s = float(value or "")
        except ValueError:
            delay_s = -1.0
        if not 0 <= delay_s <= LONGEST_DELAY_S:
            raise ValueError(f"late-answer takes 0 to {LONGEST_DELAY_S:.0f} seconds, as in late-answer=2.5")
        return cls(delay_s)


@dataclass(frozen=True)
class AnswerLostAfterEffect(Fault):
    name = "answer-lost-after-effect"
    meaning = "It does what it is told; the answer that would prove it never arrives. Other questions are answered."


@dataclass(frozen=True)
class CutAtByte(Fault):
    name = "cut-at-byte"
    value = "N"
    meaning = "The cable is cut, once, when N bytes have reached it; byte N+1 never does."
    byte: int = 0

    @classmethod
    def read(cls, value: str | None) -> Fault:
        return cls(whole_bytes(cls.name, value))


@dataclass(frozen=True)
class CutAnswerAtByte(Fault):
    name = "cut-answer-at-byte"
    value = "N"
    meaning = "The cable is cut, once, when it has said N bytes."
    byte: int = 0

    @classmethod
    def read(cls, value: str | None) -> Fault:
        return cls(whole_bytes(cls.name, value))


@dataclass(frozen=True)
class Garbage(Fault):
    name = "garbage"
    meaning = "Noise comes instead of everything it says, as with a wrong speed or a bad cable."


@dataclass(frozen=True)
class PaperOut(Fault):
    """Of printers; without a byte the paper is out from the start."""

    name = "paper-out"
    value = "N"
    meaning = "The paper ends when N bytes of a job have arrived (paper-out alone: at once)."
    at_byte: int = 0

    @classmethod
    def read(cls, value: str | None) -> Fault:
        return cls() if value is None else cls(whole_bytes(cls.name, value))


def whole_bytes(name: str, value: str | None) -> int:
    """A number of bytes after `name=`. Raises ValueError with a sentence."""
    if value is None or not (value.isascii() and value.isdecimal() and len(value) <= 9):
        raise ValueError(f"{name} takes a whole number of bytes, as in {name}=120")
    return int(value)


LINE_FAULTS: tuple[type[Fault], ...] = (NoAnswer, LateAnswer, CutAtByte, CutAnswerAtByte, Garbage)
"""Faults of a line; serving a simulator brings them about, whatever the device."""


class Faults:
    """The faults that a device has now."""

    def __init__(self, faults: Iterable[Fault] = ()) -> None:
        self._faults = {type(fault): fault for fault in faults}

    def of(self, kind: type[FaultT]) -> FaultT | None:
        """The fault of that kind, or None."""
        found = self._faults.get(kind)
        return found if isinstance(found, kind) else None

    def __contains__(self, kind: type[Fault]) -> bool:
        return kind in self._faults


def read_faults(texts: Iterable[str], possible: tuple[type[Fault], ...]) -> Faults:
    """Faults as written on the command line, of those that the device can have. Raises WrongFault."""
    by_name = {kind.name: kind for kind in possible}
    faults: list[Fault] = []
    for text in texts:
        name, equals, value = text.strip().partition("=")
        if name not in by_name:
            raise WrongFault(f"There is no fault {name!r} of this device; there are {', '.join(by_name)}.")
        try:
            faults.append(by_name[name].read(value if equals else None))
        except ValueError as error:
            raise WrongFault(f"{error}.") from error
    return Faults(faults)
