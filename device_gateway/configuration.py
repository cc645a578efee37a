"""Reads devices.toml: what is plugged into this PC. Every mistake is one sentence that names device and field.

[[device]]
name = "receipt-printer"     # what people call it; it stays when it is plugged in elsewhere
driver = "escpos"            # one of `tillstream gateway check-drivers`
tills = ["1"]                # codes of the tills it serves; all tills of this PC without it
drawer = true                # printers only: a drawer may be plugged into it (true without it)

[device.options]             # what this driver takes, see its README
host = "192.0.2.20"
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from device_gateway.domain.placement import PlacedDevice
from device_gateway.drivers.interface import Driver, DriverOptions
from device_gateway.drivers.manifests import Manifest, WrongManifest, load_driver, manifests
from device_gateway.enrolment import EnrolledTill
from libs.contracts.gateway import DeviceName
from libs.host.errors import WrongSetting

NAME_RULE = "it must be a lower-case word such as receipt-printer: a letter, then up to 31 letters, digits, - and _"
_DEVICE_NAME = TypeAdapter(DeviceName)
# What says where a device is, in the options of the drivers; the rest (speed, paper, profile) does not tell two apart.
# A bank's program drives the terminal that the folder of its configuration names.
ADDRESS_FIELDS = ("address", "line", "program", "configuration_folder")


@dataclass(frozen=True)
class ConfiguredDevice:
    """A device as it is to be run: where it is placed, and its driver with checked options."""

    placed: PlacedDevice
    driver: Driver[Any]
    options: DriverOptions

    @property
    def name(self) -> str:
        """Its logical name."""
        return self.placed.name


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    driver: str
    tills: tuple[str | int, ...] | None = None
    drawer: bool | None = None
    options: dict[str, Any] = {}


def read_devices(
    path: Path,
    tills: Sequence[EnrolledTill],
    *,
    known: Callable[[], Mapping[str, Manifest]] = manifests,
    load: Callable[[str], Driver[Any]] = load_driver,
) -> list[ConfiguredDevice]:
    """The devices of a file, in its order. Raises WrongSetting with a sentence. A file that is not there lists none."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise WrongSetting(f"{path} cannot be read ({error.strerror}). Give this user the right to.") from error
    except UnicodeDecodeError as error:
        raise WrongSetting(f"{path} is not UTF-8 text: save it as UTF-8.") from error
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise WrongSetting(
            f"{path} is not TOML: {error}. Compare it with the example in the gateway's README."
        ) from error
    return devices_in(document, tills, known=known, load=load)


def devices_in(
    document: Mapping[str, Any],
    tills: Sequence[EnrolledTill],
    *,
    known: Callable[[], Mapping[str, Manifest]] = manifests,
    load: Callable[[str], Driver[Any]] = load_driver,
) -> list[ConfiguredDevice]:
    """The devices of a document read from TOML. Raises WrongSetting with a sentence."""
    entries = document.get("device", [])
    unknown = sorted(set(document) - {"device"})
    if unknown:
        raise WrongSetting(f"devices.toml: {unknown[0]} is not known; devices are listed as [[device]].")
    if not isinstance(entries, list) or not all(isinstance(entry, Mapping) for entry in entries):
        raise WrongSetting("devices.toml: device must be a list; write [[device]] with two brackets.")
    found: list[ConfiguredDevice] = []
    for number, raw in enumerate(entries, 1):
        device = _device(number, raw, tills, known, load)
        _check_apart(device, found)
        found.append(device)
    return found


def _device(
    number: int,
    raw: Mapping[str, Any],
    tills: Sequence[EnrolledTill],
    known: Callable[[], Mapping[str, Manifest]],
    load: Callable[[str], Driver[Any]],
) -> ConfiguredDevice:
    entry = _entry(number, raw)
    who = f"Device {entry.name!r}"
    try:
        manifest = known().get(entry.driver)
    except WrongManifest as error:
        raise WrongSetting(f"The drivers of this installation are damaged: {error}") from error
    if manifest is None:
        drivers = ", ".join(sorted(known())) or "none"
        raise WrongSetting(f"{who}: driver: there is no driver {entry.driver!r}; the drivers are {drivers}.")
    if entry.drawer is not None and manifest.kind != "printer":
        raise WrongSetting(
            f"{who}: drawer: it is for printers; {entry.driver} drives a {manifest.kind}. Leave it away."
        )
    till_ids = _tills(who, entry.tills, tills)
    driver = load(entry.driver)
    options = _options(who, entry.driver, driver, entry.options)
    drawer_plug = manifest.kind == "printer" and entry.drawer is not False
    placed = PlacedDevice(entry.name, manifest.kind, entry.driver, till_ids, drawer_plug)
    return ConfiguredDevice(placed, driver, options)


