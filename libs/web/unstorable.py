"""Which field of a request held a value that the database cannot store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from fastapi import Request
from pydantic_core import from_json

_NUL = "\x00"
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1


async def unstorable_field(request: Request) -> str | None:
    """The dotted path of the first value with a NUL character, or of more than 64 bits; None if there is none.

    Asked only after the database has refused, so that no request pays for the search.
    """
    places: list[tuple[str, Any]] = [
        *_inside(dict(request.path_params), "path."),
        *_inside(dict(request.query_params), "query."),
        *_inside(await _body(request), ""),
    ]
    return next((place for place, value in places if _is_unstorable(value)), None)


async def _body(request: Request) -> Any:
    try:
        return from_json(await request.body())
    except (ValueError, RuntimeError):
        # Not JSON, or a stream that the route has read itself.
        return None


def _inside(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name, part in value.items():
            yield f"{place}{name}", name
            yield from _inside(part, f"{place}{name}.")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _inside(part, f"{place}{index}.")
    else:
        yield place.rstrip("."), value


def _is_unstorable(value: Any) -> bool:
    if isinstance(value, str):
        return _NUL in value
    return isinstance(value, int) and not _SMALLEST <= value <= _LARGEST
