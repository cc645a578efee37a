"""A RabbitMQ of one's own, to be killed and started again: the shared one belongs to the other tests."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

from libs.testkit.brokers import RABBITMQ_IMAGE, ServiceAbsent
from tests.integration.host.processes import free_port

# Debian's command in the path is a wrapper that becomes another user and drops the environment.
_BINARIES = ("/usr/lib/rabbitmq/bin/rabbitmq-server",)
START_LIMIT_S = 90.0
STOP_LIMIT_S = 30.0


class Broker(Protocol):
    """A broker that a test may stop and start; what it has confirmed survives."""

    url: str
    management_url: str

    def stop(self) -> None:
        """End it at once, without a word to its clients."""

    def start(self) -> None:
        """Start it on the same data and port, and wait until it answers."""


@contextmanager
def own_broker(folder: Path, *, management: bool = False) -> Iterator[Broker]:
    """A RabbitMQ from the installed package, else from Docker. Raises ServiceAbsent without either.

    With `management` it has the management plugin, whose HTTP API is at `management_url`.
    """
    binary = next((path for path in (*_BINARIES, shutil.which("rabbitmq-server")) if path and Path(path).exists()), "")
    if not binary and shutil.which("docker") is None:
        raise ServiceAbsent("no RabbitMQ to restart: rabbitmq-server is not installed, and there is no Docker")
    with ExitStack() as stack:
        broker: Broker
        if binary:
            broker = node = _Node(binary, folder, management=management)
            stack.callback(node.end)
        else:
            broker = container = _Container(management=management)
            stack.callback(container.end)
        broker.start()
        yield broker


class _Node:
    """A node of the installed package; data, logs, cookie and name are its own."""

    def __init__(self, binary: str, folder: Path, *, management: bool) -> None:
        self._binary = binary
        self._port = free_port()
        management_port = free_port()
        self.management_url = f"http://guest:guest@127.0.0.1:{management_port}"
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}/"
        (folder / "enabled_plugins").write_text("[rabbitmq_management].\n" if management else "[].\n")
        settings = [f"listeners.tcp.1 = 127.0.0.1:{self._port}"]
        if management:
            settings += ["management.tcp.ip = 127.0.0.1", f"management.tcp.port = {management_port}"]
        (folder / "rabbitmq.conf").write_text("\n".join(settings) + "\n")
        self._log = folder / "output.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RABBITMQ_", "ERL_"))},
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"tillstream-{secrets.token_hex(4)}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(folder / "pid"),
            # One scheduler is plenty for a test on a small machine that has other work.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none",
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._binary], env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        deadline = time.monotonic() + START_LIMIT_S
        while not _speaks_amqp(self._port):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the broker did not start:\n{self._log.read_text()}")
            time.sleep(0.1)

    def stop(self) -> None:
        self._end(signal.SIGKILL)

    def end(self) -> None:
        """Stop it for good, if it runs."""
        if self._process is not None and self._process.poll() is None:
            self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        assert self._process is not None
        # Its session is ours alone: the node and the little helpers it has started.
        os.killpg(self._process.pid, number)
        self._process.wait(STOP_LIMIT_S)


class _Container:
    """A container on a fixed port, which it keeps when it is started again."""

    def __init__(self, *, management: bool) -> None:
        # Imported here: a machine with the package needs neither Docker nor its client.
        from testcontainers.core.container import DockerContainer

        self._port = free_port()
        self.url = f"amqp://guest:guest@127.0.0.1:{self._port}/"
        management_port = free_port()
        self.management_url = f"http://guest:guest@127.0.0.1:{management_port}"
        image = f"{RABBITMQ_IMAGE}-management" if management else RABBITMQ_IMAGE
        self._container = DockerContainer(image).with_bind_ports(5672, self._port)
        if management:
            self._container = self._container.with_bind_ports(15672, management_port)
        self._created = False

    def start(self) -> None:
        if self._created:
            self._container.get_wrapped_container().start()
        else:
            self._container.start()
            self._created = True
        deadline = time.monotonic() + START_LIMIT_S
        while not _speaks_amqp(self._port):
            if time.monotonic() > deadline:
                raise RuntimeError("the broker's container did not start")
            time.sleep(0.2)

    def stop(self) -> None:
        self._container.get_wrapped_container().kill()

    def end(self) -> None:
        """Remove the container."""
        if self._created:
            self._container.stop()


def _speaks_amqp(port: int) -> bool:
    """Whether the broker answers the protocol header of AMQP 0-9-1; a forwarded port alone accepts and hangs up."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=2) as connection:
            connection.sendall(b"AMQP\x00\x00\x09\x01")
            return bool(connection.recv(1))
    except OSError:
        return False
