"""Settings of payments; environment prefix TILLSTREAM_PAYMENTS_."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.payments.domain.schedule import InquirySchedule
from services.payments.use_cases.limits import OperationLimits


class PaymentsSettings(BaseSettings):
    """What an operator may change about payments. Each description completes the sentence "must be ..."."""

    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_PAYMENTS_", frozen=True, extra="ignore")

    operation_expiry_s: float = Field(
        60, gt=0, le=3_600, description="the seconds within which a terminal must have begun what it is asked for"
    )
    answer_timeout_s: float = Field(
        300, gt=0, le=7_200, description="the seconds after which a missing answer is unknown and is inquired for"
    )
    watch_every_s: float = Field(1.0, gt=0, description="the seconds between two looks for what is overdue")
    watch_batch_rows: int = Field(100, ge=1, le=1_000, description="payments inquired for in one transaction")
    first_inquiry_pause_s: float = Field(5, gt=0, description="the seconds before an unknown outcome is inquired for")
    longest_inquiry_pause_s: float = Field(300, gt=0, description="the longest pause between two inquiries in seconds")
    automatic_reversals: int = Field(
        5, ge=0, le=100, description="how often a refused reversal is sent again before a person has to see to it"
    )
    acquirer_file_largest_rows: int = Field(
        20_000, ge=1, le=200_000, description="the rows one acquirer's file may have"
    )
    prune_every_s: float = Field(3_600, gt=0, description="the seconds between two prunings")
    keep_idempotency_keys_days: int = Field(35, ge=1, description="the days that answers to repeated requests are kept")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.answer_timeout_s <= self.operation_expiry_s:
            # Else an inquiry could say "not found" of what a gateway is still allowed to begin.
            raise ValueError("answer_timeout_s must be longer than operation_expiry_s")
        if self.longest_inquiry_pause_s < self.first_inquiry_pause_s:
            raise ValueError("longest_inquiry_pause_s is shorter than first_inquiry_pause_s")
        return self

    @property
    def limits(self) -> OperationLimits:
        """How long terminals are waited for."""
        return OperationLimits(
            self.operation_expiry_s,
            self.answer_timeout_s,
            self.automatic_reversals,
            InquirySchedule(self.first_inquiry_pause_s, self.longest_inquiry_pause_s),
        )
