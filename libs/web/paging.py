"""Cursor paging: constant cost per page however deep, and no row missed or repeated while others write."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Depends, Query
from pydantic import BaseModel, Field
from pydantic_core import from_json, to_json

from libs.contracts.refusal import Invalid

DEFAULT_PAGE_ROWS = 50
LARGEST_PAGE_ROWS = 500

Item = TypeVar("Item")
Row = TypeVar("Row")


class Page(BaseModel, Generic[Item]):
    """A page of a list; `next_cursor` is given back as `?cursor=` for the page after, and is null on the last."""

    items: list[Item]
    next_cursor: str | None = Field(default=None)


class PageRequest:
    """Which page: at most `limit` rows after the keys in `after` (None for the first page)."""

    def __init__(self, limit: int, after: list[Any] | None) -> None:
        self.limit = limit
        self.after = after

    def page(self, rows: Sequence[Row], key: Callable[[Row], Sequence[Any]], item: Callable[[Row], Item]) -> Page[Item]:
        """Build the page from up to `limit + 1` rows: the extra row only says that there is a next page."""
        shown = rows[: self.limit]
        cursor = encode_cursor(key(shown[-1])) if len(rows) > self.limit else None
        return Page(items=[item(row) for row in shown], next_cursor=cursor)

    def after_keys(self, *types: Callable[[Any], Any]) -> tuple[Any, ...] | None:
        """The cursor's keys converted by `types`; None on the first page. Raises Invalid for a foreign cursor."""
        if self.after is None:
            return None
        try:
            if len(self.after) != len(types):
                raise ValueError("wrong number of keys")
            return tuple(convert(value) for convert, value in zip(types, self.after, strict=True))
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            raise _bad_cursor() from error


def encode_cursor(keys: Sequence[Any]) -> str:
    """The opaque text of a position in a list."""
    return base64.urlsafe_b64encode(to_json(list(keys))).rstrip(b"=").decode()


def _bad_cursor() -> Invalid:
    return Invalid("cursor: not one that this list gave out; leave it away to start again", field="cursor")


def _page_request(
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE_ROWS, description="Rows per page.")] = DEFAULT_PAGE_ROWS,
    cursor: Annotated[str | None, Query(max_length=1000, description="`next_cursor` of the page before.")] = None,
) -> PageRequest:
    if cursor is None:
        return PageRequest(limit, None)
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        keys = from_json(base64.urlsafe_b64decode(padded.encode("ascii")))
    except (ValueError, binascii.Error) as error:
        raise _bad_cursor() from error
    if not isinstance(keys, list):
        raise _bad_cursor()
    return PageRequest(limit, keys)


Paging = Annotated[PageRequest, Depends(_page_request)]
