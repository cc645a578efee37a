"""Settings of sales; environment prefix TILLSTREAM_SALES_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.sales.domain.tender import TenderKind

LOCAL_TENDERS = frozenset(kind for kind in TenderKind if kind.decided_here)


class SalesSettings(BaseSettings):
    """What an operator may change about selling."""

    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_SALES_", extra="ignore")

    tender_kinds: frozenset[TenderKind] = Field(
        default=LOCAL_TENDERS,
        description="Kinds of tender that are taken. card, gift_card and points need the service that decides them.",
    )
    longest_wait_s: float = Field(default=30.0, gt=0, le=120, description="Cap of 'Prefer: wait=' on a tender.")
    idempotency_keep_days: int = Field(default=35, ge=1, description="How long answers to retries are remembered.")
    finished_basket_keep_days: int = Field(default=35, ge=1, description="How long finished baskets are kept.")
