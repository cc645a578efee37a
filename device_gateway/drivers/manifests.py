"""Reads and checks the manifest.toml of every driver; `make check` refuses a driver without a right one."""

from __future__ import annotations

import importlib
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from device_gateway.domain.terminal_capabilities import PURCHASE_SHARES, TerminalCapability
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
    `capabilities` are for payment terminals, which must list them: what is not listed is refused at the till before
    anything is sent.
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
    capabilities: frozenset[TerminalCapability] = frozenset()

    @model_validator(mode="after")
    def _capabilities_of_terminals(self) -> Manifest:
        listed = "capabilities" in self.model_fields_set
        if listed != (self.kind == "terminal"):
            raise ValueError("capabilities are listed by the drivers of payment terminals, and by no others")
        if self.capabilities & PURCHASE_SHARES and "purchase" not in self.capabilities:
            raise ValueError("capabilities: cash_back, tip and instalments come with a purchase, which is not listed")
        return self

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
        told = first["msg"].removeprefix("Value error, ")
        raise WrongManifest(": ".join(filter(None, (f"{folder.name}/manifest.toml", field, f"{told}.")))) from error
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
