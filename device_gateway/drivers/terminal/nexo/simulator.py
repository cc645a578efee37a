"""A nexo terminal that speaks the real bytes over HTTP, keeps a ledger, and has faults to order.

`NexoSimulator` goes on a line like every simulator (plain HTTP on this machine); `serving_https` serves it with TLS to
several connections at once, as a terminal does.
"""

from __future__ import annotations

import contextlib
import secrets
import ssl
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from pydantic import Field

from device_gateway.drivers.terminal.nexo.exact_json import NotJson, read_json, write_json
from device_gateway.drivers.terminal.nexo.messages import REQUEST, RESPONSE
from device_gateway.drivers.terminal.nexo.protection import NONCE_BYTES, Key, NotAuthentic, derive_key, seal, unseal
from device_gateway.drivers.terminal.nexo.simulated_terminal import Answered, SimulatedNexoTerminal
from device_gateway.drivers.terminal.simulated_ledger import (
    RULE_HELP,
    Busy,
    LedgerEntry,
    SharesUntold,
    SignatureWanted,
    TipAdded,
    read_rule,
)
from device_gateway.simulators import (
    LINE_FAULTS,
    AnswerLostAfterEffect,
    Faults,
    Reply,
    SimulatedDevice,
    Simulator,
    SimulatorOptions,
)

_END_OF_HEAD = b"\r\n\r\n"
_LARGEST_REQUEST_BYTES = 1_000_000
_LOOK_S = 0.01


class NexoSimulatorOptions(SimulatorOptions):
    """What `--set` may say."""

    key_identifier: str = Field(default="mykey", description="the name of the shared key")
    key_version: int = Field(default=1, description="the version of the shared key")
    passphrase: str = Field(default="mypassphrase", description="the passphrase of the shared key")
    card_number: str = Field(default="443056 **** 1234", description="the card that is presented")
    scheme: str = Field(default="visa", description="the scheme of that card")
    works_s: float = Field(default=0.0, ge=0, description="how long a payment takes, in seconds")
    poi_id: str = Field(default="", description="its name, to which messages must be addressed; any if empty")
    currencies: str = Field(default="", description="the currencies it takes, as in EUR,PLN; all if empty")
    balance_minor: int = Field(default=2550, ge=0, description="what is left on the card, in EUR cents")


