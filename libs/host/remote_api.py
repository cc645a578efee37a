"""A running system as commands use it: over its public HTTP API, signed on by API key or as somebody of the office."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import httpx
from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.host.errors import CheckFailed, NotAvailable, WrongSetting


def _base_url(value: str) -> str:
    if not value.startswith(("http://", "https://")):
        raise ValueError("not a URL")
    return value.rstrip("/")


class RemoteSettings(BaseSettings):
    """Where the system is and who calls. Secrets come by environment or file, never as an argument."""

    model_config = SettingsConfigDict(env_prefix="TILLSTREAM_", env_ignore_empty=True, frozen=True, extra="ignore")

    server_url: Annotated[str, AfterValidator(_base_url)] = Field(
        "http://127.0.0.1:8000", description="the base URL of the system, e.g. https://pos.example.com"
    )
    api_key: SecretStr | None = Field(None, description="an API key with the scopes that the command needs")
    staff_code: str | None = Field(None, description="the code of somebody who signs on to the office")
    staff_password: SecretStr | None = Field(None, description="the password of that person")
    server_timeout_s: float = Field(60.0, gt=0, description="a number of seconds above 0, e.g. 60")


class RemoteApi:
    """Calls with a token. A refusal ends the command with the sentence of its problem document."""

    def __init__(self, http: httpx.Client, token: str) -> None:
        self._http = http
        self._headers = {"Authorization": f"Bearer {token}"}

    def json(self, method: str, path: str, **options: Any) -> Any:
        """The JSON answer. Raises CheckFailed with what the server says, or NotAvailable."""
        return self._answered(self._http.request(method, path, headers=self._headers, **options)).json()

    def post_file(self, path: str, content: bytes, media_type: str, params: dict[str, Any]) -> Any:
        """The JSON answer to an uploaded file. Raises as `json` does."""
        headers = {**self._headers, "Content-Type": media_type}
        return self._answered(self._http.post(path, content=content, params=params, headers=headers)).json()

    @contextmanager
    def streamed(self, path: str, **params: Any) -> Iterator[Iterator[bytes]]:
        """The body of a download, chunk by chunk. Raises as `json` does."""
        with self._http.stream("GET", path, params=params, headers=self._headers) as response:
            if not response.is_success:
                response.read()
            self._answered(response)
            yield response.iter_bytes()

    def _answered(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        if response.status_code in (502, 503, 504):
            raise NotAvailable(f"The server is not ready: {_sentence(response)}")
        raise CheckFailed(f"The server refuses: {_sentence(response)}")


@contextmanager
def remote_api(settings: RemoteSettings, ask_password: Callable[[], str]) -> Iterator[RemoteApi]:
    """The API of the system, signed on for the block: by the API key if there is one, else as `staff_code`.

    `ask_password` is called when no password is set. Raises WrongSetting when it is not said who calls or the server
    does not know them, NotAvailable when it does not answer.
    """
    try:
        with httpx.Client(base_url=settings.server_url, timeout=settings.server_timeout_s) as http:
            yield RemoteApi(http, _token(http, settings, ask_password))
    except httpx.TransportError as error:
        raise NotAvailable(
            f"{settings.server_url} does not answer ({type(error).__name__}). Is the system running, and is "
            "TILLSTREAM_SERVER_URL or --server right?"
        ) from error


def _token(http: httpx.Client, settings: RemoteSettings, ask_password: Callable[[], str]) -> str:
    if settings.api_key is not None:
        body = {"key": settings.api_key.get_secret_value()}
        response = http.post("/identity/v1/tokens/api-key", json=body)
        who = "TILLSTREAM_API_KEY"
    elif settings.staff_code is not None:
        password = settings.staff_password.get_secret_value() if settings.staff_password else ask_password()
        body = {"staff_code": settings.staff_code, "password": password}
        response = http.post("/identity/v1/office-sign-ons", json=body)
        who = settings.staff_code
    else:
        raise WrongSetting("Say who calls: set TILLSTREAM_API_KEY (or TILLSTREAM_API_KEY_FILE), or give --staff CODE.")
    if response.is_success:
        token: str = response.json()["access_token"]
        return token
    if response.status_code in (502, 503, 504):
        raise NotAvailable(f"The server is not ready: {_sentence(response)}")
    raise WrongSetting(f"The server does not let {who} in: {_sentence(response)}")


def _sentence(response: httpx.Response) -> str:
    try:
        detail = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"it answered {response.status_code}; is this the address of a Tillstream system?"
    return str(detail)
