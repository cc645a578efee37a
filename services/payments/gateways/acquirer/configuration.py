"""Reads acquirers.toml: which acquirers there are, how they are reached, and which cards go to which of them.

    default = "first-bank"                    # takes the cards that no range names; none without it

    [[acquirer]]
    name = "first-bank"
    dialect = "ascii"                         # or a path to a file of your own, ending in .toml
    primary = "192.0.2.1:8583"
    backup = "192.0.2.2:8583"
    cards = ["400000-499999", "51-55"]

MAC keys are secrets and stand in a setting, not here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from services.payments.domain.concentrator.links import LinkName, SwitchRules
from services.payments.domain.concentrator.routing import Route, Routes, RoutesWrong
from services.payments.gateways.acquirer.dialect import Dialect, DialectWrong, read_dialect
from services.payments.gateways.acquirer.link import Address, LinkLimits
from services.payments.gateways.acquirer.mac import MacKey

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
HostAndPort = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9.-]+:[0-9]{1,5}$")]
CardRange = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,11}(-[0-9]{1,11})?$")]
Seconds = Annotated[float, Field(gt=0, le=3_600)]
_LIMITS = LinkLimits()
_RULES = SwitchRules()
_EXAMPLES = {
    "name": "a lower-case word such as first-bank",
    "primary": "host and port, as in 192.0.2.1:8583",
    "backup": "host and port, as in 192.0.2.2:8583",
    "cards": 'ranges of first digits, as in ["400000-499999", "51-55"]',
    "dialect": "the name of a dialect, such as ascii",
}


class AcquirersWrong(ValueError):
    """acquirers.toml cannot be used; the text names the acquirer and the field."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Name
    dialect: str
    primary: HostAndPort
    backup: HostAndPort | None = None
    cards: tuple[CardRange, ...] = ()
    connect_timeout_s: Seconds = _LIMITS.connect_timeout_s
    answer_timeout_s: Seconds = _LIMITS.answer_timeout_s
    echo_timeout_s: Seconds = _LIMITS.echo_timeout_s
    echo_every_s: Seconds = _LIMITS.echo_every_s
    reconnect_pause_s: Seconds = _LIMITS.reconnect_pause_s
    most_outstanding: Annotated[int, Field(ge=1, le=10_000)] = _LIMITS.most_outstanding
    failures: Annotated[int, Field(ge=1, le=100)] = _RULES.failures
    healthy_echoes: Annotated[int, Field(ge=1, le=100)] = _RULES.healthy_echoes
    stay_s: Annotated[int, Field(ge=0, le=86_400)] = 300


@dataclass(frozen=True)
class ConfiguredAcquirer:
    """One acquirer as it is to be connected."""

    name: str
    addresses: Mapping[LinkName, Address]
    dialect: Dialect
    limits: LinkLimits
    rules: SwitchRules
    key: MacKey | None


@dataclass(frozen=True)
class ConfiguredAcquirers:
    """All of them, and the routing of cards between them."""

    acquirers: Mapping[str, ConfiguredAcquirer]
    routes: Routes


def read_acquirers(path: Path, mac_keys: Mapping[str, str]) -> ConfiguredAcquirers:
    """Read the file; `mac_keys` are hexadecimal keys by acquirer. Raises AcquirersWrong with a sentence."""
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise AcquirersWrong(f"{path.name} cannot be read: {error}.") from error
    unknown = sorted(set(document) - {"acquirer", "default"})
    if unknown:
        raise AcquirersWrong(f"{path.name}: {unknown[0]} is not known; acquirers are listed as [[acquirer]].")
    found: dict[str, ConfiguredAcquirer] = {}
    routes: list[Route] = []
    for number, raw in enumerate(document.get("acquirer", []), 1):
        entry = _entry(path, number, raw)
        if entry.name in found:
            raise AcquirersWrong(f"{path.name}: two acquirers are called {entry.name}. Give each its own name.")
        try:
            found[entry.name] = _acquirer(entry, mac_keys.get(entry.name), path.parent)
            routes += [_route(text, entry.name) for text in entry.cards]
        except (DialectWrong, RoutesWrong) as error:
            raise AcquirersWrong(f"{path.name}: {entry.name}: {error}") from error
    default = document.get("default")
    if default is not None and default not in found:
        raise AcquirersWrong(f"{path.name}: default: there is no acquirer {default!r}; there are {', '.join(found)}.")
    try:
        return ConfiguredAcquirers(found, Routes(routes, default))
    except RoutesWrong as error:
        raise AcquirersWrong(f"{path.name}: cards: {error}") from error


def _entry(path: Path, number: int, raw: object) -> _Entry:
    who = raw.get("name", f"acquirer {number}") if isinstance(raw, dict) else f"acquirer {number}"
    try:
        return _Entry.model_validate(raw)
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        field = str(first["loc"][0]) if first["loc"] else "acquirer"
        if first["type"] == "extra_forbidden":
            known = ", ".join(_Entry.model_fields)
            raise AcquirersWrong(f"{path.name}: {who}: {field} is not known; an acquirer has {known}.") from error
        wanted = f"it must be {_EXAMPLES[field]}" if field in _EXAMPLES else first["msg"]
        raise AcquirersWrong(f"{path.name}: {who}: {field}: {wanted}.") from error


def _acquirer(entry: _Entry, mac_key: str | None, folder: Path) -> ConfiguredAcquirer:
    name = str(folder / entry.dialect) if entry.dialect.endswith(".toml") else entry.dialect
    dialect = read_dialect(name)
    algorithm = dialect.mac.algorithm
    if algorithm == "none":
        key = None
    elif mac_key is None:
        raise DialectWrong(f"its dialect authenticates messages ({algorithm}), but there is no MAC key for it.")
    else:
        key = MacKey(algorithm, mac_key)
    addresses = {LinkName.PRIMARY: _address(entry.primary)}
    if entry.backup is not None:
        addresses[LinkName.BACKUP] = _address(entry.backup)
    return ConfiguredAcquirer(
        name=entry.name,
        addresses=addresses,
        dialect=dialect,
        limits=LinkLimits(
            connect_timeout_s=entry.connect_timeout_s,
            answer_timeout_s=entry.answer_timeout_s,
            echo_timeout_s=entry.echo_timeout_s,
            echo_every_s=entry.echo_every_s,
            reconnect_pause_s=entry.reconnect_pause_s,
            most_outstanding=entry.most_outstanding,
        ),
        rules=SwitchRules(entry.failures, entry.healthy_echoes, timedelta(seconds=entry.stay_s)),
        key=key,
    )


def _address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    if not 0 < int(port) < 65_536:
        raise DialectWrong(f"{text}: a port is a number from 1 to 65535.")
    return Address(host, int(port))


def _route(text: str, acquirer: str) -> Route:
    first, _, last = text.partition("-")
    return Route(first, last or first, acquirer)
