"""Secrets that embedded mode makes for itself."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import MetaData

from libs.host.errors import NotAvailable
from libs.host.secret_settings import kept_secrets, made_up_secrets
from libs.host.service import Service, ServiceDefinition


class SafeSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_SAFE_")

    key: SecretStr
    spare_key: SecretStr | None = None
    shelves: int = 3


safe = ServiceDefinition("safe", "Keeps", SafeSettings, MetaData(), Path("nowhere"), lambda _context: Service())


def test_every_secret_that_is_not_set_gets_32_random_bytes() -> None:
    made = made_up_secrets([safe], {})
    assert sorted(made) == ["TILLSTREAM_SAFE_KEY", "TILLSTREAM_SAFE_SPARE_KEY"]
    assert [len(base64.urlsafe_b64decode(value)) for value in made.values()] == [32, 32]
    assert len(set(made.values())) == 2
    assert made_up_secrets([safe], {}) != made


def test_a_secret_that_is_set_by_variable_or_file_is_left_alone() -> None:
    given = {"TILLSTREAM_SAFE_KEY": "mine", "TILLSTREAM_SAFE_SPARE_KEY_FILE": "/run/secrets/key"}
    assert made_up_secrets([safe], given) == {}


def test_kept_secrets_are_the_same_at_the_next_start_and_readable_by_the_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    first = kept_secrets([safe], folder, {})
    assert kept_secrets([safe], folder, {}) == first
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "TILLSTREAM_SAFE_KEY").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(NotAvailable, match=r"The secrets in .*file cannot be read or written"):
        kept_secrets([safe], tmp_path / "file", {})
