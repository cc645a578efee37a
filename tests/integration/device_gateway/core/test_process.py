"""The gateway as operators run it: enrolled, checked, as a process of its own, and inside `tillstream up`."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from fakeredis import FakeAsyncRedis
from typer.testing import CliRunner, Result
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from device_gateway.bus_link import commands_of
from device_gateway.configuration import ConfiguredDevice
from device_gateway.enrolment import keep
from device_gateway.keys import kept_keys
from device_gateway.process import beside
from device_gateway.service import NAME, SUMMARY, gateway_at_work
from device_gateway.settings import GatewaySettings
from libs.bus.consumer import AnyConsumer
from libs.bus.transports.local import LocalTransport
from libs.bus.transports.rabbit import RabbitTransport, declare, remove
from libs.host.assembly import Surroundings
from libs.host.cli import app
from libs.host.edge import Edge
from libs.host.embedded import embedded
from libs.host.errors import HostError, WrongSetting
from libs.host.server import listen, serving
from libs.host.settings import HostSettings
from libs.persistence import utc_now
from libs.telemetry import trace_provider
from libs.web.authentication import TokenVerifier
from tests.integration.bus.harness import quick_settings
from tests.integration.device_gateway.core.fakes import FakePrinter
from tests.integration.device_gateway.core.stand import (
    ENROLMENT,
    GATEWAY,
    QUICK,
    REPORTS,
    STORE,
    TILL,
    Keys,
    Server,
    receipt,
    until,
)
from tests.integration.host.processes import child, free_port, until_ready


@pytest.fixture(autouse=True)
def no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("TILLSTREAM_DATA_FOLDER", "TILLSTREAM_GATEWAY_DEVICES_FILE", "TILLSTREAM_RABBITMQ_URL"):
        monkeypatch.delenv(variable, raising=False)


def tillstream(*words: str) -> Result:
    result = CliRunner().invoke(app, ["gateway", *words])
    if result.exception is not None and not isinstance(result.exception, HostError | SystemExit):
        raise result.exception
    return result


@contextmanager
def identity(status: int, answer: dict[str, object]) -> Iterator[str]:
    """A server that answers every request with this; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            body = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_pc_is_enrolled_and_checked_from_the_command_line(tmp_path: Path) -> None:
    answer: dict[str, object] = {
        "gateway_id": str(GATEWAY),
        "store_id": str(STORE),
        "secret": "s",
        "tills": [{"till_id": str(TILL), "code": "front"}],
        "broker": None,
    }
    with identity(201, answer) as url:
        enrolled = tillstream("enrol", "CODE", "--server", url, "--data", str(tmp_path))
    assert "This PC is now the gateway of till front." in enrolled.stdout
    checked = tillstream("check", "--data", str(tmp_path))
    assert checked.exit_code == 0
    (tmp_path / "gateway" / "devices.toml").write_text('[[device]]\nname = "p"\ndriver = "nonesuch"', encoding="utf-8")
    wrong = tillstream("check", "--data", str(tmp_path))
    assert isinstance(wrong.exception, WrongSetting)
    assert str(wrong.exception).startswith("Device 'p': driver: there is no driver 'nonesuch'; the drivers are ")


@pytest.mark.parametrize("verb", ["check", "run"])
def test_a_pc_that_is_not_enrolled_is_told_how_to(verb: str, tmp_path: Path) -> None:
    result = tillstream(verb, "--data", str(tmp_path))
    assert isinstance(result.exception, WrongSetting)
    assert "then run: tillstream gateway enrol CODE --server URL" in str(result.exception)


def test_a_missing_devices_file_that_was_asked_for_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(ENROLMENT, tmp_path)
    monkeypatch.setenv("TILLSTREAM_GATEWAY_DEVICES_FILE", str(tmp_path / "elsewhere.toml"))
    result = tillstream("check", "--data", str(tmp_path))
    assert isinstance(result.exception, WrongSetting)
    assert "TILLSTREAM_GATEWAY_DEVICES_FILE" in str(result.exception)


def test_every_driver_of_this_installation_is_right() -> None:
    assert tillstream("check-drivers").exit_code == 0


def test_the_help_teaches_the_way_to_a_working_gateway() -> None:
    text = tillstream("--help").stdout
    for word in ("enrol", "check", "devices.toml", "run", "check-drivers"):
        assert word in text


