"""Tokens of tills and API keys, enrolment, and the public keys that verify tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, Field

from libs.contracts.values import Instant
from libs.web.authentication import RequestBody
from libs.web.openapi import problems
from libs.web.transactions import Reading, Work
from services.identity.api.parts import TheDatabase, TheSettings, TheSigner
from services.identity.api.schemas import GivenSecret
from services.identity.storage.repositories.keys import SigningKeyRepository
from services.identity.use_cases.enrol_till import enrol_till
from services.identity.use_cases.sign_in_devices import sign_api_key_in, sign_till_in

router = APIRouter(tags=["tokens"])


class AccessToken(BaseModel):
    """A token to send as `Authorization: Bearer <access_token>` until `expires_at`."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 - the name of a scheme
    expires_at: datetime


class EnrolmentBody(RequestBody):
    """The one-time code, with or without its dashes."""

    code: str = Field(min_length=1, max_length=40, examples=["7KQM-2XWA-9RTD"])


class EnrolmentView(BaseModel):
    """Who the device is from now on. The secret is told this once: keep it safe on the device."""

    till_id: UUID
    store_id: UUID
    code: str
    name: str
    secret: str


class TillTokenBody(RequestBody):
    """A till and its secret."""

    till_id: UUID
    secret: GivenSecret


class TillToken(AccessToken):
    """A token of a till at which nobody is signed on."""

    till_id: UUID
    store_id: UUID


class ApiKeyTokenBody(RequestBody):
    """An API key."""

    key: GivenSecret


class ApiKeyToken(AccessToken):
    """A token of an API key."""

    api_key_id: UUID
    scopes: list[str]
    key_expires_at: Instant | None


@router.post("/enrolments", status_code=201, responses=problems(403), summary="Turn a device into a till")
async def enrol(body: EnrolmentBody, work: Work) -> EnrolmentView:
    enrolment = await enrol_till(work, body.code)
    till = enrolment.till
    return EnrolmentView(
        till_id=till.id, store_id=till.store_id, code=till.code, name=till.name, secret=enrolment.secret
    )


@router.post("/tokens/till", status_code=201, responses=problems(401, 403), summary="Get a token for a till")
async def till_token(
    body: TillTokenBody,
    work: Work,
    signer: TheSigner,
    settings: TheSettings,
) -> TillToken:
    life = timedelta(seconds=settings.till_token_life_s)
    token, till = await sign_till_in(work, signer, body.till_id, body.secret.get_secret_value(), life)
    return TillToken(access_token=token.text, expires_at=token.expires_at, till_id=till.id, store_id=till.store_id)


@router.post("/tokens/api-key", status_code=201, responses=problems(401), summary="Exchange an API key for a token")
async def api_key_token(
    body: ApiKeyTokenBody,
    work: Work,
    signer: TheSigner,
    settings: TheSettings,
) -> ApiKeyToken:
    life = timedelta(seconds=settings.api_key_token_life_s)
    token, key = await sign_api_key_in(work, signer, body.key.get_secret_value(), life)
    return ApiKeyToken(
        access_token=token.text,
        expires_at=token.expires_at,
        api_key_id=key.id,
        scopes=list(key.scopes),
        key_expires_at=key.expires_at,
    )


class KeySetDocument(BaseModel):
    """The public keys that tokens are verified with (RFC 7517)."""

    keys: list[dict[str, Any]]


@router.get("/jwks.json", summary="The public keys that verify tokens")
async def key_set(
    connection: Reading,
    response: Response,
    database: TheDatabase,
    settings: TheSettings,
) -> KeySetDocument:
    ring = await SigningKeyRepository(connection).ring()
    # Keys are published long before they sign, so a copy of a minute's age is as good.
    response.headers["Cache-Control"] = "public, max-age=60"
    return KeySetDocument(keys=[key.public_jwk for key in ring.published(database.clock(), settings.rotation_policy())])
