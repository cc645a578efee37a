"""What an operator sets from outside: environment variables with the prefix TILLSTREAM_, secrets also as files.

For every variable there is a second one with `_FILE` appended that names a file holding the value, as container
secrets are mounted. Setting both is a mistake and refused.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict
from pydantic_settings import SettingsError as UnreadableSetting

from libs.bus.settings import BusSettings
from libs.host.errors import WrongSetting
from libs.persistence.migrate import service_url

PREFIX = "TILLSTREAM_"
Settings = TypeVar("Settings", bound=BaseSettings)


def _postgresql_url(value: str) -> str:
    if value.startswith("postgres://"):
        value = "postgresql://" + value.removeprefix("postgres://")
    if not value.startswith("postgresql://"):
        raise ValueError("not a PostgreSQL URL")
    return value


def _url_of(*schemes: str) -> AfterValidator:
    def check(value: str) -> str:
        if not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            raise ValueError("not such a URL")
        return value

    return AfterValidator(check)


DatabaseUrl = Annotated[str, AfterValidator(_postgresql_url)]


class HostSettings(BaseSettings):
    """The settings of the host. Each description completes the sentence "must be ..."."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", env_ignore_empty=True, frozen=True, extra="ignore"
    )

    database_url: DatabaseUrl | None = Field(
        None, description="the URL of the owner who migrates, e.g. postgresql://owner:secret@db:5432/tillstream"
    )
    rabbitmq_url: Annotated[str, _url_of("amqp", "amqps")] = Field(
        "amqp://guest:guest@127.0.0.1:5672/", description="a broker URL, e.g. amqp://user:secret@rabbitmq:5672/"
    )
    redis_url: Annotated[str, _url_of("redis", "rediss", "unix")] = Field(
        "redis://127.0.0.1:6379/0", description="a Redis URL, e.g. redis://redis:6379/0"
    )
    edge_url: Annotated[str, _url_of("http", "https")] = Field(
        "http://127.0.0.1:8000", description="the base URL at which services reach each other, e.g. http://edge:8080"
    )
    data_folder: Path = Field(Path(".data"), description="a folder for the embedded database, e.g. .data")
    bind_address: str = Field("127.0.0.1", min_length=1, description="an address to listen on, e.g. 0.0.0.0 for all")
    port: int = Field(8000, ge=0, le=65535, description="a TCP port from 1 to 65535, e.g. 8000, or 0 for any free one")
    database_pool_connections: int = Field(8, ge=3, le=200, description="a number of connections from 3 to 200")
    database_pool_timeout_s: float = Field(10, gt=0, description="a number of seconds above 0, e.g. 10")
    startup_wait_s: float = Field(120, ge=0, description="the seconds to wait for database and broker, e.g. 120")
    keep_alive_s: float = Field(
        120.0, ge=1, le=3600, description="the seconds an idle HTTP connection is kept, 1 to 3600, e.g. 120"
    )
    shutdown_grace_s: float = Field(5, ge=0, description="a number of seconds for open requests to finish, e.g. 5")
    job_lease_s: float = Field(60, gt=0, description="a number of seconds above 0, e.g. 60")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="one of DEBUG, INFO, WARNING, ERROR"
    )
    log_format: Literal["console", "json"] = Field("console", description="console (for people) or json (for machines)")
    otlp_endpoint: Annotated[str, _url_of("http", "https")] | None = Field(
        None, description="the base URL of an OTLP/HTTP collector, e.g. http://collector:4318"
    )
    trace_sample_share: float = Field(1.0, ge=0, le=1, description="a share from 0 to 1, e.g. 0.1 for a tenth")

    bus: BusSettings = Field(
        BusSettings(), description="limits of the bus, one variable each, e.g. TILLSTREAM_BUS__ATTEMPTS=8"
    )

    def admin_url(self) -> str:
        """The owner's database URL. Raises WrongSetting if there is none."""
        if self.database_url is None:
            raise WrongSetting(_missing("database_url", HostSettings))
        return self.database_url

    def service_database_url(self, service: str, environment: Mapping[str, str] = os.environ) -> str:
        """The URL that `service` connects with: TILLSTREAM_<SERVICE>_DATABASE_URL, else the owner's database as the
        service's own role with the owner's password. Raises WrongSetting.
        """
        variable = f"{PREFIX}{service.upper()}_DATABASE_URL"
        given = _value(variable, environment)
        if given is None:
            if self.database_url is None:
                raise WrongSetting(f"{variable} is not set: it must be {_database_url_example(service)}.")
            return service_url(self.database_url, service)
        try:
            return _postgresql_url(given)
        except ValueError as error:
            raise WrongSetting(f"{variable} is wrong: it must be {_database_url_example(service)}.") from error


