"""Gzip for streams, chunk by chunk, when the client takes it (RFC 9110, section 12.5.3)."""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator

from fastapi import Request

# Level 1: a till's network is faster than a busy server's processor.
_LEVEL = 1
_GZIP_WINDOW_BITS = 16 + zlib.MAX_WBITS


def takes_gzip(request: Request) -> bool:
    """Whether the client said that it understands gzip."""
    for offer in request.headers.get("accept-encoding", "").lower().split(","):
        coding, _, parameters = offer.partition(";")
        if coding.strip() in ("gzip", "*"):
            weight = parameters.replace(" ", "").removeprefix("q=")
            return not weight or weight.strip("0.") != ""
    return False


async def gzipped(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The chunks compressed."""
    compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP_WINDOW_BITS)
    async for chunk in chunks:
        compressed = compressor.compress(chunk)
        if compressed:
            yield compressed
    yield compressor.flush()
