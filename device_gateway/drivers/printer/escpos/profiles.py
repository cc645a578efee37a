"""What each model of printer can do: the capability profiles of python-escpos, read from its data file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

from device_gateway.drivers.interface import DeviceMisconfigured

# Columns and dots of font A on the usual 203 dpi mechanisms: protocols.md A.2.
COLUMNS = {80: 48, 58: 32}
DOTS = {80: 576, 58: 384}
# At 180 dpi, as in the TM-T88 series, 58 mm of paper are printed on 50.8 mm (from memory, not tried on a device).
_DOTS_58MM_180DPI = 360
_CELL_DOTS = 12
_NARROW_MM = 60
# Python has the page of 2003; printers are older.
_LATER_ADDITIONS = {"ISO_8859-7": frozenset("€₯ͺ")}
_PLAUSIBLE_COLUMNS = range(28, 73)
# Models that answer GS ( H, by Epson's reference of that command; the TM-T88III and older do not.
_PROCESS_ID_MODELS = ("TM-L90", "TM-P80", "TM-T20II", "TM-T88IV", "TM-T88V", "TM-U220")


# The profile of a model that was plugged in and not set up, by its USB id; of the newer ones the nearest (from memory).
_PROFILE_BY_USB_ID = {
    "04b8:0e03": "TM-T20II",
    "04b8:0e15": "TM-T20II",
    "04b8:0e28": "TM-T20II",
    "04b8:0e27": "TM-T20II",
    "04b8:0e21": "TM-T88V",
    "04b8:0e2a": "TM-T20II",
}
DEFAULT = "default"


@dataclass(frozen=True)
class Profile:
    """A model. `pages` are its code pages: the number for ESC t -> the character of each byte from 80h.

    `width_mm` is of the paper it was made for, None if its profile does not tell.
    """

    name: str
    pages: Mapping[int, Mapping[str, int]]
    columns: int | None
    dots: int | None
    dpi: int | None
    width_mm: float | None
    native_qr: bool
    native_barcode: bool
    raster: bool
    full_cut: bool
    partial_cut: bool
    has_process_id: bool
    by_epson: bool

    def paper(self, paper_mm: int) -> tuple[int, int]:
        """Columns and dots on paper of that width."""
        if self.dots is not None and self.columns is not None and self._made_for(paper_mm):
            return self.columns, self.dots
        if paper_mm == min(DOTS) and self.dpi == 180:
            return _DOTS_58MM_180DPI // _CELL_DOTS, _DOTS_58MM_180DPI
        return COLUMNS[paper_mm], DOTS[paper_mm]

    def _made_for(self, paper_mm: int) -> bool:
        narrow = self.width_mm is not None and self.width_mm < _NARROW_MM
        return narrow == (paper_mm < _NARROW_MM)


def profile_named(name: str, code_pages: Mapping[int, str]) -> Profile:
    """The profile of that name, with other code pages where they are given. Raises DeviceMisconfigured."""
    known: Mapping[str, Any] = _capabilities()["profiles"]
    if name not in known:
        raise DeviceMisconfigured(
            f"profile: there is no printer profile {name!r}; there are {', '.join(sorted(known))}. Take default for a "
            "printer that is not among them."
        )
    data = known[name]
    numbered = {int(number): encoding for number, encoding in data["codePages"].items()} | dict(code_pages)
    for number, encoding in code_pages.items():
        if not characters_of(encoding):
            raise DeviceMisconfigured(
                f"code_pages: {encoding!r}, number {number}, is no code page; write one such as CP852 or CP1251."
            )
    features, width = data["features"], data["media"]["width"]
    columns = data["fonts"]["0"]["columns"]
    return Profile(
        name=name,
        pages={number: characters for number in sorted(numbered) if (characters := characters_of(numbered[number]))},
        columns=columns if columns in _PLAUSIBLE_COLUMNS else None,
        dots=_number(width.get("pixels")),
        dpi=_number(data["media"].get("dpi")),
        width_mm=width["mm"] if isinstance(width.get("mm"), int | float) else None,
        native_qr=features["qrCode"],
        native_barcode=features["barcodeB"],
        raster=features["bitImageRaster"],
        full_cut=features["paperFullCut"],
        partial_cut=features["paperPartCut"],
        has_process_id=name.startswith(_PROCESS_ID_MODELS),
        by_epson=data["vendor"] == "Epson",
    )


def profile_at(address: str) -> str:
    """The name of the profile for a printer at `usb:vendor:product`; the default one for any other address."""
    scheme, _, rest = address.lower().partition(":")
    return _PROFILE_BY_USB_ID.get(rest[:9], DEFAULT) if scheme == "usb" else DEFAULT


@lru_cache(maxsize=128)
def characters_of(encoding: str) -> Mapping[str, int]:
    """The characters of the bytes 80h to FFh of a code page; empty if it is not known.

    Only single bytes count: a printer's page CP932 is its katakana, the double bytes of Python's codec are not in it.
    """
    data = _capabilities()["encodings"].get(encoding, {})
    if "data" in data:
        characters = "".join(line.ljust(16) for line in data["data"])
        return {character: 0x80 + at for at, character in enumerate(characters) if character != " "}
    codec = data.get("python_encode")
    if codec is None:
        return {}
    found: dict[str, int] = {}
    for byte in range(0x80, 0x100):
        try:
            character = bytes((byte,)).decode(codec)
        except UnicodeDecodeError:
            continue
        if character.isprintable() and character not in _LATER_ADDITIONS.get(encoding, ()):
            found.setdefault(character, byte)
    return found


def _number(value: object) -> int | None:
    return value if isinstance(value, int) else None


@lru_cache(maxsize=1)
def _capabilities() -> Mapping[str, Any]:
    data: Mapping[str, Any] = json.loads(files("escpos").joinpath("capabilities.json").read_text(encoding="utf-8"))
    return data
