"""The services of this installation: every folder of `services/` that has a composition root."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Iterable
from typing import Any

import services
from libs.host.errors import WrongSetting
from libs.host.service import ServiceDefinition, TablelessDefinition

AnyStoredDefinition = ServiceDefinition[Any]
AnyServiceDefinition = AnyStoredDefinition | TablelessDefinition[Any]


def service_names() -> list[str]:
    """The names of all services, in alphabetical order; nothing of them is imported."""
    return sorted(
        package.name
        for package in pkgutil.iter_modules(services.__path__)
        if package.ispkg and importlib.util.find_spec(f"services.{package.name}.service") is not None
    )


def service_definition(name: str) -> AnyServiceDefinition:
    """The definition of one service: a name of `services/`, or the dotted name of a package of somebody else's.

    A subscriber that an integrator writes runs in the same host as `tillstream run their.package`.
    Raises WrongSetting naming the services there are.
    """
    module = f"{name}.service" if "." in name else f"services.{name}.service"
    if "." not in name and name not in service_names():
        raise WrongSetting(f"There is no service {name!r}; the services are {', '.join(service_names())}.")
    try:
        definition: AnyServiceDefinition = importlib.import_module(module).definition
    except ModuleNotFoundError as error:
        if error.name is None or not module.startswith(error.name):
            raise
        raise WrongSetting(f"There is no module {module!r} that could hold a service's definition.") from error
    return definition


def all_services() -> list[AnyServiceDefinition]:
    """Every service of this installation, in alphabetical order."""
    return [service_definition(name) for name in service_names()]


def with_tables(definitions: Iterable[AnyServiceDefinition]) -> list[AnyStoredDefinition]:
    """Those of the services that keep tables: what is migrated, has a role, and has messages."""
    return [definition for definition in definitions if isinstance(definition, ServiceDefinition)]
