"""The message authentication code in field 64 or 128.

ISO 9797-1 algorithm 3 with padding method 1 (ANSI X9.19, "retail MAC") or CMAC with AES (NIST SP 800-38B), cut to eight
bytes. In production the key lives in a security module; here it comes from a secret setting.
"""

from __future__ import annotations

import hmac
from typing import Literal, NoReturn

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from cryptography.hazmat.primitives.cmac import CMAC

from services.payments.gateways.acquirer.dialect import DialectWrong

MAC_BYTES = 8
_BLOCK_BYTES = 8
Algorithm = Literal["retail", "cmac-aes"]
_KEY_BYTES: dict[Algorithm, tuple[int, ...]] = {"retail": (16,), "cmac-aes": (16, 24, 32)}


class MacKey:
    """A key that shows itself to no log."""

    __slots__ = ("_key", "algorithm")

    def __init__(self, algorithm: Algorithm, hexadecimal: str) -> None:
        try:
            key = bytes.fromhex(hexadecimal)
        except ValueError as error:
            raise DialectWrong("The MAC key must be hexadecimal digits.") from error
        if len(key) not in _KEY_BYTES[algorithm]:
            lengths = " or ".join(str(2 * length) for length in _KEY_BYTES[algorithm])
            raise DialectWrong(f"The MAC key for {algorithm} must have {lengths} hexadecimal digits.")
        self.algorithm: Algorithm = algorithm
        self._key = key

    def __repr__(self) -> str:
        return f"<MacKey {self.algorithm}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A MAC key is not to be stored.")

    def sign(self, data: bytes) -> bytes:
        """The eight bytes that authenticate `data`."""
        return _retail(self._key, data) if self.algorithm == "retail" else _cmac(self._key, data)

    def verify(self, data: bytes, mac: bytes) -> bool:
        """Whether `mac` authenticates `data`; takes the same time whatever differs."""
        return hmac.compare_digest(self.sign(data), mac)


def _retail(key: bytes, data: bytes) -> bytes:
    """Single DES in CBC under the left half, then the last block once more under both halves."""
    padded = data + bytes(-len(data) % _BLOCK_BYTES) if data else bytes(_BLOCK_BYTES)
    left, right = key[:_BLOCK_BYTES], key[_BLOCK_BYTES:]
    # Three times the same key makes single DES of triple DES; the mode and the key are the standard's own.
    chain = Cipher(TripleDES(left * 3), CBC(bytes(_BLOCK_BYTES))).encryptor()
    last = (chain.update(padded) + chain.finalize())[-_BLOCK_BYTES:]
    opened = Cipher(TripleDES(right * 3), ECB()).decryptor()  # noqa: S305 - one block, as ISO 9797-1 has it
    closed = Cipher(TripleDES(left * 3), ECB()).encryptor()  # noqa: S305 - one block, as ISO 9797-1 has it
    return closed.update(opened.update(last))


def _cmac(key: bytes, data: bytes) -> bytes:
    code = CMAC(AES(key))
    code.update(data)
    return code.finalize()[:MAC_BYTES]
