"""One person's way to the other services: requests with their token, answers as types, refusals as sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

Answer = TypeVar("Answer", bound=BaseModel)

MOST_PAGES = 20
_LIST_PAGE_ROWS = 500


class Facts(BaseModel):
    """What a service tells. Members that a newer version adds are of no harm."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class FieldError(Facts):
    """A wrong value in a request, and what would be right."""

    field: str = ""
    message: str = ""


class _Problem(Facts):
    type: str = ""
    detail: str = ""
    instance: str | None = None
    permission: str | None = None
    errors: tuple[FieldError, ...] = ()


class ApiFailure(Exception):
    """A request did not lead to what was wanted; `sentence` can be shown to the person."""

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Refused(ApiFailure):
    """The service understood and said no. `kind` is the stable last word of the problem's type."""

    def __init__(self, status: int, kind: str, sentence: str, errors: tuple[FieldError, ...] = ()) -> None:
        super().__init__(sentence)
        self.status = status
        self.kind = kind
        self.errors = errors


class NotAnswering(ApiFailure):
    """The service did not answer, or not in a way that can be understood. What became of a change is not known."""


class SignedOff(ApiFailure):
    """The token no longer counts: sign on again."""


class ApiClient:
    """Requests to one service after another, in the name of one person.

    Raises Refused, NotAnswering or SignedOff; never an error of the HTTP library.
    """

    def __init__(self, http: httpx.AsyncClient, token: Callable[[], str | None], timeout_s: float) -> None:
        """`token` is asked before each request; it raises SignedOff when the person has gone."""
        self._http = http
        self._token = token
        self._timeout_s = timeout_s

    async def get(self, kind: type[Answer], path: str, **query: Any) -> Answer:
        """Read; parameters that are None are left away."""
        return self._read(kind, path, await self._send("GET", path, query=query))

    async def page(self, kind: type[Answer], path: str, **query: Any) -> tuple[list[Answer], str | None]:
        """One page of a list, with the cursor of the next, if there is one."""
        page = self._read(_Page, path, await self._send("GET", path, query=query))
        return [self._validated(kind, path, item) for item in page.items], page.next_cursor

    async def all(self, kind: type[Answer], path: str, **query: Any) -> list[Answer]:
        """A whole list of which there are never many; at most MOST_PAGES pages of it."""
        found: list[Answer] = []
        cursor: str | None = None
        for _ in range(MOST_PAGES):
            items, cursor = await self.page(kind, path, **query, limit=_LIST_PAGE_ROWS, cursor=cursor)
            found += items
            if cursor is None:
                break
        return found

    async def send(
        self, kind: type[Answer], method: str, path: str, body: Mapping[str, Any], *, key: UUID | None = None
    ) -> Answer:
        """Change something. `key` is the Idempotency-Key: the same for each try of one wish of the person."""
        return self._read(kind, path, await self._send(method, path, body=body, key=key))

    async def act(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, key: UUID | None = None
    ) -> None:
        """Change something and look at no answer."""
        await self._send(method, path, body=body, key=key)

    async def download(self, path: str, **query: Any) -> httpx.Response:
        """A file, not read yet; the caller closes it. Raises Refused, NotAnswering or SignedOff."""
        request = self._http.build_request(
            "GET", path, params=_given(query), headers=self._headers(None), timeout=self._timeout_s
        )
        try:
            response = await self._http.send(request, stream=True)
        except httpx.HTTPError as error:
            raise _silent(path) from error
        if response.is_error:
            await response.aread()
            raise _failure(response, path)
        return response

    async def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        key: UUID | None = None,
    ) -> httpx.Response:
        try:
            response = await self._http.request(
                method,
                path,
                params=_given(query or {}),
                json=dict(body) if body is not None else None,
                headers=self._headers(key),
                timeout=self._timeout_s,
            )
        except httpx.HTTPError as error:
            raise _silent(path) from error
        if response.is_error:
            raise _failure(response, path)
        return response

    def _headers(self, key: UUID | None) -> dict[str, str]:
        token = self._token()
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return headers if key is None else {**headers, "Idempotency-Key": str(key)}

    def _read(self, kind: type[Answer], path: str, response: httpx.Response) -> Answer:
        try:
            return kind.model_validate_json(response.content)
        except ValidationError as error:
            raise _unreadable(path) from error

    def _validated(self, kind: type[Answer], path: str, item: Any) -> Answer:
        try:
            return kind.model_validate(item)
        except ValidationError as error:
            raise _unreadable(path) from error


class _Page(Facts):
    items: list[dict[str, Any]]
    next_cursor: str | None = Field(default=None)


def _given(query: Mapping[str, Any]) -> dict[str, str | int | bool]:
    given = {name: value for name, value in query.items() if value is not None and value != ""}
    return {name: value if isinstance(value, str | int | bool) else str(value) for name, value in given.items()}


def _failure(response: httpx.Response, path: str) -> ApiFailure:
    try:
        problem = _Problem.model_validate_json(response.content)
    except ValidationError:
        problem = _Problem()
    if response.status_code == 401:
        return SignedOff(problem.detail or "The sign-on has ended. Sign on again.")
    if response.status_code >= 500 or not problem.detail:
        where = f" Quote {problem.instance} when you ask for help." if problem.instance else ""
        return NotAnswering(f"The service {_service(path)} cannot do this at the moment.{where}")
    return Refused(response.status_code, problem.type.rsplit("/", 1)[-1], problem.detail, problem.errors)


def _silent(path: str) -> NotAnswering:
    return NotAnswering(f"The service {_service(path)} does not answer. Look again before you repeat what you did.")


def _unreadable(path: str) -> NotAnswering:
    return NotAnswering(f"The service {_service(path)} answered something that this page does not understand.")


def _service(path: str) -> str:
    return path.split("/")[1]
