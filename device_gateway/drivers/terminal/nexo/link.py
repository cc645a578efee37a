"""One POST to the terminal and its answer: TLS with a pinned certificate, protected messages, bounded time and size."""

from __future__ import annotations

import secrets
import socket
import ssl
import string
import struct
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

import httpx

from device_gateway.drivers.interface import DeviceMisconfigured
from device_gateway.drivers.terminal.nexo.exact_json import NotJson, read_json, write_json
from device_gateway.drivers.terminal.nexo.messages import LONGEST_SERVICE_ID, REQUEST, RESPONSE, NexoRequest, Parties
from device_gateway.drivers.terminal.nexo.protection import NONCE_BYTES, Key, NotAuthentic, seal, unseal
from libs.telemetry.redaction import redact_text

LARGEST_ANSWER_BYTES = 1_000_000
# Closing then resets the connection. Otherwise the kernel would go on delivering a request for money that we have
# given up: after the network came back it would reach the terminal, which had just said that it knew nothing of it.
_THROW_AWAY_UNSENT = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
_LONGEST_DETAILS = 200
_SERVICE_ID_CHARACTERS = string.ascii_uppercase + string.digits


class NothingLeft(Exception):
    """No connection: certainly not one byte of the request has reached the terminal."""


class NotOurTerminal(NothingLeft):
    """Whoever listens there shows another certificate than the one that is configured."""


class AnswerLost(Exception):
    """The request may have reached the terminal, and no answer that can be believed has come."""


class NotBelieved(AnswerLost):
    """Something was answered that was not made with our key."""


class Rejected(Exception):
    """The terminal says, with our key, that it has not taken the request on: it is not meant for it, or not right."""


class NexoLink:
    """Connects anew for every request: a kept connection that has died would look like a lost answer."""

    def __init__(
        self,
        url: str,
        parties: Parties,
        key: Key,
        *,
        certificate_file: str | None,
        certificate_name: str | None,
        connect_timeout_s: float,
        write_timeout_s: float,
    ) -> None:
        """Raises DeviceMisconfigured for a certificate that cannot be read."""
        self._url = url
        self._parties = parties
        self._key = key
        self._certificate_name = certificate_name
        self._connect_timeout_s = connect_timeout_s
        self._write_timeout_s = write_timeout_s
        transport = httpx.HTTPTransport(
            verify=_pinned(certificate_file),
            limits=httpx.Limits(max_keepalive_connections=0),
            socket_options=[_THROW_AWAY_UNSENT],
            trust_env=False,
        )
        # Proxies and certificates of the environment are for browsers, not for a terminal on the counter.
        self._client = httpx.Client(transport=transport, trust_env=False)

    def ask(self, request: NexoRequest, timeout_s: float) -> Mapping[str, Any]:
        """The body of the response (`PaymentResponse`). Raises NothingLeft, AnswerLost or Rejected."""
        return self._body_of(self._post(self._sealed(request), timeout_s), request)

    def tell(self, request: NexoRequest, timeout_s: float) -> None:
        """Send a request whose answer does not matter, such as an abort; may be called from another thread.

        Raises NothingLeft or AnswerLost.
        """
        self._post(self._sealed(request), timeout_s)

    def close(self) -> None:
        """Let go of everything."""
        self._client.close()

    def _sealed(self, request: NexoRequest) -> bytes:
        text = write_json(request.message(self._parties))
        nonce = secrets.token_bytes(NONCE_BYTES)
        return write_json({REQUEST: seal(text, request.header(self._parties), self._key, nonce)}).encode("utf-8")

    def _post(self, content: bytes, timeout_s: float) -> bytes:
        timeout = httpx.Timeout(
            connect=self._connect_timeout_s, write=self._write_timeout_s, read=timeout_s, pool=self._connect_timeout_s
        )
        extensions = {"sni_hostname": self._certificate_name} if self._certificate_name else {}
        deadline = time.monotonic() + timeout_s
        try:
            with self._client.stream(
                "POST",
                self._url,
                content=content,
                headers={"Content-Type": "application/json"},
                timeout=timeout,
                extensions=extensions,
            ) as response:
                return _read(response, deadline)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                raise NotOurTerminal(f"At {self._url} is not the terminal of certificate_file ({error}).") from error
            raise NothingLeft(f"The terminal at {self._url} cannot be reached ({error}).") from error
        except httpx.HTTPError as error:
            raise AnswerLost(f"The connection to the terminal broke ({type(error).__name__}).") from error

    def _body_of(self, answer: bytes, request: NexoRequest) -> Mapping[str, Any]:
        try:
            outer = read_json(answer)
            if isinstance(outer, Mapping) and REQUEST in outer:
                self._heed_event(_under(outer, REQUEST), request)
            protected = _under(outer, RESPONSE)
            message = _under(read_json(unseal(protected, self._key)), RESPONSE)
        except NotJson as error:
            raise AnswerLost("The terminal's answer cannot be read.") from error
        except NotAuthentic as error:
            raise NotBelieved(f"The terminal's answer cannot be trusted: {error}.") from error
        header = message.get("MessageHeader")
        expected = request.header(self._parties) | {"MessageType": "Response"}
        named = ("MessageCategory", "MessageType", "ServiceID", "SaleID", "POIID")
        if not isinstance(header, Mapping) or any(header.get(name) != expected[name] for name in named):
            raise AnswerLost("The terminal answered something else than it was asked.")
        body = message.get(f"{request.category}Response")
        if not isinstance(body, Mapping):
            raise AnswerLost("The terminal's answer is empty.")
        return body

    def _heed_event(self, event: Mapping[str, Any], request: NexoRequest) -> None:
        """The terminal tells an event instead of answering: that it rejects the message [S: Adyen's event
        notifications; public code that reads them]. Only one made with our key is believed.

        Raises Rejected, NotBelieved, NotJson or NotAuthentic.
        """
        plain = event.get("EventNotification")
        if isinstance(plain, Mapping):
            raise NotBelieved(f"The terminal cannot read our messages ({_details(plain)}): check the shared key.")
        told = _under(read_json(unseal(event, self._key)), REQUEST)
        header, notification = told.get("MessageHeader"), _under(told, "EventNotification")
        about = header.get("ServiceID") if isinstance(header, Mapping) else None
        if notification.get("EventToNotify") != "Reject" or about not in (None, request.service_id):
            raise NotJson("this event is no answer")
        raise Rejected(_details(notification))


