"""A simulated keyboard scanner: for each code the kernel's event records of a keyboard with the US layout.

It sends them over a pseudo-terminal or TCP, as making an input device takes the administrator's rights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from device_gateway.drivers.scanner.hid_scanner.driver import EV_KEY, INPUT_EVENT
from device_gateway.drivers.scanner.hid_scanner.keymap import ENTER, PLAIN, SHIFTED
from device_gateway.simulators import Faults, Reply, SimulatedDevice, Simulator, SimulatorOptions

_EV_SYN = 0x00
_SHIFT, _CONTROL = 42, 29
_CODES = {character: code for code, character in reversed(PLAIN.items())}
_SHIFTED_CODES = {character: code for code, character in reversed(SHIFTED.items())}
GROUP_SEPARATOR = "\x1d"


class KeyboardScannerSimulator(Simulator):
    """Types codes."""

    def __init__(self, options: SimulatorOptions | None = None, faults: Faults | None = None) -> None:
        super().__init__(faults)

    def typed(self, text: str) -> None:
        """Scan the code in `text`; `<GS>` in it stands for FNC1."""
        code = text.strip().replace("<GS>", GROUP_SEPARATOR)
        if not code:
            raise ValueError("Type a code and press Enter, e.g. 5901234123457.")
        foreign = [one for one in code if one not in {*_CODES, *_SHIFTED_CODES, GROUP_SEPARATOR}]
        if foreign:
            raise ValueError(f"A keyboard with the US layout has no {foreign[0]!r}.")
        self.scan(code)

    def scan(self, code: str) -> None:
        """The trigger is pressed on this code."""
        self.say(*(Reply(_records(*key)) for key in keys_of(code)))


def keys_of(code: str) -> Iterator[tuple[int, int]]:
    """The keys (code, value) that type a text of the US layout, with Enter at the end."""
    for character in code:
        if character == GROUP_SEPARATOR:
            yield from ((_CONTROL, 1), (_CODES["]"], 1), (_CODES["]"], 0), (_CONTROL, 0))
        elif character in _CODES:
            yield from ((_CODES[character], 1), (_CODES[character], 0))
        else:
            key = _SHIFTED_CODES[character]
            yield from ((_SHIFT, 1), (key, 1), (key, 0), (_SHIFT, 0))
    yield from ((ENTER, 1), (ENTER, 0))


def _records(code: int, value: int) -> bytes:
    seconds, nanos = divmod(time.time_ns(), 1_000_000_000)
    at = (seconds, nanos // 1000)
    return INPUT_EVENT.pack(*at, EV_KEY, code, value) + INPUT_EVENT.pack(*at, _EV_SYN, 0, 0)


simulated = SimulatedDevice(
    options=SimulatorOptions,
    make=KeyboardScannerSimulator,
    typing="Each line is scanned as a code; <GS> stands for FNC1. Example: 5901234123457",
)