def _entry(number: int, raw: Mapping[str, Any]) -> _Entry:
    given = raw.get("name")
    who = f"Device {given!r}" if isinstance(given, str) else f"Device number {number}"
    try:
        entry = _Entry.model_validate(dict(raw))
        _DEVICE_NAME.validate_python(entry.name)
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        field = str(found["loc"][0]) if found["loc"] else "name"
        if field == "name" and found["type"] != "missing":
            raise WrongSetting(f"{who}: name: {NAME_RULE}.") from error
        if found["type"] == "missing":
            raise WrongSetting(f"{who}: {field}: it is missing; write for example {_EXAMPLES[field]}.") from error
        if found["type"] == "extra_forbidden":
            fields = ", ".join(_Entry.model_fields)
            raise WrongSetting(
                f"{who}: {field} is not known; a device has {fields}. What the driver takes stands below "
                "[device.options]."
            ) from error
        raise WrongSetting(f"{who}: {field}: write for example {_EXAMPLES[field]}.") from error
    return entry


_EXAMPLES = {
    "name": 'name = "receipt-printer"',
    "driver": 'driver = "escpos"',
    "tills": 'tills = ["1"]',
    "drawer": "drawer = true",
    "options": "[device.options] with one option on each line",
}


def _tills(who: str, wanted: Sequence[str | int] | None, tills: Sequence[EnrolledTill]) -> tuple[UUID, ...]:
    if wanted is None:
        return tuple(till.till_id for till in tills)
    if not wanted:
        raise WrongSetting(f"{who}: tills: it names none. Name one, or leave it away: then it serves all tills here.")
    by_name = {**{str(till.till_id): till.till_id for till in tills}, **{till.code: till.till_id for till in tills}}
    for name in wanted:
        if str(name) not in by_name:
            codes = ", ".join(till.code for till in tills)
            raise WrongSetting(f"{who}: tills: this PC has no till {str(name)!r}; its tills are {codes}.")
    return tuple(dict.fromkeys(by_name[str(name)] for name in wanted))


def _options(who: str, name: str, driver: Driver[Any], given: Mapping[str, Any]) -> DriverOptions:
    try:
        options: DriverOptions = driver.options.model_validate(dict(given))
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in found["loc"])
        if found["type"] == "extra_forbidden":
            allowed = ", ".join(driver.options.model_fields) or "none"
            raise WrongSetting(f"{who}: options.{field} is not known; the options of {name} are {allowed}.") from error
        if found["type"] == "missing":
            raise WrongSetting(f"{who}: options.{field} is missing; {name} cannot do without it.") from error
        what = found["msg"].removeprefix("Value error, ")
        place = f"options.{field}" if field else "options"
        raise WrongSetting(f"{who}: {place}: {what[:1].lower()}{what[1:].rstrip('.')}.") from error
    return options


def address_of(options: DriverOptions) -> Mapping[str, Any]:
    """The options that say where the device is; empty for one that has no address of its own."""
    given = options.model_dump(mode="json", exclude_none=True)
    return {name: given[name] for name in ADDRESS_FIELDS if name in given}


def _check_apart(device: ConfiguredDevice, others: Sequence[ConfiguredDevice]) -> None:
    """Raise WrongSetting if another device has this one's name or address: one thread owns a physical device."""
    address = address_of(device.options)
    for other in others:
        if other.name == device.name:
            raise WrongSetting(f"Device {device.name!r}: name: there are two of that name. Give each its own.")
        if address and address == address_of(other.options):
            shown = ", ".join(f"{name} = {value!r}" for name, value in address.items())
            raise WrongSetting(
                f"Device {device.name!r}: options: {other.name!r} is at the same address ({shown}). A device can be "
                "listed once only; correct one of the two addresses."
            )
