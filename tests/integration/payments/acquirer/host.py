"""A small acquirer host in the test's own process: what it really booked, and what it does wrong, are in its hands."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from services.payments.domain.concentrator.message import Message, WrongMessage
from services.payments.domain.concentrator.requests import REFUND
from services.payments.gateways.acquirer.codec import Codec
from services.payments.gateways.acquirer.dialect import Dialect
from services.payments.gateways.acquirer.framing import Framing, StreamBroken
from services.payments.gateways.acquirer.link import Address
from services.payments.gateways.acquirer.mac import MacKey

Behaviour = Literal["answer", "ignore", "drop", "act_and_drop", "act_and_ignore", "hold", "late"]
"""`ignore`: no effect, no answer; `drop` closes the connection; `act_and_...` books first; `hold` answers when told;
`late` comes to the host only then: it is booked and answered when told."""
_ECHOED = (2, 3, 4, 7, 11, 32, 37, 41, 42, 49, 70)


@dataclass
class Books:
    """What an acquirer booked, whichever of its hosts the message came to: (terminal, STAN) -> amount.

    `charged` are all financial requests, `given_back` those of them that were refunds, `twice` those that came again.
    Only what is booked already can be reversed: a request that comes after its reversal stands.
    """

    charged: dict[tuple[str, str], int] = field(default_factory=dict)
    given_back: set[tuple[str, str]] = field(default_factory=set)
    reversed: list[tuple[str, str]] = field(default_factory=list)
    twice: list[tuple[str, str]] = field(default_factory=list)

    @property
    def standing(self) -> dict[tuple[str, str], int]:
        """Charges and refunds that were not reversed."""
        return {key: amount for key, amount in self.charged.items() if key not in self.reversed}

    def act(self, request: Message) -> None:
        """Book a purchase or a refund, or undo one."""
        terminal = request.fields.get(41, "")
        if request.mti == "0200":
            key = (terminal, request.fields[11])
            if key in self.charged:
                self.twice.append(key)
            self.charged[key] = int(request.fields[4])
            if request.fields[3] == REFUND:
                self.given_back.add(key)
        elif request.mti in ("0420", "0421"):
            key = (terminal, request.fields[90][4:10])
            if key in self.charged:
                self.reversed.append(key)


class Host:
    """One listening host. `behave` decides for each request; `answered_in` reorders held answers."""

    def __init__(self, dialect: Dialect, books: Books, key: MacKey | None = None) -> None:
        self.books = books
        self.seen: list[Message] = []
        self.behave: Callable[[Message], Behaviour] = lambda request: "answer"
        self.code: Callable[[Message], str] = lambda request: "00"
        self.amount: Callable[[Message], str | None] = lambda request: request.fields.get(4)
        self._codec = Codec(dialect, key)
        self._framing = Framing(dialect.framing, 65_536)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._held: list[tuple[asyncio.StreamWriter, Message]] = []
        self._late: list[Message] = []
        self.port = 0

    @property
    def address(self) -> Address:
        return Address("127.0.0.1", self.port)

    def financial(self) -> Sequence[Message]:
        """What came, without network management."""
        return [message for message in self.seen if message.mti != "0800"]

    async def start(self) -> None:
        """Listen, at the same port as before if it has listened before."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def die(self) -> None:
        """Refuse and cut every connection."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for writer in list(self._writers):
            writer.transport.abort()

    async def release(self, order: Callable[[list[Message]], list[Message]] = lambda held: held) -> None:
        """Answer what was held, in the order given."""
        held = {id(request): writer for writer, request in self._held}
        for request in order([request for _, request in self._held]):
            if request in self._late:
                self.books.act(request)
            await self.answer(held[id(request)], request)
        self._held.clear()
        self._late.clear()

    async def answer(self, writer: asyncio.StreamWriter, request: Message) -> None:
        """Reply to a request."""
        fields: dict[int, str | None] = {number: request.fields.get(number) for number in _ECHOED}
        fields[4] = self.amount(request)
        fields |= {
            39: self.code(request),
            38: "A" + request.fields[11][1:] if request.mti in ("0100", "0200") else None,
        }
        mti = request.mti[:2] + str(int(request.mti[2]) + 1) + "0"
        await self.say(writer, Message.of(mti, fields))

    async def say(self, writer: asyncio.StreamWriter, message: Message) -> None:
        writer.write(self._framing.wrap(self._codec.write(message)))
        with contextlib.suppress(OSError):
            await writer.drain()

    async def say_to_all(self, message: Message) -> None:
        """Say something unasked."""
        for writer in list(self._writers):
            await self.say(writer, message)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            while True:
                try:
                    request = self._codec.read(await self._framing.read(reader))
                except WrongMessage:
                    continue
                self.seen.append(request)
                if request.is_request:
                    await self._handle(request, writer)
        except (StreamBroken, OSError):
            return
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _handle(self, request: Message, writer: asyncio.StreamWriter) -> None:
        behaviour = self.behave(request)
        if behaviour in ("answer", "act_and_drop", "act_and_ignore", "hold") and self.code(request) == "00":
            self.books.act(request)
        if behaviour == "answer":
            await self.answer(writer, request)
        elif behaviour in ("hold", "late"):
            if behaviour == "late":
                self._late.append(request)
            self._held.append((writer, request))
        elif behaviour in ("drop", "act_and_drop"):
            writer.transport.abort()


@contextlib.asynccontextmanager
async def listening(dialect: Dialect, books: Books, key: MacKey | None = None) -> AsyncIterator[Host]:
    """A host that listens for the length of the block."""
    host = Host(dialect, books, key)
    await host.start()
    try:
        yield host
    finally:
        await host.die()
