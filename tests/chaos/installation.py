"""A whole installation in processes of its own, any of which may be killed and started again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import cycle

import httpx

from libs.host.registry import service_definition
from libs.host.secret_settings import made_up_secrets
from tests.integration.host.processes import Child, child, free_port, until_ready

IDENTITY, CATALOG, SUBSCRIBER = "identity", "catalog", "infra.demo.subscriber"
SALES = ("sales 1", "sales 2")
# Few each, because a test server gives a hundred to everybody.
POOL_CONNECTIONS = 6


def _service(process: str) -> str:
    """The name that `tillstream run` takes, of a process such as "sales 2"."""
    return process.partition(" ")[0]


def _path_word(process: str) -> str:
    """The first word of the paths that a process serves."""
    return _service(process).rpartition(".")[2]


@dataclass
class Installation:
    """Running processes by name; `url(name)` stays the same when one is restarted."""

    settings: dict[str, str]
    secrets: dict[str, str]
    _ports: dict[str, int] = field(default_factory=dict)
    _processes: dict[str, Child] = field(default_factory=dict)
    _stack: ExitStack = field(default_factory=ExitStack)

    def url(self, process: str) -> str:
        """Where a process answers."""
        return f"http://127.0.0.1:{self._ports[process]}"

    def start(self, process: str) -> None:
        """Start a process, on its old port if it has run before; `wait` for it afterwards."""
        port = self._ports.setdefault(process, free_port())
        arguments = ["libs.host.cli", "run", _service(process), "--port", str(port)]
        settings = {**self.settings, **self.secrets, "TILLSTREAM_EDGE_URL": self.url(IDENTITY)}
        self._processes[process] = self._stack.enter_context(child(arguments, settings))

    def wait(self, process: str) -> None:
        """Return when the process is ready; AssertionError with what it has printed if it never is."""
        until_ready(f"{self.url(process)}/{_path_word(process)}/readyz", self._processes[process])

    def kill(self, process: str) -> None:
        """End a process with SIGKILL, as a power cut would."""
        self._processes[process].stop(signal.SIGKILL)

    def output(self) -> str:
        """What every process printed, for a failing test to show."""
        return "\n".join(f"--- {name}\n{process.output}" for name, process in self._processes.items())

    def transport(self) -> Routed:
        """A way to all of them by path, as the edge proxy gives."""
        return Routed({_path_word(process): self._urls(_path_word(process)) for process in self._ports})

    def _urls(self, word: str) -> list[str]:
        return [self.url(process) for process in self._ports if _path_word(process) == word]


class Routed(httpx.AsyncBaseTransport):
    """Sends `/sales/...` to the replicas of sales in turn, and so on; nothing is tried a second time."""

    def __init__(self, urls: dict[str, list[str]]) -> None:
        self._turns = {word: cycle([httpx.URL(url) for url in replicas]) for word, replicas in urls.items()}
        # Without keep-alive a process that was killed leaves no half-dead connections behind to be guessed about.
        self._inner = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        word = request.url.path.split("/", 2)[1]
        replica = next(self._turns[word])
        request.url = request.url.copy_with(host=replica.host, port=replica.port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


@contextmanager
def installation(database_url: str, broker_url: str, redis_url: str) -> Iterator[Installation]:
    """Migrate, then run identity, catalog, two replicas of sales and the demo's subscriber for the block."""
    names = [IDENTITY, CATALOG, *SALES, SUBSCRIBER]
    services = list(dict.fromkeys(_service(name) for name in names))
    settings = {
        "TILLSTREAM_DATABASE_URL": database_url,
        "TILLSTREAM_RABBITMQ_URL": broker_url,
        "TILLSTREAM_REDIS_URL": redis_url,
        "TILLSTREAM_DATABASE_POOL_CONNECTIONS": str(POOL_CONNECTIONS),
        "TILLSTREAM_LOG_LEVEL": "WARNING",
    }
    # Before anybody runs: an event that no declared queue wants counts as delivered.
    with child(["libs.host.cli", "migrate", *services], settings) as migration:
        assert migration.ended() == 0, migration.output
    running = Installation(settings, made_up_secrets([service_definition(name) for name in services], {}))
    with running._stack:
        for name in names:
            running.start(name)
        for name in names:
            running.wait(name)
        yield running
