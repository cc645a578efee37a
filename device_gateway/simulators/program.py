"""A simulated device as a program: what `tillstream simulate` runs."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import ValidationError

from device_gateway.drivers.manifests import Manifest, load_driver, manifests
from device_gateway.simulators.faults import Faults, WrongFault, read_faults
from device_gateway.simulators.serving import serving
from device_gateway.simulators.simulator import AnySimulatedDevice, SimulatedDevice, Simulator

# Where a kind has several drivers, the one that most people mean.
USUAL = {
    "printer": "escpos",
    "scanner": "serial_scanner",
    "scale": "mettler_8217",
    "display": "line_2x20",
    "drawer": "serial_drawer",
    "terminal": "zvt",
}
_COMMANDS = "/unplug, /plug, /fault NAME, /faults-off"

Say = Callable[[str], None]


class WrongProgram(ValueError):
    """What was asked for cannot be simulated; the text says what can."""


@dataclass(frozen=True)
class SimulatorChoice:
    """A driver whose device can be simulated."""

    manifest: Manifest
    simulated: AnySimulatedDevice


def choose(kind: str, driver: str | None) -> SimulatorChoice:
    """The simulated device of a kind, and of a driver where one is named. Raises WrongProgram."""
    simulated = {name: manifest for name, manifest in manifests().items() if manifest.simulator}
    of_kind = sorted(name for name, manifest in simulated.items() if manifest.kind == kind)
    if not of_kind:
        kinds = ", ".join(sorted({manifest.kind for manifest in simulated.values()}))
        raise WrongProgram(f"There is no simulated {kind!r}; there are {kinds}.")
    name = driver or (USUAL[kind] if USUAL.get(kind) in of_kind else of_kind[0])
    if name not in of_kind:
        raise WrongProgram(f"There is no simulated {kind} {name!r}; there are {', '.join(of_kind)}.")
    module = importlib.import_module(f"{simulated[name].module}.simulator")
    found: AnySimulatedDevice = getattr(module, SimulatedDevice.attribute)
    return SimulatorChoice(simulated[name], found)


def make(choice: SimulatorChoice, faults: Iterable[str], settings: Iterable[str]) -> Simulator:
    """The device with faults and `name=value` settings as typed. Raises WrongFault or WrongProgram."""
    given: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise WrongProgram(f"A setting is written name=value, not {setting!r}.")
        given[name] = value
    device = choice.simulated
    try:
        options = device.options.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        known = "; ".join(describe_settings(choice)) or "none"
        raise WrongProgram(f"--set {field}: {first['msg']}. Settings of {choice.manifest.name}: {known}.") from error
    return device.make(options, read_faults(faults, device.faults))


def describe_settings(choice: SimulatorChoice) -> list[str]:
    """Each setting with what it means."""
    fields = choice.simulated.options.model_fields.items()
    return [f"{name} ({field.description or 'see its simulator.py'}; {field.default})" for name, field in fields]


def describe_faults(choice: SimulatorChoice) -> list[str]:
    """Each fault as it is written, with what it means."""
    return [f"{kind.name}{f'={kind.value}' if kind.value else ''}: {kind.meaning}" for kind in choice.simulated.faults]


def run(
    choice: SimulatorChoice,
    simulator: Simulator,
    listen: str,
    back_after_s: float | None,
    *,
    lines: Iterable[str],
    show: Say,
    hint: Say,
    stopping: threading.Event,
) -> None:
    """Serve the device until `stopping` is set; lines that a person types change it.

    `show` hears the address first and then what the device shows; `hint` hears what may be typed.
    Raises WrongListenAddress or PortInUse.
    """
    simulator.watch = show
    with serving(simulator, listen, back_after_s=back_after_s) as address:
        show(address)
        hint(f"Simulated {choice.manifest.kind}: {choice.manifest.title}. In devices.toml:")
        hint(f'  driver = "{choice.manifest.name}"')
        hint(f'  options = {{ {_address_field(choice)} = "{address}" }}')
        if choice.simulated.typing:
            hint(f"What may be typed: {choice.simulated.typing}")
        hint(f"Also {_COMMANDS}; Ctrl-C ends it.")
        for line in lines:
            try:
                _typed(choice, simulator, line.rstrip("\r\n"))
            except ValueError as error:
                hint(str(error))
            if stopping.is_set():
                return
        # Nobody can type more, but the gateway may go on.
        stopping.wait()


def _address_field(choice: SimulatorChoice) -> str:
    fields = load_driver(choice.manifest.name).options.model_fields
    return next((name for name in ("address", "line") if name in fields), "address")


def _typed(choice: SimulatorChoice, simulator: Simulator, line: str) -> None:
    command, _, argument = line.strip().partition(" ")
    match command:
        case "/unplug" if simulator.line is not None:
            simulator.line.unplug()
        case "/plug" if simulator.line is not None:
            simulator.line.plug_in()
        case "/fault":
            simulator.faults = read_faults([argument], choice.simulated.faults)
        case "/faults-off":
            simulator.faults = Faults()
        case _ if command.startswith("/") and command[1:].isalpha():
            raise WrongFault(f"There is no {command}; there are {_COMMANDS}.")
        case _ if line.strip():
            simulator.typed(line)
