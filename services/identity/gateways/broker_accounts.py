"""What a device gateway has at the broker: a user with few rights, a queue, and the binding of its commands.

Made through RabbitMQ's management HTTP API (documented at /api of every broker with the management plugin). Every step
may be repeated: each states what shall be, and says nothing if it is so already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from uuid import UUID

import httpx
import structlog

from libs.bus.consumer import CommandConsumer
from libs.bus.settings import BusSettings
from libs.bus.topology import Queue, Topology
from libs.contracts.gateway import gateway_route
from services.identity.gateways.random_secrets import new_gateway_secret

# Topic permissions hold per routing key: a gateway speaks for itself, never for sales or payments.
_OWN_EVENTS = r"^gateway\."
_NOTHING = "^$"

_log = structlog.get_logger(__name__)


class BrokerNotReady(RuntimeError):
    """The broker's management API did not answer, or refused; the sentence holds no secret."""


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """`management_url` with an administrator's user and password; `public_url` as gateways reach the broker."""

    management_url: str
    public_url: str
    virtual_host: str
    timeout_s: float


class BrokerAccounts:
    """Makes and removes gateways' accounts. `http` is only for this; `bus` says how queues are named and limited."""

    def __init__(self, address: BrokerAddress, bus: BusSettings, http: httpx.AsyncClient | None = None) -> None:
        parts = urlsplit(address.management_url)
        self._auth = httpx.BasicAuth(unquote(parts.username or ""), unquote(parts.password or ""))
        host = parts.netloc.rpartition("@")[2]
        self._base = urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
        self._address = address
        self._vhost = quote(address.virtual_host, safe="")
        self._topology = Topology(bus)
        self._http = http or httpx.AsyncClient()

    async def close(self) -> None:
        """Close the connections to the management API."""
        await self._http.aclose()

    async def open(self, gateway_id: UUID) -> str:
        """Give the gateway its queue and a user with a new password; the URL to connect with.

        Whoever is connected as this user is cut off. Raises BrokerNotReady.
        """
        user, password, queue = user_of(gateway_id), new_gateway_secret(), self._queue(gateway_id)
        await self._declare(queue)
        # A new password alone would leave connected whoever knows the old one; with the user their connections go.
        await self.remove(gateway_id)
        await self._do("PUT", f"users/{user}", {"password": password, "tags": ""})
        await self._do(
            "PUT",
            f"permissions/{self._vhost}/{user}",
            {
                "configure": _NOTHING,
                "write": f"^{re.escape(self._topology.events)}$",
                "read": f"^{re.escape(queue.name)}$",
            },
        )
        await self._do(
            "PUT",
            f"topic-permissions/{self._vhost}/{user}",
            {"exchange": self._topology.events, "write": _OWN_EVENTS, "read": _NOTHING},
        )
        return self._url(user, password)

    async def remove(self, gateway_id: UUID) -> None:
        """Take the user away and cut it off; its queue stays until it is enrolled again. Raises BrokerNotReady."""
        await self._do("DELETE", f"users/{user_of(gateway_id)}", missing_is_fine=True)

    def _queue(self, gateway_id: UUID) -> Queue:
        name = f"gateway.{gateway_id}"
        (queue,) = self._topology.queues(CommandConsumer(name=name, route=gateway_route(gateway_id), handlers={}))
        return queue

    async def _declare(self, queue: Queue) -> None:
        name = quote(queue.name, safe="")
        body = {"durable": True, "auto_delete": False, "arguments": queue.arguments}
        # 400: it is there with the limits of earlier settings, which serve as well.
        await self._do("PUT", f"queues/{self._vhost}/{name}", body, refusal_is_fine=True)
        for binding in queue.bindings:
            path = f"bindings/{self._vhost}/e/{quote(binding.exchange, safe='')}/q/{name}"
            await self._do("POST", path, {"routing_key": binding.routing_key})

    async def _do(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        *,
        missing_is_fine: bool = False,
        refusal_is_fine: bool = False,
    ) -> None:
        what = f"{method} {path}"
        try:
            answer = await self._http.request(
                method, f"{self._base}/api/{path}", json=body, auth=self._auth, timeout=self._address.timeout_s
            )
        except httpx.HTTPError as error:
            raise BrokerNotReady(f"RabbitMQ's management API does not answer ({type(error).__name__})") from error
        if answer.is_success or (missing_is_fine and answer.status_code == 404):
            return
        _log.warning("broker_refused", request=what, status=answer.status_code, answer=answer.text[:300])
        if not (refusal_is_fine and answer.status_code == 400):
            raise BrokerNotReady(f"RabbitMQ's management API answered {answer.status_code} to {what}")

    def _url(self, user: str, password: str) -> str:
        parts = urlsplit(self._address.public_url)
        path = "/" if self._address.virtual_host == "/" else f"/{self._vhost}"
        return urlunsplit((parts.scheme, f"{user}:{password}@{parts.netloc}", path, parts.query, ""))


def user_of(gateway_id: UUID) -> str:
    """The name of a gateway's user at the broker."""
    return f"gateway.{gateway_id}"
