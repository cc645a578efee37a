"""The compose file and what belongs to it: every service is there, and only the edge is reachable from outside.

`make compose-smoke` runs it for real; these tests need no Docker.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from libs.host.registry import all_services, service_names, with_tables
from libs.host.settings import HostSettings

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
STORED = [definition.name for definition in with_tables(all_services())]
EXAMPLE = (ROOT / ".env.example").read_text()
CADDYFILE = (ROOT / "infra/docker/Caddyfile").read_text()


def example_variables() -> dict[str, str]:
    lines = [line for line in EXAMPLE.splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


@pytest.mark.parametrize("service", service_names())
def test_every_service_has_a_container_that_runs_it_as_its_own_role_where_it_has_tables(service: str) -> None:
    container = CONTAINERS[service]
    assert container["command"] == ["run", service]
    assert container["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    assert container["healthcheck"]["test"][-1] == service
    if service not in STORED:
        return
    url = container["environment"][f"TILLSTREAM_{service.upper()}_DATABASE_URL"]
    assert url.startswith(f"postgresql://tillstream_{service}:")
    assert CONTAINERS["migrate"]["environment"][f"TILLSTREAM_{service.upper()}_DATABASE_URL"] == url


@pytest.mark.parametrize("service", service_names())
def test_a_service_gets_no_other_services_password_and_not_the_owners(service: str) -> None:
    environment = CONTAINERS[service]["environment"]
    assert "TILLSTREAM_DATABASE_URL" not in environment
    urls = [name for name in environment if name.endswith("_DATABASE_URL")]
    assert urls == ([f"TILLSTREAM_{service.upper()}_DATABASE_URL"] if service in STORED else [])


def test_only_the_edge_is_published_and_the_operators_pages_only_to_this_machine() -> None:
    published = {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container}
    assert published.pop("edge") == ["${TILLSTREAM_PORT:-8080}:8080"]
    for name, ports in published.items():
        assert CONTAINERS[name]["profiles"] == ["observability"]
        assert all(port.startswith("127.0.0.1:") for port in ports)


def test_the_edge_knows_every_service() -> None:
    known = CONTAINERS["edge"]["environment"]["TILLSTREAM_SERVICES"].split("|")
    assert set(service_names()) <= set(known)
    default = re.search(r"\{\$TILLSTREAM_SERVICES:([^}]*)\}", CADDYFILE)
    assert default is not None
    assert default.group(1).split("|") == sorted(service_names(), key=default.group(1).split("|").index)


def test_every_secret_is_in_the_example_and_missing_ones_are_refused_with_a_hint() -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    required = set(re.findall(r"\$\{([A-Z_]+):\?copy \.env\.example to \.env\}", text))
    assert required == {
        "CATALOG_DATABASE_PASSWORD",
        "IDENTITY_DATABASE_PASSWORD",
        "IDENTITY_ENCRYPTION_KEY",
        "IDENTITY_SETUP_CODE",
        "PAYMENTS_DATABASE_PASSWORD",
        "POSTGRES_PASSWORD",
        "RABBITMQ_PASSWORD",
        "SALES_DATABASE_PASSWORD",
    }
    assert required <= set(example_variables())


def test_the_example_is_accepted_by_the_services_it_is_for(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = example_variables()
    for container in CONTAINERS.values():
        for name, template in (container.get("environment") or {}).items():
            value = re.sub(r"\$\{([A-Z_]+)(?::[-?][^}]*)?\}", lambda match: variables.get(match.group(1), ""), template)
            if name.startswith("TILLSTREAM_") and name != "TILLSTREAM_SERVICES":
                monkeypatch.setenv(name, value)
    settings = HostSettings()
    assert settings.rabbitmq_url == "amqp://tillstream:change-me-rabbitmq@rabbitmq:5672/"
    assert settings.otlp_endpoint is None
    for definition in all_services():
        definition.settings()


@pytest.mark.parametrize("service", service_names())
def test_prometheus_scrapes_every_replica_of_every_service(service: str) -> None:
    jobs = yaml.safe_load((ROOT / "infra/observability/prometheus.yml").read_text())["scrape_configs"]
    (job,) = [job for job in jobs if job["job_name"] == service]
    assert job["metrics_path"] == f"/{service}/metrics"
    assert job["dns_sd_configs"][0]["names"] == [service]


def test_the_files_that_are_mounted_exist() -> None:
    mounted = [
        volume.split(":")[0]
        for container in CONTAINERS.values()
        for volume in container.get("volumes", [])
        if "./" in volume
    ]
    assert len(mounted) == 6
    assert [path for path in mounted if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("command", [["docker", "compose"], ["docker-compose"]])
def test_compose_itself_accepts_the_file(command: list[str]) -> None:
    if shutil.which(command[0]) is None or subprocess.run([*command, "version"], capture_output=True).returncode:
        pytest.skip(f"{' '.join(command)} is not installed; make compose-smoke needs one of them")
    finished = subprocess.run(
        [*command, "--env-file", ".env.example", "config", "-q"], cwd=ROOT, capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
