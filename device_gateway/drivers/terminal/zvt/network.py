"""The network line to a ZVT terminal. Unlike `open_line`'s it throws away what has not left when it is let go of."""

from __future__ import annotations

import socket
import struct
from urllib.parse import urlsplit

from device_gateway.drivers.interface import DeviceAbsent, DeviceMisconfigured
from device_gateway.drivers.lines import DescriptorLine, Line

# Closing then resets the connection. Otherwise the kernel would go on delivering a request for money that we have
# given up: after the network came back it would reach the terminal, which had just said that it knew nothing of it.
THROW_AWAY_UNSENT = (socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
_AT_ONCE = (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
_NOTICE_SILENCE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 3),
)


def open_network_line(address: str, *, connect_timeout_s: float, write_timeout_s: float) -> Line:
    """Connect to `tcp://host:port`. Raises DeviceAbsent or DeviceMisconfigured."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or not port or parts.path.strip("/"):
        raise DeviceMisconfigured(
            f"{address!r} is no network address: write it as tcp://192.0.2.40:20007, with the port after the colon."
        )
    try:
        connection = socket.create_connection((host, port), timeout=connect_timeout_s)
    except OSError as error:
        raise DeviceAbsent(
            f"The terminal at {address} cannot be reached ({error.strerror or 'no answer'}). Check that it is on and "
            "in the network, and that no other till is connected to it."
        ) from error
    for option in (THROW_AWAY_UNSENT, _AT_ONCE, *_NOTICE_SILENCE):
        connection.setsockopt(*option)
    return DescriptorLine(connection.fileno(), address, connection.close, write_timeout_s=write_timeout_s)
