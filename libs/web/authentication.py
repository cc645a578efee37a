"""Bearer tokens: JWT signed with ES256 by identity, verified here against its published keys (RFC 7519, RFC 7517)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import httpx
import structlog
from fastapi import Depends, Request
from fastapi.security import HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from pydantic import BaseModel, ValidationError

from libs.contracts.refusal import Invalid, Unauthenticated
from libs.persistence import Clock
from libs.web.principal import Approval, ApprovalClaims, Principal, TokenClaims

ISSUER = "tillstream"
JWKS_PATH = "/identity/v1/jwks.json"

_log = structlog.get_logger(__name__)

_Claims = TypeVar("_Claims", TokenClaims, ApprovalClaims)


class TokenVerifier:
    """Verifies tokens against identity's key set, which it fetches when it meets an unknown key.

    `fetch_keys` returns a JWKS document; it is asked at most once in `refresh_interval_s`, whether it answers or not,
    so that unknown tokens cost no calls. A verified token is remembered until it expires, so that a till's hundreds of
    requests cost one signature check. A service keeps verifying while identity is away.
    """

    def __init__(
        self,
        fetch_keys: Callable[[], Awaitable[dict[str, Any]]],
        clock: Clock,
        *,
        refresh_interval_s: float = 5.0,
        remembered_tokens: int = 4096,
        leeway_s: int = 30,
    ) -> None:
        self._fetch_keys = fetch_keys
        self._clock = clock
        self._refresh_interval_s = refresh_interval_s
        self._remembered_tokens = remembered_tokens
        self._leeway_s = leeway_s
        self._keys: KeySet | None = None
        self._asked_at_s: float | None = None
        self._fetches = 0
        self._fetching = asyncio.Lock()
        self._verified: OrderedDict[str, tuple[int, Principal]] = OrderedDict()

    @classmethod
    def over_http(cls, client: httpx.AsyncClient, clock: Clock) -> TokenVerifier:
        """A verifier that reads the key set from identity through `client`."""

        async def fetch() -> dict[str, Any]:
            response = await client.get(JWKS_PATH)
            response.raise_for_status()
            document: dict[str, Any] = response.json()
            return document

        return cls(fetch, clock)

    async def verify(self, token: str) -> Principal:
        """The caller that `token` names. Raises Unauthenticated with what to do."""
        now_s = int(self._clock().timestamp())
        remembered = self._verified.get(token)
        if remembered is not None and now_s <= remembered[0]:
            return remembered[1]
        claims = await self._claims(token, TokenClaims)
        principal = Principal.from_claims(claims)
        self._verified[token] = (claims.exp, principal)
        while len(self._verified) > self._remembered_tokens:
            self._verified.popitem(last=False)
        return principal

    async def verify_approval(self, token: str) -> Approval:
        """The approval that `token` carries. Raises Invalid: an approval that does not hold is a wrong value."""
        try:
            return Approval.from_claims(await self._claims(token, ApprovalClaims))
        except Unauthenticated as error:
            raise Invalid(
                f"The manager's approval does not hold: {error.sentence}", field="approval", reason="approval"
            ) from error

    async def _claims(self, token: str, model: type[_Claims]) -> _Claims:
        decoded = await self._decode(token)
        try:
            claims = model.model_validate(decoded)
        except ValidationError as error:
            raise Unauthenticated("This token is not of the kind that is needed here. Sign on again.") from error
        if decoded.get("iss") != ISSUER:
            raise Unauthenticated("This token was issued by somebody else. Sign on again.")
        if claims.exp + self._leeway_s < self._clock().timestamp():
            raise Unauthenticated("The sign-on has expired. Sign on again.")
        return claims

    async def _decode(self, token: str) -> dict[str, Any]:
        if self._keys is not None:
            try:
                return jwt.decode(token, self._keys, algorithms=["ES256"]).claims
            except (JoseError, ValueError):
                if not self._may_refresh():
                    raise _not_ours() from None
        if self._may_refresh():
            await self._refresh(self._fetches)
        if self._keys is None:
            raise Unauthenticated("Sign-on cannot be checked: identity does not answer. Try again.")
        try:
            return jwt.decode(token, self._keys, algorithms=["ES256"]).claims
        except (JoseError, ValueError):
            raise _not_ours() from None

    def _may_refresh(self) -> bool:
        """A new key may have been published, but a stranger's token must not make us ask every time."""
        if self._asked_at_s is None:
            return True
        return self._clock().timestamp() - self._asked_at_s >= self._refresh_interval_s

    async def _refresh(self, known_fetches: int) -> None:
        """Fetch the keys, once for all who found at the same time that they need them."""
        async with self._fetching:
            if self._fetches == known_fetches:
                await self._fetch()

    async def _fetch(self) -> None:
        try:
            document = await self._fetch_keys()
            self._keys = KeySet.import_key_set(document)  # type: ignore[arg-type]  # any JWKS document; it validates
        except (httpx.HTTPError, JoseError, ValueError) as error:
            # The keys known so far go on verifying.
            _log.warning("key_set_not_fetched", error=f"{type(error).__name__}: {error}")
            return
        finally:
            self._fetches += 1
            self._asked_at_s = self._clock().timestamp()


def _not_ours() -> Unauthenticated:
    return Unauthenticated("The token is not valid here. Sign on again.")


class RequestBody(BaseModel):
    """What every request body is: unknown fields are refused, so that a misspelt one is noticed."""

    model_config = {"extra": "forbid"}


_bearer = HTTPBearer(
    auto_error=False, bearerFormat="JWT", description="An access token from POST /identity/v1/sign-ons or .../tokens."
)


async def authenticate(request: Request, credentials: Annotated[Any, Depends(_bearer)]) -> Principal:
    """The caller of this request. Raises Unauthenticated."""
    if credentials is None:
        raise Unauthenticated("Sign on first: send 'Authorization: Bearer <token>'.")
    verifier: TokenVerifier = request.app.state.context.verifier
    principal = await verifier.verify(credentials.credentials)
    request.state.principal = principal
    return principal


Caller = Annotated[Principal, Depends(authenticate)]


def require(permission: str) -> Any:
    """A route dependency: the caller holds `permission`, else 403 naming it."""

    async def check(caller: Caller) -> Principal:
        caller.demand(permission)
        return caller

    return Depends(check)
