"""`tillstream up`, `run`, `migrate` and `demo`: everything that keeps a system going."""

from __future__ import annotations

import asyncio
import importlib
import os
import sys
import tempfile
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from libs.host.console import err, out, progress
from libs.host.errors import CheckFailed, NotAvailable, WrongSetting

if TYPE_CHECKING:
    from libs.host.embedded import Companion
    from libs.host.settings import HostSettings

SETUP_CODE = "TILLSTREAM_IDENTITY_SETUP_CODE"

Result = TypeVar("Result")
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder of the embedded database. [TILLSTREAM_DATA_FOLDER, .data]")
]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="TCP port; 0 takes a free one. [TILLSTREAM_PORT, 8000]")
]
BindOption = Annotated[
    str | None, typer.Option("--bind", help="Address to listen on. [TILLSTREAM_BIND_ADDRESS, 127.0.0.1]")
]


def up(data: DataOption = None, port: PortOption = None, bind: BindOption = None) -> None:
    """Run the whole system on this machine, until Ctrl-C: all services, database and bus in one process on one port.

    Use it for a small shop, to try things out, or to develop. Nothing but Python is needed; the data stays in the
    data folder. What was sold is safe there, even if the power fails.

    Example: `tillstream up --data /var/lib/tillstream --port 8080`

    Exit code 3: the port or the data folder is in use.
    """
    settings = _settings(data, port, bind)

    async def run() -> None:
        from libs.host.embedded import SECRETS_FOLDER, STEPS, embedded

        with ExitStack() as bar:
            advance = bar.enter_context(progress("Starting", STEPS))
            async with embedded(settings, advance=advance, companions=_companions(settings)) as host:
                bar.close()
                out.print(f"Tillstream runs at [bold]{host.url}[/bold]  (Ctrl-C stops it)")
                for definition in host.services:
                    out.print(f"  {host.url}/{definition.name}/docs  {definition.summary}", highlight=False)
                if "backoffice" in host.edge.apps:
                    out.print(f"  {host.url}/backoffice/  The operators' pages", highlight=False)
                if "gateway" in host.edge.apps:
                    out.print(f"  {host.url}/gateway/  The devices of this PC and how they are", highlight=False)
                if SETUP_CODE in host.secrets:
                    code_file = settings.data_folder / SECRETS_FOLDER / SETUP_CODE
                    out.print(f"  The code for POST /identity/v1/set-up, once: {code_file}", highlight=False)
                await host.stop.wait()
                err.print("Stopping: open requests may finish.")

    _run(run())


def run(
    service: Annotated[
        str, typer.Argument(help="Name of the service, e.g. sales, or the dotted name of a package of yours.")
    ],
    port: PortOption = None,
    bind: BindOption = None,
) -> None:
    """Run one service against the configured PostgreSQL, RabbitMQ and Redis, as in a container.

    Use it in production, once per replica. It waits for database and broker, and for the migrations that
    `tillstream migrate` runs. TILLSTREAM_<SERVICE>_DATABASE_URL, TILLSTREAM_RABBITMQ_URL,
    TILLSTREAM_REDIS_URL and TILLSTREAM_EDGE_URL say where things are; each may be given as a file by ..._FILE.

    Example: `TILLSTREAM_SALES_DATABASE_URL=postgresql://... tillstream run sales --port 8080`

    Exit code 3: database or broker did not come within TILLSTREAM_STARTUP_WAIT_S, or the port is in use.
    """
    settings = _settings(None, port, bind)
    from libs.host.registry import service_definition
    from libs.telemetry import configure_logging

    definition = service_definition(service)
    configure_logging(settings.log_level, settings.log_format, defaults={"service": service})

    async def run_until_stopped() -> None:
        from libs.host.runner import run_service

        await run_service(definition, settings)

    _run(run_until_stopped())