def load_settings(kind: type[Settings], fallback: Mapping[str, object] | None = None) -> Settings:
    """Read `kind` from the environment and from files named by `..._FILE`. Raises WrongSetting with one sentence.

    `fallback` holds values for variables that are not set: a text, or what the setting is made of.
    """
    given: dict[str, Any] = {}
    for name in kind.model_fields:
        variable = variable_of(kind, name)
        if f"{variable}_FILE" in os.environ:
            given[name] = _value(variable, os.environ)
        elif fallback and variable in fallback and variable not in os.environ:
            given[name] = fallback[variable]
    try:
        return kind(**given)
    except ValidationError as error:
        raise WrongSetting(_sentence(kind, error.errors(include_url=False)[0])) from error
    except UnreadableSetting as error:
        raise WrongSetting(f"{str(error).rstrip('.')}: the value must be JSON.") from error


def variable_of(kind: type[BaseSettings], field: str) -> str:
    """The environment variable that sets a field."""
    return f"{kind.model_config.get('env_prefix', '')}{field}".upper()


def _value(variable: str, environment: Mapping[str, str]) -> str | None:
    """A variable's value, or the content of the file that its `_FILE` sister names."""
    file_variable = f"{variable}_FILE"
    if file_variable not in environment:
        return environment.get(variable)
    if variable in environment:
        raise WrongSetting(f"{variable} and {file_variable} are both set: keep one of them.")
    try:
        return Path(environment[file_variable]).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise WrongSetting(
            f"{file_variable} is {environment[file_variable]!r}, which cannot be read ({error.strerror}): "
            f"it must name a readable file that holds the value of {variable}."
        ) from error


def _sentence(kind: type[BaseSettings], error: ErrorDetails) -> str:
    field = str(error["loc"][0]) if error["loc"] else ""
    if field not in kind.model_fields:
        return f"The settings {variable_of(kind, '')}... contradict each other: {error['msg']}."
    if error["type"] == "missing":
        return _missing(field, kind)
    if len(error["loc"]) > 1:
        nested = "__".join(str(part) for part in error["loc"]).upper()
        return f"{variable_of(kind, '')}{nested} is wrong: {_lower_first(error['msg'])}."
    expectation = kind.model_fields[field].description
    right = f"it must be {expectation}" if expectation else _lower_first(error["msg"])
    shown = "wrong" if _may_hold_a_secret(field) else f"{str(error['input'])!r}, which is wrong"
    return f"{variable_of(kind, field)} is {shown}: {right}."


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]


def _may_hold_a_secret(field: str) -> bool:
    return field.endswith(("_url", "_key", "_password", "_secret", "_token", "_code"))


def _missing(field: str, kind: type[BaseSettings]) -> str:
    expectation = kind.model_fields[field].description
    return f"{variable_of(kind, field)} is not set: it must be {expectation or 'given'}."


def _database_url_example(service: str) -> str:
    return f"a PostgreSQL URL, e.g. postgresql://tillstream_{service}:secret@db:5432/tillstream"
