"""RabbitMQ and Redis for tests: found by environment variable, on the standard port, or started with Docker."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

RABBITMQ_IMAGE = "rabbitmq:4"
PROBE_TIMEOUT_S = 2.0
DOCKER_TIMEOUT_S = 10.0


class ServiceAbsent(RuntimeError):
    """A server that tests need is neither configured, nor running, nor can it be started here."""


@contextmanager
def rabbitmq_server() -> Iterator[str]:
    """The URL of a RabbitMQ: TILLSTREAM_TEST_RABBITMQ_URL, the standard port, or Docker. Raises ServiceAbsent."""
    configured = os.environ.get("TILLSTREAM_TEST_RABBITMQ_URL")
    if configured:
        yield configured
        return
    if _listens("127.0.0.1", 5672):
        yield "amqp://guest:guest@127.0.0.1:5672/"
        return
    if not _docker_answers():
        raise ServiceAbsent(
            "no RabbitMQ: TILLSTREAM_TEST_RABBITMQ_URL is not set, nothing listens on 127.0.0.1:5672, "
            "and no Docker engine answers"
        )
    # Imported here: most runs need neither Docker nor its client.
    from testcontainers.rabbitmq import RabbitMqContainer

    with RabbitMqContainer(RABBITMQ_IMAGE) as container:
        host, port = container.get_container_host_ip(), container.get_exposed_port(5672)
        yield f"amqp://guest:guest@{host}:{port}/"


@contextmanager
def redis_server() -> Iterator[str]:
    """The URL of a Redis: TILLSTREAM_TEST_REDIS_URL or the standard port. Raises ServiceAbsent."""
    configured = os.environ.get("TILLSTREAM_TEST_REDIS_URL")
    url = configured or "redis://127.0.0.1:6379/0"
    parts = urlsplit(url)
    if not configured and not _listens(parts.hostname or "127.0.0.1", parts.port or 6379):
        raise ServiceAbsent("no Redis: TILLSTREAM_TEST_REDIS_URL is not set and nothing listens on 127.0.0.1:6379")
    yield url


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=PROBE_TIMEOUT_S):
            return True
    except OSError:
        return False


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        answer = subprocess.run(  # noqa: S603 - a fixed command
            [docker, "info"], capture_output=True, timeout=DOCKER_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0