def _details(notification: Mapping[str, Any]) -> str:
    """What an event says: `message=Unknown+POIID`, without a readable card number."""
    told = notification.get("EventDetails")
    text = parse_qs(told).get("message", [told])[0] if isinstance(told, str) else ""
    return redact_text(text)[:_LONGEST_DETAILS] or "it does not say why"


def new_service_id() -> str:
    """A message id that has not been used in 48 hours, by chance of one in 3.6 * 10^15."""
    return "".join(secrets.choice(_SERVICE_ID_CHARACTERS) for _ in range(LONGEST_SERVICE_ID))


def _read(response: httpx.Response, deadline: float) -> bytes:
    if response.status_code != httpx.codes.OK:
        raise AnswerLost(f"The terminal answered with HTTP status {response.status_code}.")
    answer = bytearray()
    for piece in response.iter_bytes():
        answer += piece
        if len(answer) > LARGEST_ANSWER_BYTES:
            raise AnswerLost(f"The terminal's answer is longer than {LARGEST_ANSWER_BYTES} bytes.")
        if time.monotonic() > deadline:
            raise AnswerLost("The terminal did not finish its answer in time.")
    return bytes(answer)


def _under(value: object, name: str) -> Mapping[str, Any]:
    held = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(held, Mapping):
        raise NotJson(f"there is no {name}")
    return held


def _pinned(certificate_file: str | None) -> ssl.SSLContext:
    """Trusts that certificate, or those it has signed, and nothing else; without one, nobody."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate_file is None:
        return context
    try:
        context.load_verify_locations(cafile=certificate_file)
    except OSError as error:
        raise DeviceMisconfigured(
            f"The certificate file {certificate_file} cannot be read ({error.strerror or error}): give a PEM file with "
            "the terminal's certificate or its maker's root certificate."
        ) from error
    return context