class NexoSimulator(Simulator):
    """The terminal on its line: HTTP, one request at a time. A request that came whole is carried out, whatever then
    becomes of the line.
    """

    def __init__(self, options: NexoSimulatorOptions, faults: Faults | None = None, key: Key | None = None) -> None:
        super().__init__(faults)
        self.terminal = SimulatedNexoTerminal(
            options.card_number,
            options.scheme,
            options.works_s,
            currencies=[code for code in options.currencies.split(",") if code],
            balance_minor=options.balance_minor,
        )
        self._poi_id = options.poi_id
        self._key = key or derive_key(options.key_identifier, options.key_version, options.passphrase)
        self._unread = bytearray()
        self._lock = threading.Lock()

    @property
    def ledger(self) -> Sequence[LedgerEntry]:
        """What really moved, oldest first."""
        return self.terminal.ledger.entries

    def received(self, data: bytes) -> Sequence[Reply]:
        self._unread += data
        head, end, rest = bytes(self._unread).partition(_END_OF_HEAD)
        if not end and len(head) <= _LARGEST_REQUEST_BYTES:
            return ()
        size = _content_length(head)
        if size is None or size > _LARGEST_REQUEST_BYTES:
            self._unread.clear()
            return (Reply(_http(400, b"")),)
        if len(rest) < size:
            return ()
        del self._unread[: len(head) + len(end) + size]
        answered, content = self.answer(rest[:size])
        if content is None:
            return (Reply(_http(400, b"")),)
        return (Reply(_http(200, content), answered.delay_s, after_effect=answered.moved),)

    def disconnected(self) -> None:
        self._unread.clear()

    def typed(self, text: str) -> None:
        self.terminal.rules.append(read_rule(text))

    def answer(self, content: bytes, *, wait: bool = False) -> tuple[Answered, bytes | None]:
        """What a protected message is answered with; None as its content if it cannot be read.

        With `wait` it takes as long as the terminal does, and an abort ends it early.
        """
        try:
            text = unseal(_under(read_json(content), REQUEST), self._key)
            message = _under(read_json(text), REQUEST)
        except NotJson:
            return Answered({}), None
        except NotAuthentic:
            return Answered({}), write_json({REQUEST: _rejection("Crypto error", None)}).encode("utf-8")
        header = _under(message, "MessageHeader")
        category, service_id = str(header.get("MessageCategory")), str(header.get("ServiceID"))
        if self._poi_id and header.get("POIID") != self._poi_id:
            return Answered({}), self._sealed_rejection("Unknown POIID", service_id)
        with self._lock:
            self.terminal.busy = Busy in self.faults
            self.terminal.tells_shares = SharesUntold not in self.faults
            self.terminal.wants_signature = SignatureWanted in self.faults
            tip = self.faults.of(TipAdded)
            self.terminal.adds_tip_minor = tip.minor if tip is not None else 0
            answered = self.terminal.respond(category, service_id, _under(message, f"{category}Request"))
        self.tell(f"{category} {service_id}: {answered.body.get('Response')}")
        body = answered.body
        if wait and answered.delay_s:
            while self.terminal.is_still_at(category, service_id):
                time.sleep(_LOOK_S)
            body = self.terminal.current_answer(category, service_id)
        return answered, self._sealed(header, category, body)

    def _sealed_rejection(self, why: str, service_id: str) -> bytes:
        rejection = _rejection(why, service_id)
        text = write_json({REQUEST: rejection})
        protected = seal(text, rejection["MessageHeader"], self._key, secrets.token_bytes(NONCE_BYTES))
        return write_json({REQUEST: protected}).encode("utf-8")

    def _sealed(self, header: Mapping[str, Any], category: str, body: Mapping[str, Any]) -> bytes:
        answered_header = dict(header) | {"MessageType": "Response"}
        text = write_json({RESPONSE: {"MessageHeader": answered_header, f"{category}Response": body}})
        protected = seal(text, answered_header, self._key, secrets.token_bytes(NONCE_BYTES))
        return write_json({RESPONSE: protected}).encode("utf-8")


def _rejection(why: str, service_id: str | None) -> dict[str, Any]:
    """An event that tells that a message is not taken on."""
    header = {"MessageClass": "Event", "MessageCategory": "Event", "MessageType": "Notification"}
    if service_id is not None:
        header["ServiceID"] = service_id
    event = {"EventToNotify": "Reject", "EventDetails": f"message={quote_plus(why)}"}
    return {"MessageHeader": header, "EventNotification": event}


def _under(value: object, name: str) -> Mapping[str, Any]:
    held = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(held, Mapping):
        raise NotJson(f"there is no {name}")
    return held


def _content_length(head: bytes) -> int | None:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return None


def _http(status: int, content: bytes) -> bytes:
    words = {200: "OK", 400: "Bad Request"}[status]
    head = f"HTTP/1.1 {status} {words}\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    return (head + "Connection: close\r\n\r\n").encode("ascii") + content


@contextlib.contextmanager
def serving_https(simulator: NexoSimulator, certificate_file: Path, key_file: Path) -> Iterator[str]:
    """Serve the simulator with TLS on a free port of this machine; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(simulator))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate_file, key_file)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(_LOOK_S,), name="simulated nexo terminal", daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}/nexo"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler_of(simulator: NexoSimulator) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            size = min(int(self.headers.get("Content-Length", "0")), _LARGEST_REQUEST_BYTES)
            _, content = simulator.answer(self.rfile.read(size), wait=True)
            self.wfile.write(_http(400, b"") if content is None else _http(200, content))
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the standard library
            simulator.tell(format % args)

    return Handler


simulated = SimulatedDevice(
    options=NexoSimulatorOptions,
    make=NexoSimulator,
    faults=(*LINE_FAULTS, AnswerLostAfterEffect, Busy, SharesUntold, SignatureWanted, TipAdded),
    typing=RULE_HELP,
)
