"""A TCP proxy that breaks on command: it cuts connections, refuses new ones, or swallows what the server answers."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self
from urllib.parse import parse_qs, urlsplit, urlunsplit

CHUNK_BYTES = 65_536


class Proxy:
    """Stands between a client and the server at `url`; clients use `proxy.url`."""

    def __init__(self, url: str, default_port: int) -> None:
        self._parts = urlsplit(url)
        query = parse_qs(self._parts.query)
        host = self._parts.hostname or query.get("host", ["127.0.0.1"])[0]
        port = self._parts.port or int(query.get("port", [str(default_port)])[0])
        self._target = (host, port)
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.refusing = False
        self.swallowing = False
        self.accepted = 0

    @property
    def url(self) -> str:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        credentials, _, _ = self._parts.netloc.rpartition("@")
        return urlunsplit(self._parts._replace(netloc=f"{credentials}@127.0.0.1:{port}", query=""))

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def cut(self) -> None:
        """Reset every connection."""
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self.refusing:
            writer.transport.abort()
            return
        host, port = self._target
        if host.startswith("/"):
            # The embedded PostgreSQL listens on a socket in its folder only.
            upstream_reader, upstream = await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
        else:
            upstream_reader, upstream = await asyncio.open_connection(host, port)
        self._writers |= {writer, upstream}
        for source, target, downstream in ((reader, upstream, False), (upstream_reader, writer, True)):
            task = asyncio.create_task(self._pump(source, target, downstream=downstream))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, downstream: bool) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK_BYTES):
                if downstream and self.swallowing:
                    continue
                target.write(data)
                await target.drain()
        target.transport.abort()
