"""Settings: from variables and files; a wrong one is one sentence that says what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.host.errors import WrongSetting
from libs.host.settings import HostSettings, load_settings


class WidgetSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_WIDGET_")

    code: SecretStr
    limit: int = Field(3, ge=1)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PORT", "DATABASE_URL", "WIDGET_CODE", "SALES_DATABASE_URL"):
        monkeypatch.delenv(f"TILLSTREAM_{name}", raising=False)
        monkeypatch.delenv(f"TILLSTREAM_{name}_FILE", raising=False)


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "TILLSTREAM_PORT",
            "http",
            "TILLSTREAM_PORT is 'http', which is wrong: it must be a TCP port from 1 to 65535, e.g. 8000, "
            "or 0 for any free one.",
        ),
        (
            "TILLSTREAM_PORT",
            "70000",
            "TILLSTREAM_PORT is '70000', which is wrong: it must be a TCP port from 1 to 65535, e.g. 8000, "
            "or 0 for any free one.",
        ),
        (
            "TILLSTREAM_LOG_FORMAT",
            "xml",
            "TILLSTREAM_LOG_FORMAT is 'xml', which is wrong: it must be console (for people) or json (for machines).",
        ),
        (
            "TILLSTREAM_DATABASE_URL",
            "mysql://owner:s3cret@db/x",
            "TILLSTREAM_DATABASE_URL is wrong: it must be the URL of the owner who migrates, "
            "e.g. postgresql://owner:secret@db:5432/tillstream.",
        ),
        (
            "TILLSTREAM_RABBITMQ_URL",
            "rabbitmq",
            "TILLSTREAM_RABBITMQ_URL is wrong: it must be a broker URL, e.g. amqp://user:secret@rabbitmq:5672/.",
        ),
        (
            "TILLSTREAM_BUS__ATTEMPTS",
            "0",
            "TILLSTREAM_BUS__ATTEMPTS is wrong: input should be greater than or equal to 1.",
        ),
    ],
)
def test_a_wrong_setting_is_one_sentence_without_its_secret(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(WrongSetting) as caught:
        load_settings(HostSettings)
    assert str(caught.value) == sentence
    assert caught.value.exit_code == 2


def test_the_bus_is_limited_by_variables_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLSTREAM_BUS__ATTEMPTS", "3")
    assert load_settings(HostSettings).bus.attempts == 3


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLSTREAM_OTLP_ENDPOINT", "")
    assert load_settings(HostSettings).otlp_endpoint is None


def test_a_secret_may_come_from_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "code").write_text("from-a-file\n")
    monkeypatch.setenv("TILLSTREAM_WIDGET_CODE_FILE", str(tmp_path / "code"))
    assert load_settings(WidgetSettings).code.get_secret_value() == "from-a-file"


def test_a_secret_from_both_places_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TILLSTREAM_WIDGET_CODE", "x")
    monkeypatch.setenv("TILLSTREAM_WIDGET_CODE_FILE", str(tmp_path / "code"))
    with pytest.raises(WrongSetting, match=r"^TILLSTREAM_WIDGET_CODE and TILLSTREAM_WIDGET_CODE_FILE are both set"):
        load_settings(WidgetSettings)


def test_a_secret_file_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLSTREAM_WIDGET_CODE_FILE", "/nowhere/code")
    with pytest.raises(WrongSetting) as caught:
        load_settings(WidgetSettings)
    assert str(caught.value) == (
        "TILLSTREAM_WIDGET_CODE_FILE is '/nowhere/code', which cannot be read (No such file or directory): "
        "it must name a readable file that holds the value of TILLSTREAM_WIDGET_CODE."
    )


def test_a_missing_setting_without_description_is_named() -> None:
    with pytest.raises(WrongSetting) as caught:
        load_settings(WidgetSettings)
    assert str(caught.value) == "TILLSTREAM_WIDGET_CODE is not set: it must be given."


def test_a_fallback_counts_only_where_nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    fallback = {"TILLSTREAM_WIDGET_CODE": "made up"}
    assert load_settings(WidgetSettings, fallback).code.get_secret_value() == "made up"
    monkeypatch.setenv("TILLSTREAM_WIDGET_CODE", "given")
    assert load_settings(WidgetSettings, fallback).code.get_secret_value() == "given"


def test_a_service_connects_as_its_own_role_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILLSTREAM_DATABASE_URL", "postgres://owner:pw@db:5432/shop")
    settings = load_settings(HostSettings)
    assert settings.service_database_url("sales", {}) == "postgresql://tillstream_sales:pw@db:5432/shop"
    given = {"TILLSTREAM_SALES_DATABASE_URL": "postgresql://someone:else@db2/shop"}
    assert settings.service_database_url("sales", given) == "postgresql://someone:else@db2/shop"


def test_a_service_without_any_database_url_says_which_variable_to_set() -> None:
    with pytest.raises(WrongSetting, match=r"^TILLSTREAM_SALES_DATABASE_URL is not set: it must be a PostgreSQL URL"):
        load_settings(HostSettings).service_database_url("sales", {})


def test_migrating_without_the_owners_url_says_which_variable_to_set() -> None:
    with pytest.raises(WrongSetting, match=r"^TILLSTREAM_DATABASE_URL is not set: it must be the URL of the owner"):
        load_settings(HostSettings).admin_url()
