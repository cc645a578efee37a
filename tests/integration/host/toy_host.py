"""Runs the toy services in a process of its own: `python -m tests.integration.host.toy_host up|run NAME`."""

from __future__ import annotations

import asyncio
import sys

import uvloop

from libs.host.embedded import embedded
from libs.host.errors import HostError
from libs.host.runner import run_service
from libs.host.settings import HostSettings, load_settings
from libs.telemetry import configure_logging
from tests.integration.host.toy import echo, toy


async def up(settings: HostSettings) -> None:
    async with embedded(settings, [toy, echo]) as host:
        print(host.url, flush=True)
        await host.stop.wait()


def main() -> None:
    configure_logging("INFO", "json")
    try:
        settings = load_settings(HostSettings)
        definition = {"toy": toy, "echo": echo}.get(sys.argv[-1], toy)
        work = up(settings) if sys.argv[1] == "up" else run_service(definition, settings)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(work)
    except HostError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)
    except asyncio.CancelledError:
        sys.exit(130)


if __name__ == "__main__":
    main()
