from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet

from libs.host.errors import WrongSetting
from libs.host.settings import load_settings
from services.identity.settings import IdentitySettings

KEY = "TILLSTREAM_IDENTITY_ENCRYPTION_KEY"


def loaded(**fallback: str) -> IdentitySettings:
    return load_settings(IdentitySettings, {KEY: Fernet.generate_key().decode()} | fallback)


def test_defaults_are_owasps_parameters_and_a_shifts_token() -> None:
    settings = loaded()
    assert (settings.argon2_memory_kib, settings.argon2_iterations, settings.argon2_parallelism) == (19_456, 2, 1)
    assert settings.setup_code is None
    assert settings.rotation_policy().longest_token_life == timedelta(hours=12)
    assert settings.lock_out_policy().lock_after(5) == timedelta(seconds=30)


def test_the_encryption_key_must_be_given() -> None:
    with pytest.raises(WrongSetting, match=f"{KEY} is not set: it must be a Fernet key"):
        load_settings(IdentitySettings)


def test_a_wrong_encryption_key_is_refused_without_repeating_it() -> None:
    with pytest.raises(WrongSetting) as refused:
        load_settings(IdentitySettings, {KEY: "hunter2hunter2"})
    assert KEY in str(refused.value)
    assert "hunter2" not in str(refused.value)


def test_a_short_set_up_code_is_refused_without_repeating_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLSTREAM_IDENTITY_SETUP_CODE", "hunter2")
    with pytest.raises(WrongSetting) as refused:
        loaded()
    assert "TILLSTREAM_IDENTITY_SETUP_CODE" in str(refused.value)
    assert "at least 12 characters" in str(refused.value)
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"first_lock_s": 60, "longest_lock_s": 30}, "longest_lock_s is shorter than first_lock_s"),
        ({"forget_tries_after_s": 60, "longest_lock_s": 3_600}, "waiting would be rewarded"),
        ({"rotate_signing_key_every_s": 60}, "publish_signing_key_ahead_s is longer"),
    ],
)
def test_settings_that_contradict_each_other(values: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        IdentitySettings(encryption_key=Fernet.generate_key().decode(), **values)
