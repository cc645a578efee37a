"""Settings of the back office; environment prefix TILLSTREAM_BACKOFFICE_."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class BackofficeSettings(BaseSettings):
    """What an operator may change about the pages. Each description completes the sentence "must be ..."."""

    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_BACKOFFICE_", frozen=True, extra="ignore")

    sessions_at_most: int = Field(
        1_000, ge=1, le=100_000, description="the sign-ons kept at once; the oldest gives way, from 1 to 100000"
    )
    live_refresh_s: float = Field(
        3.0, ge=1, le=300, description="the seconds between two looks of a live page, from 1 to 300"
    )
    table_rows: int = Field(50, ge=5, le=200, description="the rows of one page of a table, from 5 to 200")
    api_timeout_s: float = Field(10.0, gt=0, le=60, description="the seconds a service may take to answer, up to 60")
