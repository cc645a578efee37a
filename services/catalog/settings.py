"""What an operator sets for catalog: variables TILLSTREAM_CATALOG_..., each also as ..._FILE."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class CatalogSettings(BaseSettings):
    """The settings of catalog. Each description completes the sentence "must be ..."."""

    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_CATALOG_", frozen=True, extra="ignore")

    announce_every_s: float = Field(1.0, gt=0, description="the seconds between two looks for bulk changes to tell of")
    announce_batch_products: int = Field(500, ge=1, le=5_000, description="products told of in one transaction")

    import_every_s: float = Field(1.0, gt=0, description="the seconds between two looks for files to import")
    import_batch_rows: int = Field(2_000, ge=1, le=20_000, description="rows imported in one transaction")
    import_largest_rows: int = Field(1_000_000, ge=1, description="the rows that one file may have")
    import_largest_refusals: int = Field(10_000, ge=1, description="how many refusals of one file are kept in full")
    keep_import_files_days: int = Field(7, ge=1, description="the days that a finished import keeps its file")
    keep_imports_days: int = Field(90, ge=1, description="the days that the report of an import is kept")

    feed_chunk_products: int = Field(
        2_000, ge=1, le=20_000, description="products read at once for snapshot and export"
    )

    feed_wait_s: float = Field(25, gt=0, le=60, description="the longest wait for a change, in seconds up to 60")
    feed_poll_s: float = Field(
        0.2, gt=0, description="the seconds between two looks for a change while one is waited for"
    )

    prune_every_s: float = Field(3_600, gt=0, description="the seconds between two prunings")
    keep_idempotency_keys_days: int = Field(7, ge=1, description="the days that answers to repeated requests are kept")
