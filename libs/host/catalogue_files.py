"""Products and prices as CSV files, into and out of a running system by its public API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from libs.host.errors import CheckFailed, NotAvailable, WrongSetting
from libs.host.remote_api import RemoteApi

CATALOG = "/catalog/v1"
PROGRESS_POLL_S = 0.3
SHOWN_REFUSALS = 20
_OVER = ("finished", "failed")
_COUNTED = ("created", "changed", "unchanged", "refused")


@dataclass(frozen=True, slots=True)
class FileOptions:
    """How the server reads the file; None leaves it to the server."""

    encoding: str | None = None
    delimiter: str | None = None
    price_list: str | None = None
    dry_run: bool = False

    def query(self, file_name: str) -> dict[str, Any]:
        """The parameters of the upload."""
        wanted = {"encoding": self.encoding, "delimiter": self.delimiter, "price_list": self.price_list}
        chosen: dict[str, Any] = {name: value for name, value in wanted.items() if value is not None}
        return {**chosen, "dry_run": self.dry_run, "file_name": file_name}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row that was not taken: its number in the file (the header is 1), its column and value, and what is right."""

    row: int
    column: str
    value: str
    message: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of the rows of a file; `refusals` are the first of those that were refused."""

    import_id: str
    rows: int
    counts: dict[str, int]
    failure: str | None
    refusals: list[Refusal]


def read_file(path: Path) -> bytes:
    """The content of a file that somebody named. Raises WrongSetting."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise WrongSetting(f"{path} cannot be read: {error.strerror}.") from error


def upload(api: RemoteApi, path: Path, options: FileOptions) -> dict[str, Any]:
    """Hand the file to the server; the import as it was accepted, with its `import_id` and `total` rows.

    Raises WrongSetting when the file cannot be read, CheckFailed when the server refuses it as a whole.
    """
    accepted: dict[str, Any] = api.post_file(
        f"{CATALOG}/imports", read_file(path), "text/csv", options.query(path.name[:200])
    )
    return accepted


def follow(api: RemoteApi, accepted: dict[str, Any], advance: Callable[[str, int], None]) -> ImportReport:
    """Wait until the import is over, telling `advance` of the rows done since it was last told."""
    import_id, told = accepted["import_id"], 0
    while True:
        found = api.json("GET", f"{CATALOG}/imports/{import_id}")
        advance("rows checked" if found["dry_run"] else "rows carried in", found["done"] - told)
        told = found["done"]
        if found["state"] in _OVER:
            break
        time.sleep(PROGRESS_POLL_S)
    refusals = []
    if found["refused"]:
        page = api.json("GET", f"{CATALOG}/imports/{import_id}/refusals", params={"limit": SHOWN_REFUSALS})
        refusals = [Refusal(**{name: each[name] for name in Refusal.__slots__}) for each in page["items"]]
    counts = {name: found[name] for name in _COUNTED}
    return ImportReport(import_id, found["total"], counts, found["failure"], refusals)


def save_refusals(api: RemoteApi, import_id: str, path: Path) -> None:
    """Write every refused row to a CSV file: row, column, value, message. Raises NotAvailable."""
    _download(api, f"{CATALOG}/imports/{import_id}/refusals.csv", path, {}, lambda size: None)


def export(api: RemoteApi, what: str, path: Path, delimiter: str, advance: Callable[[int], None]) -> None:
    """Write all `products` or all `prices` to a file, in the form that imports read; `advance` is told of bytes.

    The file appears when it is whole. Raises CheckFailed when it is there already, or NotAvailable.
    """
    if path.exists():
        raise CheckFailed(f"{path} is there already. Name another file, or delete it first.")
    _download(api, f"{CATALOG}/exports/{what}", path, {"delimiter": delimiter}, advance)


def _download(api: RemoteApi, source: str, path: Path, params: dict[str, Any], advance: Callable[[int], None]) -> None:
    unfinished = path.with_name(f"{path.name}.part")
    try:
        with api.streamed(source, **params) as chunks, unfinished.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
                advance(len(chunk))
        unfinished.replace(path)
    except OSError as error:
        raise NotAvailable(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        unfinished.unlink(missing_ok=True)
