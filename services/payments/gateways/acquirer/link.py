"""One connection to an acquirer: many requests outstanding at once, each waiting for its own reply."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

from services.payments.domain.concentrator.message import (
    Message,
    ReplyKey,
    WrongMessage,
    key_of_awaited_reply,
    key_of_reply,
)
from services.payments.gateways.acquirer.codec import Codec
from services.payments.gateways.acquirer.framing import Framing, StreamBroken


@dataclass(frozen=True, slots=True)
class Address:
    """Where an acquirer listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """Limits of the links to one acquirer. `answer_timeout_s` is T of the time-out rule."""

    connect_timeout_s: float = 5.0
    answer_timeout_s: float = 30.0
    echo_timeout_s: float = 10.0
    echo_every_s: float = 60.0
    reconnect_pause_s: float = 5.0
    largest_message_bytes: int = 8_192
    most_outstanding: int = 256


@dataclass(frozen=True, slots=True)
class Answered:
    """The reply that belongs to the request, and the link that it came over."""

    reply: Message
    link: str


@dataclass(frozen=True, slots=True)
class Unsent:
    """Certainly not one byte left: it may be sent another way, or later."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """It left, wholly or in part, and no reply came: the host may have acted on it. Never send it again."""

    reason: str
    link: str


Exchange = Answered | Unsent | Unanswered


@dataclass(slots=True)
class LinkCounts:
    """What a link has seen, for its operators."""

    sent: int = 0
    answered: int = 0
    late_or_foreign: int = 0
    unreadable: int = 0


LateReply = Callable[[Message], None]
"""Told of a reply whose request was given up, or was never ours."""
# On, for no time: what was not delivered when a connection is closed is thrown away.
_DELIVER_NOTHING_MORE = struct.pack("ii", 1, 0)


class Link:
    """A connection that is open. `closed` is set when it is of no use any more."""

    def __init__(
        self,
        name: str,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        codec: Codec,
        framing: Framing,
        limits: LinkLimits,
        late: LateReply,
    ) -> None:
        self.name = name
        self.closed = asyncio.Event()
        self.counts = LinkCounts()
        self._reader = reader
        self._writer = writer
        self._codec = codec
        self._framing = framing
        self._limits = limits
        self._late = late
        self._awaited: dict[ReplyKey, asyncio.Future[Message]] = {}
        self._reading = asyncio.create_task(self._read(), name=f"acquirer link {name}")

    @classmethod
    async def connect(
        cls,
        name: str,
        address: Address,
        codec: Codec,
        framing: Framing,
        limits: LinkLimits,
        late: LateReply = lambda reply: None,
    ) -> Link:
        """Open a connection. Raises OSError (also when the time is up)."""
        async with asyncio.timeout(limits.connect_timeout_s):
            reader, writer = await asyncio.open_connection(address.host, address.port)
        # A request that a closed line still delivered would charge after its reversal went over another one.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DELIVER_NOTHING_MORE)
        return cls(name, reader, writer, codec, framing, limits, late)

    @property
    def outstanding(self) -> int:
        """How many requests wait for their reply."""
        return len(self._awaited)

    async def exchange(self, request: Message, timeout_s: float) -> Exchange:
        """Send a request once and wait for its reply. Never raises for a lost line or a strange reply."""
        if self.closed.is_set():
            return Unsent(f"The link {self.name} is down.")
        if len(self._awaited) >= self._limits.most_outstanding:
            return Unsent(f"The link {self.name} already waits for {len(self._awaited)} replies.")
        key = key_of_awaited_reply(request)
        if key in self._awaited:
            return Unsent("A request with the same trace is still waiting for its reply.")
        try:
            frame = self._framing.wrap(self._codec.write(request))
        except WrongMessage as error:
            return Unsent(str(error))
        awaited = asyncio.get_running_loop().create_future()
        self._awaited[key] = awaited
        try:
            async with asyncio.timeout(timeout_s):
                # From here on it may have left, whatever happens.
                self._writer.write(frame)
                self.counts.sent += 1
                await self._writer.drain()
                reply = await awaited
        except TimeoutError:
            return Unanswered(f"The acquirer did not answer within {timeout_s:g} s.", self.name)
        except (OSError, StreamBroken) as error:
            self._end()
            return Unanswered(f"The link {self.name} broke: {error}", self.name)
        finally:
            self._awaited.pop(key, None)
            if awaited.done() and not awaited.cancelled():
                awaited.exception()
        self.counts.answered += 1
        return Answered(reply, self.name)

    async def close(self) -> None:
        """Close the connection; what is outstanding is unanswered."""
        self._end()
        self._reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reading
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()

    async def _read(self) -> None:
        try:
            while True:
                self._take(await self._framing.read(self._reader))
        except StreamBroken as error:
            self._end(error)
        finally:
            # Nobody reads any more, whatever the reason: a link that only sends is worse than none.
            self._end()

    def _take(self, data: bytes) -> None:
        try:
            message = self._codec.read(data)
        except WrongMessage:
            # Also a wrong MAC: it is no answer, and the request it may belong to is reversed in its time.
            self.counts.unreadable += 1
            return
        if message.is_request:
            self._reply_to_host(message)
            return
        awaited = self._awaited.get(key_of_reply(message))
        if awaited is None or awaited.done():
            # Late: its request was given up and is being reversed. It must not count as approved now.
            self.counts.late_or_foreign += 1
            self._late(message)
            return
        awaited.set_result(message)

    def _reply_to_host(self, request: Message) -> None:
        """The host's own echo or sign-on (0800) is answered; nothing else is expected of it."""
        if request.mti != "0800":
            self.counts.unreadable += 1
            return
        echoed: dict[int, str | None] = {number: request.fields.get(number) for number in (7, 11, 41, 70)}
        with contextlib.suppress(WrongMessage):
            self._writer.write(self._framing.wrap(self._codec.write(Message.of("0810", echoed | {39: "00"}))))

    def _end(self, error: StreamBroken | None = None) -> None:
        if self.closed.is_set():
            return
        self.closed.set()
        self._writer.transport.abort()
        for awaited in self._awaited.values():
            if not awaited.done():
                awaited.set_exception(error or StreamBroken("the connection was closed."))
