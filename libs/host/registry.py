"""The services of this installation: every folder of `services/` that has a composition root."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import services
from libs.host.errors import WrongSetting
from libs.host.service import ServiceDefinition

AnyServiceDefinition = ServiceDefinition[Any]


def service_names() -> list[str]:
    """The names of all services, in alphabetical order; nothing of them is imported."""
    return sorted(
        package.name
        for package in pkgutil.iter_modules(services.__path__)
        if package.ispkg and importlib.util.find_spec(f"services.{package.name}.service") is not None
    )


def service_definition(name: str) -> AnyServiceDefinition:
    """The definition of one service. Raises WrongSetting naming the services there are."""
    names = service_names()
    if name not in names:
        raise WrongSetting(f"There is no service {name!r}; the services are {', '.join(names)}.")
    definition: AnyServiceDefinition = importlib.import_module(f"services.{name}.service").definition
    return definition


def all_services() -> list[AnyServiceDefinition]:
    """Every service of this installation, in alphabetical order."""
    return [service_definition(name) for name in service_names()]
