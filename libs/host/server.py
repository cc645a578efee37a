"""The HTTP server around an application: our own socket, our own signals, so that shutting down is orderly."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

from libs.host.errors import NotAvailable
from libs.host.settings import HostSettings

BACKLOG_CONNECTIONS = 2048
_FREE_PORT_HINT = "Stop what listens there, or choose another port with --port or TILLSTREAM_PORT"


def listen(address: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes any free one. Raises NotAvailable with a sentence."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        return socket.create_server((address, port), family=family, backlog=BACKLOG_CONNECTIONS)
    except OSError as error:
        raise NotAvailable(f"Cannot listen on {address} port {port} ({_reason(error)}). {_FREE_PORT_HINT}.") from error


def _reason(error: OSError) -> str:
    # `create_server` appends the address to `strerror`; the number says the same in fewer words.
    return os.strerror(error.errno) if error.errno is not None and error.errno > 0 else str(error)


class StopSignal:
    """Set by SIGTERM or SIGINT, or by `set()`.

    Until `started` is true, and at a second signal, the task that listens is cancelled: nobody should have to wait for
    a start that may never succeed or for a stop that hangs.
    """

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.started = False

    @property
    def is_set(self) -> bool:
        """Whether it is time to stop."""
        return self._event.is_set()

    def set(self) -> None:
        """Ask to stop."""
        self._event.set()

    async def wait(self) -> None:
        """Return when it is time to stop."""
        await self._event.wait()

    @contextmanager
    def listening(self) -> Iterator[StopSignal]:
        """Take the signals of this process for the block."""
        loop = asyncio.get_running_loop()
        task = asyncio.current_task()

        def stop() -> None:
            if task is not None and (self.is_set or not self.started):
                task.cancel()
            self.set()

        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, stop)
        try:
            yield self
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the host: uvicorn would raise them again and end the process before it has tidied up."""
        yield


@asynccontextmanager
async def serving(
    app: ASGIApp, listener: socket.socket, settings: HostSettings, *, behind_proxy: bool
) -> AsyncIterator[None]:
    """Answer requests on `listener` for the block; at its end open requests get `shutdown_grace_s` to finish.

    `behind_proxy` believes the X-Forwarded headers; only for a port that nobody but the edge proxy can reach.
    """
    server = _Server(
        uvicorn.Config(
            app,
            loop="none",
            http="httptools",
            # For live feeds; what reaches an application without such routes is refused by it.
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=behind_proxy,
            forwarded_allow_ips="*" if behind_proxy else None,
            # A till sells every minute or two: closing its connection in between only makes it open another, and a
            # request that meets a connection just being closed is lost on the way.
            timeout_keep_alive=round(settings.keep_alive_s),
            timeout_graceful_shutdown=max(1, round(settings.shutdown_grace_s)),
        )
    )
    task = asyncio.create_task(server.serve(sockets=[listener]), name="http server")
    try:
        while not server.started and not task.done():  # noqa: ASYNC110 - uvicorn has a flag, no event
            await asyncio.sleep(0.005)
        if task.done():
            await task
        yield
    finally:
        server.should_exit = True
        await task
