"""Who this gateway is: what it was told in exchange for a one-time code, kept in a file that only it may read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from device_gateway.settings import FOLDER
from libs.host.errors import NotAvailable, WrongSetting

FILE_NAME = "enrolment.json"
ENROLMENTS_PATH = "/identity/v1/gateway-enrolments"
ENROL_TIMEOUT_S = 20.0


class _Answer(BaseModel):
    # Identity may grow its answer.
    model_config = ConfigDict(extra="ignore", frozen=True)


class EnrolledTill(_Answer):
    """A till of this PC; `code` is what people call it."""

    till_id: UUID
    code: str


class Broker(_Answer):
    """Where the bus is, with this gateway's own user in the URL; amqps:// for TLS."""

    url: SecretStr


class Enrolment(_Answer):
    """What identity told this gateway. Without `broker` the installation's TILLSTREAM_RABBITMQ_URL is used."""

    gateway_id: UUID
    store_id: UUID
    secret: SecretStr
    tills: tuple[EnrolledTill, ...] = Field(min_length=1)
    broker: Broker | None = None
    server: str = ""

    @property
    def till_ids(self) -> tuple[UUID, ...]:
        """The tills of this PC."""
        return tuple(till.till_id for till in self.tills)


def enrolment_file(data_folder: Path) -> Path:
    """Where the enrolment is kept."""
    return data_folder / FOLDER / FILE_NAME


def enrol(code: str, server: str, data_folder: Path, *, client: httpx.Client | None = None) -> Enrolment:
    """Exchange a one-time code for an identity and keep it. Raises WrongSetting or NotAvailable with a sentence."""
    base = server.rstrip("/")
    try:
        with client or httpx.Client(timeout=ENROL_TIMEOUT_S) as http:
            response = http.post(f"{base}{ENROLMENTS_PATH}", json={"code": code})
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotAvailable(
            f"The server {base} does not answer ({error}). See that --server is right, e.g. https://pos.example.com, "
            "and that this PC is on line."
        ) from error
    if response.status_code not in (200, 201):
        raise WrongSetting(f"The server {base} refused the code: {_detail(response)}")
    try:
        enrolment = Enrolment.model_validate_json(response.content).model_copy(update={"server": base})
    except ValidationError as error:
        raise NotAvailable(
            f"The answer of {base} is not an enrolment ({_first(error)}). See that --server is a Tillstream server."
        ) from error
    keep(enrolment, data_folder)
    return enrolment


def keep(enrolment: Enrolment, data_folder: Path) -> None:
    """Write the enrolment so that only this user may read it. Raises NotAvailable."""
    path = enrolment_file(data_folder)
    document = enrolment.model_dump(mode="json")
    document["secret"] = enrolment.secret.get_secret_value()
    document["broker"] = {"url": enrolment.broker.url.get_secret_value()} if enrolment.broker else None
    text = json.dumps(document, indent=2) + "\n"
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as error:
        raise NotAvailable(f"{path} cannot be written ({error.strerror}). Give this user the right to.") from error


def read_enrolment(data_folder: Path) -> Enrolment | None:
    """The enrolment of this PC, or None if it has none. Raises NotAvailable or WrongSetting."""
    path = enrolment_file(data_folder)
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NotAvailable(
            f"{path} cannot be read ({error.strerror}). Run the gateway as the user who enrolled it."
        ) from error
    try:
        return Enrolment.model_validate_json(text)
    except ValidationError as error:
        raise WrongSetting(f"{path} is damaged ({_first(error)}). Enrol this PC again with a new code.") from error


def _detail(response: httpx.Response) -> str:
    try:
        return str(response.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {response.status_code}. Ask the office for a new code."


def _first(error: ValidationError) -> str:
    found = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(str(part) for part in found['loc']) or 'the document'}: {found['msg']}"
