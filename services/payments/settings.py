"""Settings of payments; environment prefix TILLSTREAM_PAYMENTS_."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_core import from_json
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.payments.domain.concentrator.reversing import Backoff
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
    acquirers_file: Path | None = Field(
        None, description="the path of acquirers.toml, where the concentrator authorises cards itself"
    )
    acquirer_mac_keys: dict[str, SecretStr] = Field(
        default_factory=dict, description='hexadecimal MAC keys by acquirer, as in {"first-bank": "0123..."}'
    )
    forward_every_s: float = Field(
        0.5, gt=0, description="the seconds between two looks for what acquirers have not confirmed"
    )
    forward_at_once: int = Field(
        64, ge=1, le=1_000, description="how many terminals' reversals and completions are sent at the same time"
    )
    first_forward_pause_s: int = Field(5, ge=1, description="the seconds before a reversal is told again")
    longest_forward_pause_s: int = Field(300, ge=1, description="the longest pause between two tellings in seconds")
    batches_every_s: float = Field(1.0, gt=0, description="the seconds between two looks for batches to settle")
    batches_at_once: int = Field(16, ge=1, le=1_000, description="how many batches are settled at the same time")
    batch_page_items: int = Field(
        50, ge=1, le=1_000, description="the items of a batch that are told between two notes of how far it got"
    )
    link_report_every_s: float = Field(
        2.0, gt=0, le=60, description="the seconds between two reports of a replica on its links to acquirers"
    )
    link_report_kept_s: float = Field(
        30.0, gt=0, description="the seconds after which a replica that reports no more is forgotten"
    )
    transactions_chunk_rows: int = Field(
        1_000, ge=1, le=10_000, description="the rows of a transaction report that are in memory at a time"
    )
    slip_print_expiry_s: float = Field(
        120, gt=0, le=86_400, description="the seconds within which a till must have begun to print a slip again"
    )
    prune_every_s: float = Field(3_600, gt=0, description="the seconds between two prunings")
    keep_idempotency_keys_days: int = Field(35, ge=1, description="the days that answers to repeated requests are kept")

    @field_validator("acquirer_mac_keys", mode="before")
    @classmethod
    def _from_file(cls, value: object) -> object:
        """A secret's file holds the same JSON as the variable."""
        return from_json(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.answer_timeout_s <= self.operation_expiry_s:
            # Else an inquiry could say "not found" of what a gateway is still allowed to begin.
            raise ValueError("answer_timeout_s must be longer than operation_expiry_s")
        if self.longest_inquiry_pause_s < self.first_inquiry_pause_s:
            raise ValueError("longest_inquiry_pause_s is shorter than first_inquiry_pause_s")
        if self.longest_forward_pause_s < self.first_forward_pause_s:
            raise ValueError("longest_forward_pause_s is shorter than first_forward_pause_s")
        return self

    @property
    def forward_backoff(self) -> Backoff:
        """The pauses between tellings of what an acquirer has not confirmed."""
        return Backoff(self.first_forward_pause_s, self.longest_forward_pause_s)

    @property
    def limits(self) -> OperationLimits:
        """How long terminals are waited for."""
        return OperationLimits(
            self.operation_expiry_s,
            self.answer_timeout_s,
            self.automatic_reversals,
            InquirySchedule(self.first_inquiry_pause_s, self.longest_inquiry_pause_s),
        )
