"""The commands of ESC/POS that the driver sends: protocols.md A.3 and A.4, and Epson's ESC/POS reference."""

from __future__ import annotations

INITIALISE = b"\x1b@"
# Chinese-made printers take two bytes from 80h for one character until they are told not to (FS .). The npm package
# receipt-printer-encoder sends it to every printer; an Epson without such characters might print the full stop.
CANCEL_TWO_BYTE_CHARACTERS = b"\x1c."
LINE_FEED = b"\n"
CENTRED, AT_THE_LEFT = b"\x1ba\x01", b"\x1ba\x00"
BOLD_ON, BOLD_OFF = b"\x1bE\x01", b"\x1bE\x00"
FEED_AND_CUT_FULLY, FEED_AND_CUT_PARTLY = b"\x1dV\x41\x00", b"\x1dV\x42\x00"
ASK_STATUS = {n: b"\x10\x04" + bytes((n,)) for n in (1, 2, 3, 4)}
TELL_EVERY_CHANGE = b"\x1da\x0f"
ASK_PAPER_IN_ORDER = b"\x1dr\x01"

MOST_BARCODE_BYTES = 255
_BARCODE_HEIGHT_DOTS = 64
# Executed as soon as they arrive, even from the middle of a picture: DLE EOT, DLE ENQ, DLE DC4 (the drawer's kick).
_REAL_TIME = {b"\x10\x04": b"\x10\x06", b"\x10\x05": b"\x10\x07", b"\x10\x14": b"\x10\x16"}


def feed(rows: int) -> bytes:
    """Print what is buffered and feed rows (ESC d)."""
    return b"\x1bd" + bytes((rows,))


def feed_dots(dots: int) -> bytes:
    """Feed that many dots (ESC J)."""
    return b"\x1bJ" + bytes((dots,))


def size(times: int) -> bytes:
    """Characters that many times as wide and as high (GS !)."""
    return b"\x1d!" + bytes((((times - 1) << 4) | (times - 1),))


def kick(pin: int, on_ms: int, off_ms: int) -> bytes:
    """A pulse on pin 2 or 5 of the drawer's plug (ESC p); times in units of 2 ms."""
    return b"\x1bp" + bytes((0 if pin == 2 else 1, on_ms // 2, off_ms // 2))


def kick_now(pin: int, on_ms: int) -> bytes:
    """The same at once, even while the printer is offline for want of paper (DLE DC4 1); in units of 100 ms."""
    return b"\x10\x14\x01" + bytes((0 if pin == 2 else 1, max(1, min(8, round(on_ms / 100)))))


def process_id(identifier: bytes) -> bytes:
    """Ask for an answer with these four characters when everything before has been printed (GS ( H, function 48)."""
    return b"\x1d(H\x06\x00\x30\x30" + identifier


def qr(data: bytes, module_dots: int) -> bytes:
    """A QR code, model 2, correction level M, drawn by the printer (GS ( k)."""
    length = len(data) + 3
    return (
        b"\x1d(k\x04\x00\x31\x41\x32\x00"
        + b"\x1d(k\x03\x00\x31\x43"
        + bytes((module_dots,))
        + b"\x1d(k\x03\x00\x31\x45\x31"
        + b"\x1d(k"
        + bytes((length & 0xFF, length >> 8))
        + b"\x31\x50\x30"
        + data
        + b"\x1d(k\x03\x00\x31\x51\x30"
    )


def barcode(kind: int, data: bytes, module_dots: int) -> bytes:
    """A bar code with its text below (GS h, w, H, f, k); kind 67 is EAN-13, 73 is Code 128."""
    return (
        b"\x1dh"
        + bytes((_BARCODE_HEIGHT_DOTS,))
        + b"\x1dw"
        + bytes((module_dots,))
        + b"\x1dH\x02\x1df\x00\x1dk"
        + bytes((kind, len(data)))
        + data
    )


def is_carried_out_at_once(data: bytes) -> bool:
    """Whether a printer would find a command in the data that it carries out as soon as it arrives."""
    return any(sequence in data for sequence in _REAL_TIME)


def raster(width_bytes: int, data: bytes) -> bytes:
    """A picture, a bit for a dot (GS v 0). Where two of its bytes would be a command that is carried out at once, one
    dot is moved: else a picture could open the drawer (from memory, not tried on a device).
    """
    height = len(data) // width_bytes
    for sequence, harmless in _REAL_TIME.items():
        data = data.replace(sequence, harmless)
    return b"\x1dv0\x00" + width_bytes.to_bytes(2, "little") + height.to_bytes(2, "little") + data
