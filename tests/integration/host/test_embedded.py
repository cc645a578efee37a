"""Embedded mode: everything in one process and one folder, which survives whatever happens to the process."""

from __future__ import annotations

import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import psutil
import pytest

from libs.bus.bus import NotDrained
from libs.host.embedded import EmbeddedHost, embedded
from libs.host.errors import NotAvailable
from libs.host.settings import HostSettings
from tests.integration.host.processes import Child, child
from tests.integration.host.toy import echo, toy

UP = ["tests.integration.host.toy_host", "up"]


def settings_for(folder: Path, port: int = 0) -> dict[str, str]:
    return {"TILLSTREAM_DATA_FOLDER": str(folder), "TILLSTREAM_PORT": str(port)}


def url_of(running: Child) -> str:
    return running.until(lambda line: line.startswith("http://"))


def postgres_processes(folder: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["name", "cmdline"])
        if "postgres" in (process.info["name"] or "") and str(folder) in " ".join(process.info["cmdline"] or [])
    ]


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[EmbeddedHost]:
    async with embedded(HostSettings(data_folder=tmp_path, port=0), [toy, echo]) as running:
        yield running


@pytest.mark.anyio
async def test_every_service_answers_on_the_one_port(host: EmbeddedHost) -> None:
    async with httpx.AsyncClient(base_url=host.url) as client:
        assert (await client.get("/toy/readyz")).json() == {"ready": True, "checks": {"database": "ok"}}
        assert (await client.get("/echo/readyz")).json() == {"ready": True, "checks": {"database": "ok"}}
        assert sorted((await client.get("/")).json()) == ["echo", "toy"]
        unknown = await client.get("/nothing/v1/x")
    assert unknown.status_code == 404
    assert unknown.headers["content-type"] == "application/problem+json"
    assert unknown.json()["detail"] == "There is no service 'nothing' here; the services are echo, toy."


@pytest.mark.anyio
async def test_an_event_reaches_another_service_which_the_first_can_ask(host: EmbeddedHost) -> None:
    store = str(uuid4())
    async with httpx.AsyncClient(base_url=host.url) as client:
        await client.post("/toy/v1/stores", json={"store_id": store, "name": "Corner"})
        for _ in range(200):
            heard = (await client.get(f"/toy/v1/heard/{store}")).json()
            if heard is not None:
                break
    assert heard == "Corner"


@pytest.mark.anyio
async def test_a_port_in_use_is_said_before_anything_is_started(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NotAvailable, match=f"Cannot listen on 127.0.0.1 port {port} .Address already in use."):
            async with embedded(HostSettings(data_folder=tmp_path / "data", port=port), [toy]):
                pass
    assert not (tmp_path / "data").exists()


@pytest.mark.anyio
async def test_a_second_system_on_the_same_folder_is_refused_by_name(host: EmbeddedHost, tmp_path: Path) -> None:
    with pytest.raises(NotAvailable, match="A Tillstream is already running on the data folder"):
        async with embedded(HostSettings(data_folder=tmp_path, port=0), [toy, echo]):
            pass
    async with httpx.AsyncClient(base_url=host.url) as client:
        assert (await client.get("/toy/readyz")).status_code == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_process_and_its_database_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with child(UP, settings_for(tmp_path)) as running:
        url_of(running)
        assert len(postgres_processes(tmp_path)) == 1
        assert running.stop(number) == 0
    assert postgres_processes(tmp_path) == []
    assert "Traceback" not in running.output


def test_what_was_answered_is_there_after_kill_9_and_its_message_still_arrives(tmp_path: Path) -> None:
    store = str(uuid4())
    with child(UP, {**settings_for(tmp_path), "TILLSTREAM_BUS__RELAY_POLL_S": "60"}) as running:
        url = url_of(running)
        answer = httpx.post(f"{url}/toy/v1/stores", json={"store_id": store, "name": "Corner"})
        assert answer.status_code == 201
        running.stop(signal.SIGKILL)
    with child(UP, settings_for(tmp_path)) as again:
        url = url_of(again)
        assert httpx.get(f"{url}/toy/v1/stores/count").json() == 1
        for _ in range(400):
            if httpx.get(f"{url}/echo/v1/heard/{store}").json() == "Corner":
                break
        else:
            raise NotDrained("the event did not arrive")
        assert again.stop() == 0
    assert postgres_processes(tmp_path) == []


def test_a_process_number_left_by_a_power_cut_does_not_keep_the_database_from_starting(tmp_path: Path) -> None:
    with child(UP, settings_for(tmp_path)) as running:
        url_of(running)
        assert running.stop() == 0
    # As after a restart in a container: the number belongs to some other program by now.
    pid_file = tmp_path / "postgres" / "postmaster.pid"
    pid_file.write_text(f"1\n{tmp_path}/postgres\n0\n5432\n{tmp_path}/postgres\n\n 0 0\nready\n")
    with child(UP, settings_for(tmp_path)) as again:
        url = url_of(again)
        assert httpx.get(f"{url}/toy/readyz").status_code == 200


def test_the_database_is_reachable_for_nobody_but_the_owner_of_the_folder(tmp_path: Path) -> None:
    with child(UP, settings_for(tmp_path)) as running:
        url_of(running)
        (server,) = postgres_processes(tmp_path)
        listening = [each for each in server.net_connections("inet") if each.status == psutil.CONN_LISTEN]
        assert listening == []
        assert (tmp_path / "postgres").stat().st_mode & 0o077 == 0
