"""Plugging in is all that a shopkeeper does: what a driver's manifest knows is taken into service, and keeps its name.

Every change also wakes the owners of the listed devices, so that one that is back is open again at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from device_gateway.configuration import ConfiguredDevice
from device_gateway.domain.placement import PlacedDevice
from device_gateway.drivers.interface import DeviceMisconfigured, Driver, DriverOptions
from device_gateway.drivers.manifests import WrongManifest, load_driver, manifests
from device_gateway.hotplug import USB, Change, HotPlug, PluggedDevice, Suggestion, read_usb_address, suggestions
from device_gateway.workers import Workforce
from libs.contracts.refusal import Conflict

log = structlog.get_logger(__name__)

NAMES_FILE = "plugged_in.json"


def suggested_now() -> list[Suggestion]:
    """What is plugged in now and a driver of this installation can drive."""
    return suggestions(manifests().values())


class PlugAndPlay:
    """Takes what is plugged in into service, for all tills of this PC. Called from one thread at a time."""

    def __init__(
        self,
        workforce: Workforce,
        till_ids: Sequence[UUID],
        folder: Path,
        *,
        suggest: Callable[[], list[Suggestion]] = suggested_now,
        load: Callable[[str], Driver[Any]] = load_driver,
    ) -> None:
        self._workforce = workforce
        self._till_ids = tuple(till_ids)
        self._names_file = folder / NAMES_FILE
        self._suggest = suggest
        self._load = load

    def changed(self, _change: Change | None = None) -> None:
        """Something was plugged in or pulled out, or it is the start."""
        for worker in self._workforce.workers():
            worker.wake()
        try:
            for suggestion in self._suggest():
                if not any(_is_at(worker.options, suggestion.plugged) for worker in self._workforce.workers()):
                    self._adopt(suggestion)
        except (WrongManifest, LookupError, ImportError, OSError) as error:
            log.error("plug_and_play_failed", error=f"{type(error).__name__}: {error}")

    def paths(self) -> list[str]:
        """The device files that listed devices are at, for the watch to look at."""
        addresses = (address_in(worker.options) for worker in self._workforce.workers())
        return [address for address in addresses if address is not None and address.startswith("/")]

    def _adopt(self, suggestion: Suggestion) -> None:
        driver = self._load(suggestion.driver)
        address = suggestion.match.address
        try:
            options: DriverOptions = driver.options.model_validate({"address": address})
        except ValidationError as error:
            log.warning("not_plug_and_play", driver=suggestion.driver, address=address, error=str(error))
            return
        manifest = manifests().get(suggestion.driver)
        kind = manifest.kind if manifest is not None else suggestion.kind
        placed = PlacedDevice(
            self._name(address, suggestion.kind),
            kind,  # type: ignore[arg-type]  # a manifest's kind
            suggestion.driver,
            self._till_ids,
            drawer_plug=kind == "printer",
        )
        try:
            self._workforce.add(ConfiguredDevice(placed, driver, options))
        except Conflict:
            return
        log.info("plugged_in", device=placed.name, driver=suggestion.driver, title=suggestion.title, address=address)

    def _name(self, address: str, kind: str) -> str:
        """The name that this device had before, or a new one, which is kept."""
        names = self._names()
        taken = {worker.placed.name for worker in self._workforce.workers()}
        if address in names and names[address] not in taken:
            return names[address]
        number = 1
        while (name := kind if number == 1 else f"{kind}-{number}") in taken | set(names.values()):
            number += 1
        names[address] = name
        fresh = self._names_file.with_suffix(".new")
        fresh.write_bytes(to_json(names, indent=2))
        fresh.replace(self._names_file)
        return name

    def _names(self) -> dict[str, str]:
        try:
            names = from_json(self._names_file.read_bytes())
        except (OSError, ValueError):
            return {}
        return {str(address): str(name) for address, name in names.items()} if isinstance(names, dict) else {}


@contextmanager
def plug_and_play(workforce: Workforce, till_ids: Sequence[UUID], folder: Path) -> Iterator[None]:
    """Watch for the block what is plugged in and pulled out."""
    plugging = PlugAndPlay(workforce, till_ids, folder)
    plugging.changed()
    watch = HotPlug(plugging.changed, plugging.paths)
    watch.start()
    try:
        yield
    finally:
        watch.stop()


def address_in(options: DriverOptions) -> str | None:
    """The address among a driver's options; None for a driver without one."""
    address = getattr(options, "address", None)
    return address if isinstance(address, str) else None


def _is_at(options: DriverOptions, plugged: PluggedDevice) -> bool:
    """Whether a device that is listed, or was taken into service before, is this one."""
    address = address_in(options)
    if address is None:
        return False
    if not address.lower().startswith(USB):
        return address.startswith("/") and os.path.realpath(address) == os.path.realpath(plugged.node)
    try:
        return read_usb_address(address).fits(plugged)
    except DeviceMisconfigured:
        return False
