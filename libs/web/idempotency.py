"""Idempotent requests: sent twice, done once, answered the same.

A repeat with the same key and body gets the stored answer, byte for byte; with another body 422; while the first
is still in flight 409 with Retry-After. The answer is stored in the transaction of the effect, so there is no
moment at which one exists without the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Header, Request
from pydantic import BaseModel
from starlette.responses import Response

from libs.contracts.refusal import Conflict, Invalid
from libs.persistence import UnitOfWork
from libs.persistence.idempotency import IdempotencyStore, RememberedAnswer
from libs.web.authentication import Caller
from libs.web.principal import Principal
from libs.web.transactions import Work

REPLAYED_HEADER = "Idempotency-Replayed"


class IdempotencyKeyRequired(Invalid):
    """A route that moves money was called without a key."""

    status = 400
    type = "idempotency-key-required"


class IdempotencyKeyReused(Invalid):
    """The key was used for another request."""

    type = "idempotency-key-reused"


class RequestInFlight(Conflict):
    """The same request is being worked on."""

    type = "request-in-flight"


class IdempotentAnswer:
    """Answers the present request once; see the module's description."""

    def __init__(self, request: Request, work: UnitOfWork, caller: Principal, key: str | None) -> None:
        self._request = request
        self._work = work
        self._caller = str(caller.id)
        self._key = key

    async def answer(
        self, action: Callable[[], Awaitable[BaseModel]], *, status: int = 201, key: str | None = None
    ) -> Response:
        """Run `action` unless its answer is already known, and return that answer with `status`.

        `key` is the natural key to use when the request carries no Idempotency-Key header, e.g. an id that the
        till made. Raises IdempotencyKeyRequired, IdempotencyKeyReused or RequestInFlight.
        """
        used_key = self._key or key
        if used_key is None:
            raise IdempotencyKeyRequired(
                "Send an Idempotency-Key header: a new UUID for each intent, the same one for each retry.",
                field="header.Idempotency-Key",
            )
        store: IdempotencyStore = self._request.app.state.resources[IdempotencyStore]
        request_hash = await self._request_hash()
        claimed, known = await store.begin(self._work.connection, self._caller, used_key)
        if not claimed:
            raise RequestInFlight("The same request is being worked on. Ask again in a second.", retry_after_s=1)
        if known is not None:
            if known.request_hash != request_hash:
                raise IdempotencyKeyReused(
                    "This Idempotency-Key was used for another request. A new intent needs a new key.",
                    field="header.Idempotency-Key",
                )
            return _json(known.body, known.status, replayed=True)
        body = (await action()).model_dump_json().encode()
        answer = RememberedAnswer(request_hash, status, body)
        await store.remember(self._work.connection, self._caller, used_key, answer, self._work.now)
        return _json(body, status, replayed=False)

    async def _request_hash(self) -> bytes:
        digest = hashlib.sha256(f"{self._request.method} {self._request.url.path}\n".encode())
        digest.update(await self._request.body())
        return digest.digest()


def _json(body: bytes, status: int, *, replayed: bool) -> Response:
    headers = {REPLAYED_HEADER: "true"} if replayed else None
    return Response(body, status_code=status, media_type="application/json", headers=headers)


async def _idempotent(
    request: Request,
    work: Work,
    caller: Caller,
    idempotency_key: Annotated[
        str | None,
        Header(min_length=8, max_length=200, description="A new UUID for each intent; the same for each retry."),
    ] = None,
) -> IdempotentAnswer:
    return IdempotentAnswer(request, work, caller, idempotency_key)


Once = Annotated[IdempotentAnswer, Depends(_idempotent, scope="function")]
