"""`tillstream simulate`: devices that are not there, for trying things out and for tests."""

from __future__ import annotations

import importlib
import signal
import sys
import threading
from typing import Annotated, Any

import typer

from libs.host.console import err
from libs.host.errors import NotAvailable, WrongSetting


def simulate(
    kind: Annotated[
        str, typer.Argument(help="printer, scanner, scale, display, drawer, terminal, or another kind of device.")
    ],
    driver: Annotated[
        str | None, typer.Argument(help="The driver to simulate a device for, where the kind has several.")
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option(
            "--listen",
            help="pty, pty:PATH for a link that stays, or tcp://127.0.0.1:9100 (0: any port). [the device's usual one]",
        ),
    ] = None,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", help="What goes wrong, e.g. late-answer=2.5; repeat it for several.")
    ] = None,
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="How the device is built, as name=value; repeat it for several.")
    ] = None,
    back_after: Annotated[
        float, typer.Option("--back-after", min=0, help="Seconds until a cable that a fault has cut is plugged in.")
    ] = 1.0,
    explain: Annotated[
        bool, typer.Option("--explain", help="Say what the device can do, and which faults it has.")
    ] = False,
) -> None:
    """Pretend to be a device that speaks the real bytes, until Ctrl-C.

    Use it to try the gateway without hardware, or to see what a shop sees when a cable is pulled. The first line on
    standard output is the address for `devices.toml`. Lines typed on standard input change the device: a code to scan,
    a weight to lay on, or `/unplug`, `/plug`, `/fault no-answer`, `/faults-off`.

    Examples:
    * `tillstream simulate scanner` and type `5901234123457`

    * `tillstream simulate scale --listen pty:.data/scale --fault late-answer=2.5` and type `1.25 kg`

    * `tillstream simulate printer --listen tcp://127.0.0.1:9100 --fault cut-at-byte=2000`

    * `tillstream simulate terminal zvt --fault answer-lost-after-effect` and type `decline 6C`

    * `tillstream simulate terminal nexo --explain` lists its faults, its settings and what may be typed

    Exit code 2: no such device, fault, setting or address. 3: the port or link is in use.

    """
    # libs know no gateway: it is looked up only when somebody asks for it.
    try:
        program = importlib.import_module("device_gateway.simulators.program")
    except ModuleNotFoundError as error:
        raise NotAvailable("The device gateway is not installed here, nor are its simulators.") from error
    try:
        choice = program.choose(kind, driver)
        if explain:
            _explain(program, choice)
            return
        simulator = program.make(choice, fault or [], setting or [])
        _run(program, choice, simulator, listen or choice.simulated.default_listen, back_after)
    except ValueError as error:
        raise WrongSetting(str(error)) from error
    except OSError as error:
        raise NotAvailable(str(error)) from error


def _explain(program: Any, choice: Any) -> None:
    print(f"{choice.manifest.name}: {choice.manifest.title}")
    for title, lines in (
        ("What may be typed", [choice.simulated.typing or "nothing"]),
        ("Faults", program.describe_faults(choice)),
        ("Settings", program.describe_settings(choice) or ["none"]),
    ):
        print(f"\n{title}:")
        for line in lines:
            print(f"  {line}")


def _run(program: Any, choice: Any, simulator: Any, listen: str, back_after_s: float) -> None:
    def end(number: int, frame: object) -> None:
        # Leaving in the ordinary way takes the link away.
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)
    program.run(
        choice,
        simulator,
        listen,
        back_after_s,
        lines=sys.stdin,
        show=lambda text: print(text, flush=True),
        hint=lambda text: err.print(text, highlight=False, markup=False),
        stopping=threading.Event(),
    )
