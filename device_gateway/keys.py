"""The keys that tokens are signed with, kept on this PC: a till is still known while the office cannot be reached."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import structlog
from pydantic_core import from_json, to_json

from libs.web.authentication import JWKS_PATH

log = structlog.get_logger(__name__)

FILE_NAME = "keys.json"


def kept_keys(client: httpx.AsyncClient, folder: Path) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A `fetch_keys` for TokenVerifier: identity's public key set, or the one kept from last time.

    Raises httpx.HTTPError if neither can be had.
    """
    path = folder / FILE_NAME

    async def fetch() -> dict[str, Any]:
        try:
            response = await client.get(JWKS_PATH)
            response.raise_for_status()
        except httpx.HTTPError:
            kept = _read(path)
            if kept is None:
                raise
            return kept
        document: dict[str, Any] = response.json()
        _write(path, document)
        return document

    return fetch


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = from_json(path.read_bytes())
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _write(path: Path, document: dict[str, Any]) -> None:
    try:
        fresh = path.with_suffix(".new")
        fresh.write_bytes(to_json(document))
        fresh.replace(path)
    except OSError as error:
        log.warning("keys_not_kept", path=str(path), error=str(error))
