"""The demo's back room: services, database and gateway in a process of their own, as tills find them in a shop.

So tills, terminals and printers on the shop floor take nothing of the processor that the services work on.
`python -m infra.demo.back_room` is that process: it tells how it is on its output, a JSON object a line, takes an order
on its input (the gateway's enrolment and devices), and stops when its input ends, whatever became of who started it.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from infra.demo.api import Json
from libs.host.errors import HostError, NotAvailable, WrongSetting
from libs.host.settings import HostSettings, load_settings

STEPS: Final = 4
"""How many steps its start has, as many as that of the embedded system."""
STOPS_WITHIN_S: Final = 60.0
LONGEST_LINE_BYTES: Final = 1_000_000
_PASSED_ON: Final = ("data_folder", "port", "bind_address", "log_level", "log_format")
_REFUSALS: Final[dict[str, type[HostError]]] = {kind.__name__: kind for kind in (NotAvailable, WrongSetting)}


@dataclass
class BackRoom:
    """What runs there: `services` by name, at `url`. `secrets` are secret settings that were made up, by variable."""

    url: str
    services: Sequence[str]
    secrets: dict[str, str]
    process: asyncio.subprocess.Process
    has_gateway: bool = False

    async def open_gateway(self, enrolment: Json, devices: Sequence[Json]) -> None:
        """Enrol that PC as a gateway and let it work with these devices, as devices.toml would list them."""
        assert self.process.stdin is not None, "it was started with a pipe"
        order = {"enrolment": enrolment, "devices": list(devices)}
        self.process.stdin.write(f"{json.dumps(order)}\n".encode())
        await self.process.stdin.drain()
        await _told(self.process)
        self.has_gateway = True


@asynccontextmanager
async def back_room(
    settings: HostSettings, environment: Mapping[str, str], advance: Callable[[str, int], None]
) -> AsyncIterator[BackRoom]:
    """Run it for the block. `environment` are variables of its own; `advance` is called as by
    `libs.host.embedded`.

    Raises NotAvailable or WrongSetting, as the embedded system does.
    """
    wanted = settings.model_dump(mode="json", include=set(_PASSED_ON))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", __name__, json.dumps(wanted)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **environment},
        limit=LONGEST_LINE_BYTES,
        # A Ctrl-C is for the one who trades; the back room stops after that.
        start_new_session=True,
    )
    try:
        told = await _told(process)
        while "step" in told:
            advance(*told["step"])
            told = await _told(process)
        yield BackRoom(told["url"], told["services"], told["secrets"], process)
    finally:
        await asyncio.shield(_stopped(process))


async def _told(process: asyncio.subprocess.Process) -> Json:
    """What it says next. Raises what it could not start for."""
    assert process.stdout is not None, "it was started with a pipe"
    line = await process.stdout.readline()
    if not line:
        raise NotAvailable("The services ended before they were asked to; what they said last is above.")
    told: Json = json.loads(line)
    if "refusal" in told:
        raise _REFUSALS[told["refusal"]](told["sentence"])
    return told


async def _stopped(process: asyncio.subprocess.Process) -> None:
    assert process.stdin is not None, "it was started with a pipe"
    process.stdin.close()
    try:
        async with asyncio.timeout(STOPS_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


# --- from here on in that process ---


def _tell(**told: Any) -> None:
    sys.stdout.write(f"{json.dumps(told)}\n")
    sys.stdout.flush()


async def _work(settings: HostSettings) -> None:
    """Run the services, then the gateway when it is ordered, until the input ends."""
    from infra.demo.subscriber.service import definition as subscriber
    from libs.host.embedded import STEPS as EMBEDDED_STEPS
    from libs.host.embedded import embedded
    from libs.host.registry import all_services

    assert EMBEDDED_STEPS == STEPS, "the bar of the start ends with it"
    orders = await _orders()
    services = [*all_services(), subscriber]
    async with embedded(settings, services, advance=lambda *step: _tell(step=step)) as host, AsyncExitStack() as pc:
        _tell(url=host.url, services=[definition.name for definition in services], secrets=dict(host.secrets))
        while line := await orders.readline():
            await _open_gateway(pc, host, json.loads(line))
            _tell(gateway="at work")


async def _open_gateway(pc: AsyncExitStack, host: Any, order: Json) -> None:
    from device_gateway.configuration import devices_in
    from device_gateway.enrolment import Enrolment, keep
    from device_gateway.service import NAME, SUMMARY, gateway_at_work
    from libs.web.authentication import TokenVerifier

    around = host.surroundings
    enrolment = Enrolment.model_validate(order["enrolment"])
    await asyncio.to_thread(keep, enrolment, around.settings.data_folder)
    gateway = await pc.enter_async_context(
        gateway_at_work(
            enrolment=enrolment,
            devices=devices_in({"device": order["devices"]}, enrolment.tills),
            data_folder=around.settings.data_folder,
            transport=around.transport,
            verifier=TokenVerifier.over_http(around.http, around.clock),
            clock=around.clock,
        )
    )
    host.edge.add(NAME, gateway.app, SUMMARY)
    pc.callback(host.edge.remove, NAME)


async def _orders() -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit=LONGEST_LINE_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def main() -> None:
    """The process: its one argument are the settings it was given."""
    import uvloop

    from libs.telemetry import configure_logging

    try:
        settings = load_settings(HostSettings)
        settings = settings.model_validate({**settings.model_dump(), **json.loads(sys.argv[1])})
        configure_logging(settings.log_level, settings.log_format)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_work(settings))
    except (NotAvailable, WrongSetting) as error:
        _tell(refusal=type(error).__name__, sentence=str(error))


if __name__ == "__main__":
    main()
