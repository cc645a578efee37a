"""`tillstream gateway`: the process on a store PC that owns its printer, drawer, scanner, scale and display.

The gateway's own code is imported when a command needs it, by name: libraries know no gateway.
"""

from __future__ import annotations

import asyncio
import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from libs.host.console import err, out
from libs.host.errors import CheckFailed, NotAvailable

if TYPE_CHECKING:
    from libs.host.settings import HostSettings

app = typer.Typer(invoke_without_command=True, rich_markup_mode="markdown")
DataOption = Annotated[
    Path | None,
    typer.Option("--data", help="Folder of enrolment, journal and devices. [TILLSTREAM_DATA_FOLDER, .data]"),
]
PortOption = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="TCP port of the page. [TILLSTREAM_GATEWAY_PORT, 8011]"),
]


@app.callback()
def gateway(context: typer.Context) -> None:
    """The devices of this PC: printer, drawer, scanner, scale and display.

    1. In the back office, make a gateway for the store; it shows a code that works once.
    2. Here: `tillstream gateway enrol CODE --server https://pos.example.com`
    3. Plug the devices in. Those that need an address are listed in DATA/gateway/devices.toml.
    4. `tillstream gateway check` says what it finds; `tillstream gateway` runs it. Its page is at
       http://127.0.0.1:8011/gateway/.
    """
    if context.invoked_subcommand is None:
        run()


@app.command("enrol")
def enrol(
    code: Annotated[str, typer.Argument(help="The one-time code that the back office shows.")],
    server: Annotated[str, typer.Option("--server", help="Base URL of the system, e.g. https://pos.example.com.")],
    data: DataOption = None,
) -> None:
    """Make this PC the gateway of a store: exchange a one-time code for an identity of its own.

    Use it once for each PC, and again with a new code if its data folder was lost. The identity is kept in
    DATA/gateway/enrolment.json, which only this user can read.

    Example: `tillstream gateway enrol 7KQ2-93XN --server https://pos.example.com`

    Exit code 2: the code was used before, has expired, or was mistyped. 3: the server does not answer.
    """
    enrolment = _module("enrolment").enrol(code, server, _host_settings(data).data_folder)
    tills = ", ".join(till.code for till in enrolment.tills)
    out.print(f"This PC is now the gateway of {'till' if len(enrolment.tills) == 1 else 'tills'} {tills}.")
    out.print("Next: tillstream gateway check", highlight=False)


@app.command("run")
def run(data: DataOption = None, port: PortOption = None) -> None:
    """Run the gateway until Ctrl-C. This is what `tillstream gateway` does without a further word.

    Use it as a service of the store PC. It may be killed or lose power at any time: what was being printed is then
    known to be uncertain, and is never printed again by itself. It connects to the broker that enrolment named, or to
    TILLSTREAM_RABBITMQ_URL, and sells on while that is away.

    Example: `tillstream gateway run --data /var/lib/tillstream`

    Exit code 2: this PC is not enrolled, or devices.toml is wrong. 3: another gateway runs here, the port is in use, or
    the journal cannot be used.
    """
    from libs.telemetry import configure_logging

    settings = _host_settings(data)
    configure_logging(settings.log_level, settings.log_format, defaults={"service": "gateway"})
    _run(_module("process").run_gateway(settings, port))


@app.command("check")
def check(data: DataOption = None) -> None:
    """Read enrolment and devices.toml and say what they mean, without touching a device.

    Use it after every change of devices.toml. Each mistake is named with the device, the field and what is right.

    Example: `tillstream gateway check`

    Exit code 2: something is wrong; the sentence says what.
    """
    process = _module("process")
    settings = _host_settings(data)
    found = process.read_set_up(settings)
    table = Table("device", "kind", "driver", "tills", "where")
    codes = {till.till_id: till.code for till in found.enrolment.tills}
    for device in found.devices:
        where = ", ".join(str(value) for value in process.address_of(device.options).values())
        tills = ", ".join(codes[till] for till in device.placed.till_ids)
        table.add_row(device.name, device.placed.kind, device.placed.driver, tills, where or "plug and play")
    out.print(f"Gateway {found.enrolment.gateway_id} of {len(codes)} tills: {', '.join(codes.values())}.")
    out.print(f"{found.devices_file} lists {len(found.devices)} devices.", highlight=False, soft_wrap=True)
    if found.devices:
        out.print(table)


@app.command("check-drivers")
def check_drivers() -> None:
    """List the drivers of this installation, after checking the manifest of each.

    Use it to see what a device may be driven by; `make check` runs it.

    Example: `tillstream gateway check-drivers`

    Exit code 1: a manifest is missing or wrong; the sentence says which and how.
    """
    manifests = _module("drivers.manifests")
    table = Table("driver", "kind", "what", "lines")
    try:
        for name, manifest in manifests.manifests().items():
            manifests.load_driver(name)
            table.add_row(name, manifest.kind, manifest.title, ", ".join(manifest.lines))
    except (manifests.WrongManifest, ImportError, AttributeError) as error:
        raise CheckFailed(f"A driver is not right: {error}") from error
    out.print(table)


def _module(name: str) -> Any:
    try:
        return importlib.import_module(f"device_gateway.{name}")
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("device_gateway"):
            raise
        raise NotAvailable("The device gateway is not part of this installation.") from error


def _host_settings(data: Path | None) -> HostSettings:
    from libs.host.settings import HostSettings, load_settings

    settings = load_settings(HostSettings)
    return settings if data is None else settings.model_copy(update={"data_folder": data})


def _run(work: Any) -> None:
    import uvloop

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except asyncio.CancelledError:
        err.print("Stopped.")
        raise SystemExit(130) from None
