"""A simulated serial scanner: it says whatever code is typed, with its AIM identifier and suffix."""

from __future__ import annotations

from pydantic import Field

from device_gateway.drivers.scanner.serial_scanner.frames import Suffix
from device_gateway.simulators import Faults, Reply, SimulatedDevice, Simulator, SimulatorOptions

_SUFFIX_BYTES = {Suffix.CR: b"\r", Suffix.LF: b"\n", Suffix.CRLF: b"\r\n", Suffix.TAB: b"\t"}


class ScannerSimulatorOptions(SimulatorOptions):
    """How the scanner is set."""

    suffix: Suffix = Field(default=Suffix.CR, description="what it sends after each code: cr, lf, crlf or tab")
    aim: bool = Field(default=False, description="true: it puts ]E0 before EANs and ]C1 before codes with FNC1")


class ScannerSimulator(Simulator):
    """Sends codes; whatever the gateway sends to it does nothing."""

    def __init__(self, options: ScannerSimulatorOptions | None = None, faults: Faults | None = None) -> None:
        super().__init__(faults)
        self._options = options or ScannerSimulatorOptions()

    def typed(self, text: str) -> None:
        """Scan the code in `text`; `<GS>` in it stands for FNC1."""
        if not text.strip():
            raise ValueError("Type a code and press Enter, e.g. 5901234123457.")
        self.scan(text.strip().replace("<GS>", "\x1d"))

    def scan(self, code: str) -> None:
        """The trigger is pressed on this code."""
        prefix = ""
        if self._options.aim and not code.startswith("]"):
            is_ean = code.isdecimal() and len(code) in (8, 12, 13)
            prefix = "]E0" if is_ean else "]C1" if "\x1d" in code else "]C0"
        self.say(Reply((prefix + code).encode("latin-1", "replace") + _SUFFIX_BYTES[self._options.suffix]))


simulated = SimulatedDevice(
    options=ScannerSimulatorOptions,
    make=ScannerSimulator,
    typing="Each line is scanned as a code; <GS> stands for FNC1. Example: 5901234123457",
)
