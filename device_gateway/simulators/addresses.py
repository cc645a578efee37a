"""Where a simulated device is to be found: `pty`, `pty:some/link`, or `tcp://127.0.0.1:9100`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

_LOOPBACK = ("127.0.0.1", "localhost")


class WrongListenAddress(ValueError):
    """Where to listen is not written as it should be; the text says how."""


@dataclass(frozen=True, slots=True)
class PseudoTerminal:
    """A pseudo-terminal, with `link` as its stable name if wanted."""

    link: Path | None = None


@dataclass(frozen=True, slots=True)
class TcpPort:
    """A TCP port of this machine; 0 takes a free one."""

    port: int


def read_listen_address(text: str) -> PseudoTerminal | TcpPort:
    """Read `pty`, `pty:PATH` or `tcp://127.0.0.1:PORT`. Raises WrongListenAddress."""
    if text == "pty":
        return PseudoTerminal()
    if text.startswith("pty:") and len(text) > len("pty:"):
        return PseudoTerminal(Path(text.removeprefix("pty:")).absolute())
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme == "tcp" and parts.hostname in _LOOPBACK and port is not None and not parts.path.strip("/"):
        return TcpPort(port)
    raise WrongListenAddress(
        f"{text!r} is no place to listen: write pty, pty:path/of/a/link, or tcp://127.0.0.1:9100 (port 0 takes a "
        "free one)."
    )
