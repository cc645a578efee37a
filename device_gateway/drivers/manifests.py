"""Reads and checks the manifest.toml of every driver; `make check` refuses a driver without a right one."""

from __future__ import annotations

import importlib
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from device_gateway.drivers.interface import Driver
from libs.contracts.gateway import DeviceKind

FOLDER = Path(__file__).parent
HexWord = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{4}$")]


class WrongManifest(ValueError):
    """A manifest is missing or wrong; the text names file and field."""


class UsbId(BaseModel):
    """A device that the driver can drive as soon as it is plugged in. Without `product` it is every one of a vendor."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    vendor: HexWord
    product: HexWord | None = None
    title: str


class Manifest(BaseModel):
    """What a driver says of itself.

    `lines` are the ways it can be connected, e.g. `usb`, `serial`, `tcp`, `file`, `hid`, `web`. `sources` name the
    documents its bytes come from; `proof` says what it was tried against. `simulator` is true if there is one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]
    kind: DeviceKind
    title: str
    lines: Annotated[tuple[str, ...], Field(min_length=1)]
    sources: Annotated[tuple[str, ...], Field(min_length=1)]
    proof: str
    simulator: bool
    usb: tuple[UsbId, ...] = ()

    @property
    def module(self) -> str:
        """The package of the driver."""
        return f"device_gateway.drivers.{self.kind}.{self.name}"


@lru_cache(maxsize=1)
def manifests() -> dict[str, Manifest]:
    """Every driver by name. Raises WrongManifest."""
    found: dict[str, Manifest] = {}
    for folder in sorted(path.parent for path in FOLDER.glob("*/*/driver.py")):
        manifest = read_manifest(folder)
        if manifest.name in found:
            raise WrongManifest(f"Two drivers are called {manifest.name!r}.")
        found[manifest.name] = manifest
    return found


def read_manifest(folder: Path) -> Manifest:
    """The manifest in a driver's folder. Raises WrongManifest."""
    path = folder / "manifest.toml"
    try:
        manifest = Manifest.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise WrongManifest(f"{folder.name}: manifest.toml cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise WrongManifest(f"{folder.name}/manifest.toml is not TOML: {error}.") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        raise WrongManifest(f"{folder.name}/manifest.toml: {field}: {first['msg']}.") from error
    if (manifest.kind, manifest.name) != (folder.parent.name, folder.name):
        raise WrongManifest(f"{folder.name}/manifest.toml is of {manifest.kind}/{manifest.name}, not of its folder.")
    if manifest.simulator != (folder / "simulator.py").exists():
        raise WrongManifest(f"{folder.name}/manifest.toml: simulator: true and simulator.py go together.")
    return manifest


def load_driver(name: str) -> Driver[Any]:
    """The driver of that name. Raises LookupError naming those there are."""
    manifest = manifests().get(name)
    if manifest is None:
        raise LookupError(f"There is no driver {name!r}; the drivers are {', '.join(manifests())}.")
    driver: Driver[Any] = importlib.import_module(f"{manifest.module}.driver").driver
    return driver