@pytest.mark.anyio
@pytest.mark.rabbitmq
async def test_a_process_of_its_own_takes_commands_from_rabbitmq_and_serves_its_page(
    tmp_path: Path, rabbitmq_url: str, broker_namespace: str
) -> None:
    keep(ENROLMENT, tmp_path)
    settings = quick_settings(broker_namespace)
    made: list[AnyConsumer] = [REPORTS, commands_of(GATEWAY)]
    await declare(rabbitmq_url, settings, made)
    transport = RabbitTransport(rabbitmq_url, settings, client="server")
    await transport.start()
    server, port = Server(transport), free_port()
    await server.listen()
    environment = {
        "TILLSTREAM_RABBITMQ_URL": rabbitmq_url,
        "TILLSTREAM_BUS__NAMESPACE": settings.namespace,
        "TILLSTREAM_BUS__QUEUE_PREFIX": settings.queue_prefix,
    }
    command = receipt()
    try:
        arguments = ["libs.host.cli", "gateway", "run", "--data", str(tmp_path), "--port", str(port)]
        with child(arguments, environment) as process:
            await asyncio.to_thread(until_ready, f"http://127.0.0.1:{port}/gateway/readyz", process)
            await server.send(command)
            await server.hears(command.job_id, "failed")
            page = await asyncio.to_thread(httpx.get, f"http://127.0.0.1:{port}/gateway/")
            assert "No device is listed for this PC." in page.text
            assert await asyncio.to_thread(process.stop) == 0
    finally:
        await transport.stop()
        await remove(rabbitmq_url, settings, made)


@pytest.mark.anyio
async def test_a_gateway_works_beside_the_services_on_their_port_and_their_bus(tmp_path: Path) -> None:
    keep(ENROLMENT, tmp_path)
    settings, edge, transport = HostSettings(data_folder=tmp_path), Edge(), LocalTransport()
    await transport.start()
    server = Server(transport)
    await server.listen()
    async with httpx.AsyncClient(transport=httpx.ASGITransport(edge), base_url="http://localhost") as client:
        surroundings = Surroundings(settings, utc_now, FakeAsyncRedis(), client, trace_provider, transport)
        listener = listen("127.0.0.1", 0)
        async with beside(surroundings, edge), serving(edge, listener, settings, behind_proxy=False):
            address = f"127.0.0.1:{listener.getsockname()[1]}"
            assert (await client.get("/gateway/v1/devices")).json() == []
            async with connect(f"ws://{address}/gateway/v1/live?till_id={TILL}"):
                pass
            with pytest.raises(InvalidStatus):
                async with connect(f"ws://{address}/nothing/v1/live"):
                    pass
            command = receipt()
            await server.send(command)
            await server.hears(command.job_id, "failed")
    await transport.stop()


@pytest.mark.anyio
async def test_a_gateway_with_made_up_devices_joins_a_running_host(tmp_path: Path) -> None:
    """As a demo does it: the host runs already, and the devices are not in any file."""
    printer = FakePrinter()
    devices: list[ConfiguredDevice] = [printer.configured("printer", TILL)]
    async with embedded(HostSettings(data_folder=tmp_path, port=0), [], companions=[beside]) as host:
        assert "gateway" not in host.edge.apps, "this PC is not enrolled"
        async with gateway_at_work(
            enrolment=ENROLMENT,
            devices=devices,
            data_folder=tmp_path,
            transport=host.surroundings.transport,
            verifier=Keys().verifier,
            settings=GatewaySettings(**QUICK),
        ) as gateway:
            host.edge.add(NAME, gateway.app, SUMMARY)
            server = Server(host.surroundings.transport)
            await server.listen()
            command = receipt()
            await server.send(command)
            await server.hears(command.job_id, "printed")
            async with httpx.AsyncClient(base_url=host.url) as client:
                (device,) = (await client.get("/gateway/v1/devices")).json()
                assert device["last_job"]["job_id"] == str(command.job_id)
            host.edge.remove(NAME)
        async with httpx.AsyncClient(base_url=host.url) as client:
            assert (await client.get("/gateway/v1/devices")).status_code == 404
    assert printer.texts == ["Milk 1.29"]


@pytest.mark.anyio
async def test_a_till_is_still_known_when_the_office_cannot_be_reached_and_the_pc_was_started_anew(
    tmp_path: Path,
) -> None:
    keys = Keys()
    published = await keys._fetch()
    away = False

    def respond(request: httpx.Request) -> httpx.Response:
        if away:
            raise httpx.ConnectError("no route to host")
        return httpx.Response(200, json=published)

    token = keys.headers()["Authorization"].removeprefix("Bearer ")
    async with httpx.AsyncClient(transport=httpx.MockTransport(respond), base_url="https://office") as client:
        first = TokenVerifier(kept_keys(client, tmp_path), keys.verifier._clock)
        assert (await first.verify(token)).name == "Kim"
        away = True
        second = TokenVerifier(kept_keys(client, tmp_path), keys.verifier._clock)
        assert (await second.verify(token)).name == "Kim"
        with pytest.raises(httpx.ConnectError):
            await kept_keys(client, tmp_path / "elsewhere")()
    await until(lambda: (tmp_path / "keys.json").exists())
