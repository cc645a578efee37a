"""API keys for integrators."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Self
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field, model_validator

from libs.contracts.values import Instant
from libs.web.authentication import RequestBody
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.identity.api.callers import KeyManager, KeyReader
from services.identity.api.schemas import Line, StoreIds
from services.identity.domain.api_keys import ApiKey, scope
from services.identity.storage.repositories.keys import ApiKeyRepository
from services.identity.use_cases.make_api_key import make_api_key, revoke_api_key

router = APIRouter(prefix="/api-keys", tags=["api keys"])

Scope = Annotated[str, AfterValidator(scope), Field(max_length=64, examples=["catalog.read"])]


class NewApiKey(RequestBody):
    """A key as it begins. It may do what its scopes name, at all stores or at those listed."""

    name: Line
    scopes: frozenset[Scope] = Field(min_length=1, max_length=100)
    all_stores: bool = False
    store_ids: StoreIds = frozenset()
    expires_at: Instant | None = Field(default=None, description="When it ends by itself; never if left away.")

    @model_validator(mode="after")
    def _works_somewhere(self) -> Self:
        if self.all_stores == bool(self.store_ids):
            raise ValueError("store_ids: name the stores the key is for, or set all_stores, one of the two")
        return self


class ApiKeyView(BaseModel):
    """A key without its text; `hint` is its beginning."""

    id: UUID
    name: str
    hint: str
    scopes: list[str]
    all_stores: bool
    store_ids: StoreIds
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None
    created_at: datetime
    created_by: str

    @classmethod
    def of(cls, key: ApiKey) -> ApiKeyView:
        """A key as it is shown."""
        return cls(**_shown(key))


class NewApiKeyView(ApiKeyView):
    """A new key; `key` is told this once."""

    key: str


@router.post("", status_code=201, summary="Make an API key")
async def make(body: NewApiKey, work: Work, caller: KeyManager) -> NewApiKeyView:
    made = await make_api_key(
        work,
        caller,
        name=body.name,
        scopes=body.scopes,
        all_stores=body.all_stores,
        store_ids=body.store_ids,
        expires_at=body.expires_at,
    )
    return NewApiKeyView(key=made.text, **_shown(made.key))


@router.get("", summary="All API keys, by name")
async def read_all(paging: Paging, connection: Reading, caller: KeyReader) -> Page[ApiKeyView]:
    keys = await ApiKeyRepository(connection).page(after=paging.after_keys(str, UUID), rows=paging.limit + 1)
    return paging.page(keys, lambda key: (key.name, key.id), ApiKeyView.of)


@router.delete("/{key_id}", status_code=204, summary="Revoke an API key")
async def revoke(key_id: UUID, work: Work, caller: KeyManager) -> None:
    await revoke_api_key(work, caller, key_id)


def _shown(key: ApiKey) -> dict[str, object]:
    return {name: getattr(key, name) for name in ApiKeyView.model_fields}
