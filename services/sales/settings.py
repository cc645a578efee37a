"""Settings of sales; environment prefix TILLSTREAM_SALES_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from services.sales.domain.shift import OpenBaskets, ShiftPolicy
from services.sales.domain.tender import TenderKind
from services.sales.printing_settings import PrintingSettings
from services.sales.receipt_settings import ReceiptSettings

LOCAL_TENDERS = frozenset(kind for kind in TenderKind if kind.decided_here)


class SalesSettings(PrintingSettings, ReceiptSettings):
    """What an operator may change about selling."""

    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_SALES_", extra="ignore")

    tender_kinds: frozenset[TenderKind] = Field(
        default=LOCAL_TENDERS,
        description="Kinds of tender that are taken. card, gift_card and points need the service that decides them.",
    )
    longest_wait_s: float = Field(default=30.0, gt=0, le=120, description="Cap of 'Prefer: wait=' on a tender.")
    day_starts_at_hour: int = Field(
        default=4,
        ge=0,
        le=23,
        description="The local hour at which a business day starts; before it, it is the day before.",
    )
    open_baskets_at_close: OpenBaskets = Field(
        default=OpenBaskets.CARRY,
        description="carry or refuse: what becomes of unfinished baskets at the end of a shift.",
    )
    idempotency_keep_days: int = Field(default=35, ge=1, description="How long answers to retries are remembered.")
    finished_basket_keep_days: int = Field(default=35, ge=1, description="How long finished baskets are kept.")

    @property
    def shift_policy(self) -> ShiftPolicy:
        """The rules for shifts."""
        return ShiftPolicy(self.day_starts_at_hour, self.open_baskets_at_close)
