"""Secrets that nobody set: embedded mode makes its own at the first start and keeps them in the data folder."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

from pydantic import SecretStr
from pydantic_settings import BaseSettings

from libs.host.errors import NotAvailable
from libs.host.registry import AnyServiceDefinition
from libs.host.settings import variable_of

SECRET_BYTES = 32


def made_up_secrets(
    definitions: Iterable[AnyServiceDefinition], environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """A new value for every secret of the services that is not set, by variable.

    Each is 32 random bytes in URL-safe base64, which is also what an encryption key looks like.
    """
    return {
        variable: base64.urlsafe_b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
        for definition in definitions
        for variable in _secret_variables(definition.settings)
        if variable not in environment and f"{variable}_FILE" not in environment
    }


def kept_secrets(
    definitions: Iterable[AnyServiceDefinition], folder: Path, environment: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """The same, made once and kept in `folder`: one file for each variable that only its owner may read."""
    kept: dict[str, str] = {}
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for variable, fresh in made_up_secrets(definitions, environment).items():
            path = folder / variable
            if not path.exists():
                with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                    file.write(fresh)
            kept[variable] = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise NotAvailable(f"The secrets in {folder} cannot be read or written ({error.strerror}).") from error
    return kept


def _secret_variables(kind: type[BaseSettings]) -> list[str]:
    return [variable_of(kind, name) for name, field in kind.model_fields.items() if _holds_secret(field.annotation)]


def _holds_secret(annotation: Any) -> bool:
    if get_origin(annotation) is dict:
        # Secrets by somebody's name were agreed with them; nobody can make them up.
        return False
    return annotation is SecretStr or any(_holds_secret(inner) for inner in get_args(annotation))