def migrate(
    service: Annotated[list[str] | None, typer.Argument(help="Only these services; all of them if none.")] = None,
    broker: Annotated[bool, typer.Option(help="Also declare exchanges and queues on the broker.")] = True,
) -> None:
    """Bring schemas, roles and the broker's queues up to date. Safe to repeat, and to run from several places.

    Use it before the first start and with every new version, before its services start; old replicas keep working.
    TILLSTREAM_DATABASE_URL is the owner's URL; TILLSTREAM_<SERVICE>_DATABASE_URL names each service's role.

    Example: `TILLSTREAM_DATABASE_URL=postgresql://owner:...@db/tillstream tillstream migrate`

    Exit code 3: the database or the broker does not answer.
    """
    settings = _settings(None, None, None)
    from libs.host.registry import service_definition, service_names

    definitions = [service_definition(name) for name in service or service_names()]
    with progress("Migrating", len(definitions) + broker) as advance:
        from libs.host.migration import migrate_everything

        _run(migrate_everything(definitions, settings, advance, broker=broker))
    out.print(f"Up to date: {', '.join(definition.name for definition in definitions)}.")


def demo(
    baskets: Annotated[int, typer.Option(min=1, help="How many baskets to ring up.")] = 1000,
    tills: Annotated[int, typer.Option(min=1, max=64, help="How many tills work at once.")] = 4,
    keep: Annotated[
        bool, typer.Option("--keep", help="Keep the system running afterwards, in the data folder.")
    ] = False,
    url: Annotated[
        str | None, typer.Option("--url", help="Trade on the system that runs there, e.g. http://edge:8080.")
    ] = None,
    pictures: Annotated[
        Path, typer.Option(help="Folder for a receipt and a Z report as they were printed, as PNG.")
    ] = Path(".state/demo"),
    data: DataOption = None,
    port: PortOption = None,
) -> None:
    """Trade for a day in fast motion: real baskets through the real API, then check that everything agrees.

    Use it to see the system at work, and as proof that an installation is sound. Without --keep it uses a free port
    and a data folder of its own that it removes again. With --url it trades on a system that is not set up yet and
    runs infra.demo.subscriber too; TILLSTREAM_IDENTITY_SETUP_CODE is its set-up code.

    Example: `tillstream demo --baskets 200 --tills 2`

    Exit code 1: sales, events, stock movements or totals do not agree; the output says which.
    """
    # The day is told on the screen; whoever wants the services' own words as well asks for them.
    settings = _settings(data, port, None, log_level="WARNING")
    try:
        day = importlib.import_module("infra.demo.day")
    except ModuleNotFoundError as error:
        raise NotAvailable(f"The demo's data is not part of this installation ({error.name} is missing).") from error
    if url is not None:
        code = os.environ.get(SETUP_CODE)
        if not code:
            raise WrongSetting(f"{SETUP_CODE} is not set: it must be the set-up code of the system at {url}.")
        _judge(_run(day.run_day_at(url, {SETUP_CODE: code}, baskets=baskets, tills=tills)))
        return
    with ExitStack() as stack:
        if not keep and data is None:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="tillstream-demo-"))
            settings = settings.model_copy(update={"data_folder": Path(folder)})
        if not keep and port is None:
            settings = settings.model_copy(update={"port": 0})
        _judge(_run(day.run_day(settings=settings, baskets=baskets, tills=tills, keep=keep, pictures=pictures)))


def _companions(settings: HostSettings) -> list[Companion]:
    """The device gateway, where this PC is enrolled as one; it is imported by name, as libraries know no gateway."""
    if not (settings.data_folder / "gateway" / "enrolment.json").exists():
        return []
    return [importlib.import_module("device_gateway.process").beside]


def _judge(agrees: bool) -> None:
    if not agrees:
        raise CheckFailed("The day does not add up; see above.")


def _settings(data: Path | None, port: int | None, bind: str | None, log_level: str | None = None) -> HostSettings:
    """The host's settings with what the command line gives; `log_level` is the command's own unless one is set."""
    from libs.host.settings import HostSettings, load_settings
    from libs.telemetry import configure_logging

    settings = load_settings(HostSettings)
    wanted = None if "log_level" in settings.model_fields_set else log_level
    given = {"data_folder": data, "port": port, "bind_address": bind, "log_level": wanted}
    settings = settings.model_copy(update={name: value for name, value in given.items() if value is not None})
    configure_logging(settings.log_level, settings.log_format)
    return settings


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    """Run on uvloop. A signal before the system has started ends the command quietly."""
    import uvloop

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(work)
    except asyncio.CancelledError:
        err.print("Stopped.")
        sys.exit(130)
