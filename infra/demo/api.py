"""The HTTP API as the demo's people use it: every answer that was not expected stops the day with a sentence."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import stamina

Json = dict[str, Any]


class DemoFailed(Exception):
    """The system answered something else than the demo expects; `status` is that of the HTTP answer, if it was one."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status


class Api:
    """Calls with a token; raises DemoFailed with the problem's own sentence."""

    def __init__(self, http: httpx.AsyncClient, token: str | None = None) -> None:
        self._http = http
        self._token = token

    def as_bearer(self, token: str) -> Api:
        """The same API for somebody else."""
        return Api(self._http, token)

    async def get(self, path: str, **query: Any) -> Any:
        """The JSON at `path`."""
        return (await self.request("GET", path, params=query)).json()

    async def text(self, path: str) -> str:
        """The text at `path`."""
        return (await self.request("GET", path)).text

    async def post(self, path: str, body: Json | None = None, *, headers: dict[str, str] | None = None) -> Any:
        """The JSON answer to a POST."""
        return (await self.request("POST", path, json=body, headers=headers or {})).json()

    async def delete(self, path: str) -> Any:
        """The JSON answer to a DELETE."""
        return (await self.request("DELETE", path)).json()

    async def put(self, path: str, body: Json | list[Json]) -> Any:
        """The JSON answer to a PUT."""
        return (await self.request("PUT", path, json=body)).json()

    async def every(self, path: str, **query: Any) -> list[Json]:
        """All items of a paged list."""
        items: list[Json] = []
        cursor: str | None = None
        while True:
            page = await self.get(path, limit=200, **query, **({"cursor": cursor} if cursor else {}))
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    async def events(self, path: str) -> AsyncGenerator[Any, None]:
        """The JSON of each Server-Sent Event at `path`, until the stream ends or the caller closes it."""
        async with self._http.stream("GET", path, headers=self._authorisation()) as response:
            response.raise_for_status()
            async for line in response.aiter_lines():
                if line.startswith("data:"):
                    yield json.loads(line.removeprefix("data:"))

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Any call."""
        headers = {**options.pop("headers", {}), **self._authorisation()}
        response = await self._http_request(method, path, headers=headers, **options)
        if response.is_success:
            return response
        try:
            detail = response.json()["detail"]
        except (ValueError, KeyError):
            detail = response.text[:300]
        raise DemoFailed(f"{method} {path} answered {response.status_code}: {detail}", response.status_code)

    def _authorisation(self) -> dict[str, str]:
        return {} if self._token is None else {"Authorization": f"Bearer {self._token}"}

    async def _http_request(self, method: str, path: str, **options: Any) -> httpx.Response:
        # As every till does: whatever became of the request, the ids in it make sure that it takes effect once.
        # In a block of its own, because what a repeated function was called with is logged, tokens and all.
        async for attempt in stamina.retry_context(on=httpx.TransportError, attempts=3, wait_initial=0.1):
            with attempt:
                return await self._http.request(method, path, **options)
        raise AssertionError("the last attempt returns or raises")
