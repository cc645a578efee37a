"""API keys for integrators."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, Field

from libs.contracts.values import Instant
from libs.web.paging import Page, Paging
from libs.web.transactions import Reading, Work
from services.identity.api.callers import KeyManager, KeyReader
from services.identity.api.parts import TheSettings
from services.identity.api.schemas import Line, StoreIds, Workplaces
from services.identity.domain.api_keys import ApiKey, scope
from services.identity.storage.repositories.keys import ApiKeyRepository
from services.identity.use_cases.make_api_key import make_api_key, revoke_api_key

router = APIRouter(prefix="/api-keys", tags=["api keys"])

Scope = Annotated[str, AfterValidator(scope), Field(max_length=64, examples=["catalog.read"])]


class NewApiKey(Workplaces):
    """A key as it begins. It may do what its scopes name, at all stores or at those listed."""

    name: Line
    scopes: frozenset[Scope] = Field(min_length=1, max_length=100)
    expires_at: Instant | None = Field(default=None, description="When it ends by itself; never if left away.")


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
async def make(body: NewApiKey, work: Work, caller: KeyManager, settings: TheSettings) -> NewApiKeyView:
    made = await make_api_key(
        work,
        caller,
        name=body.name,
        scopes=body.scopes,
        all_stores=body.all_stores,
        store_ids=body.store_ids,
        expires_at=body.expires_at,
        longest_life=timedelta(days=settings.longest_api_key_life_days),
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
