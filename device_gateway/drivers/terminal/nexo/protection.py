"""How local messages are protected: encrypted, and proven to come from who knows the passphrase (protocols.md C.3 [S]).

Key material = PBKDF2-HMAC-SHA1 of the passphrase: 32 bytes for the HMAC, 32 for the cipher, 16 for the start vector,
which is combined with a fresh nonce for each message. AES-256-CBC with PKCS#7 over the JSON text; HMAC-SHA256 over the
*plain* text. Checked both ways against npm's @adyen/api-library [V].
"""

from __future__ import annotations

import base64
import binascii
import hmac as message_authentication
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes, hmac, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC

NONCE_BYTES = 16
_SALT = b"AdyenNexoV1Salt"
_ROUNDS = 4000
_HMAC_KEY, _CIPHER_KEY, _START_VECTOR = slice(0, 32), slice(32, 64), slice(64, 80)
_BLOCK_BITS = 128
_VERSION = 1


class NotAuthentic(ValueError):
    """The message is not protected with our key, or was changed on the way."""


@dataclass(frozen=True, slots=True, repr=False)
class Key:
    """A shared key: its name and version, which go with every message, and what is derived from the passphrase."""

    identifier: str
    version: int
    material: bytes


def derive_key(identifier: str, version: int, passphrase: str) -> Key:
    """The key of a passphrase. Takes milliseconds on purpose: do it once.

    Raises ValueError for other than ASCII characters: Adyen's libraries do not agree on the bytes of those.
    """
    if not passphrase.isascii():
        raise ValueError("the passphrase must be of ASCII characters")
    derivation = PBKDF2HMAC(algorithm=hashes.SHA1(), length=80, salt=_SALT, iterations=_ROUNDS)  # noqa: S303 - theirs
    return Key(identifier, version, derivation.derive(passphrase.encode("ascii")))


def seal(text: str, header: Mapping[str, Any], key: Key, nonce: bytes) -> dict[str, Any]:
    """The protected form of a message's JSON text: header in clear, blob, and trailer. `nonce`: 16 fresh bytes."""
    plain = text.encode("utf-8")
    padder = padding.PKCS7(_BLOCK_BITS).padder()
    encryptor = _cipher(key, nonce).encryptor()
    blob = encryptor.update(padder.update(plain) + padder.finalize()) + encryptor.finalize()
    return {
        "MessageHeader": dict(header),
        "NexoBlob": base64.b64encode(blob).decode("ascii"),
        "SecurityTrailer": {
            "AdyenCryptoVersion": _VERSION,
            "KeyIdentifier": key.identifier,
            "KeyVersion": key.version,
            "Nonce": base64.b64encode(nonce).decode("ascii"),
            "Hmac": base64.b64encode(_code(plain, key)).decode("ascii"),
        },
    }


def unseal(protected: Mapping[str, Any], key: Key) -> str:
    """The JSON text of a protected message. Raises NotAuthentic, which does not say at which step."""
    trailer = protected.get("SecurityTrailer")
    if not isinstance(trailer, Mapping):
        raise NotAuthentic("the message has no security trailer")
    named = (trailer.get("AdyenCryptoVersion"), trailer.get("KeyIdentifier"), trailer.get("KeyVersion"))
    if named != (_VERSION, key.identifier, key.version):
        raise NotAuthentic("the message is protected with another key than ours")
    try:
        blob = _decoded(protected.get("NexoBlob"))
        nonce, told = _decoded(trailer.get("Nonce")), _decoded(trailer.get("Hmac"))
        decryptor = _cipher(key, nonce).decryptor()
        unpadder = padding.PKCS7(_BLOCK_BITS).unpadder()
        plain = unpadder.update(decryptor.update(blob) + decryptor.finalize()) + unpadder.finalize()
        if not message_authentication.compare_digest(_code(plain, key), told):
            raise ValueError
        return plain.decode("utf-8")
    except ValueError:
        # One sentence for every reason: saying which step failed would help whoever forges messages.
        raise NotAuthentic("the message was not made with our key, or was changed on the way") from None


def _decoded(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("base64 text is missing")
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("this is no base64 text") from error


def _cipher(key: Key, nonce: bytes) -> Cipher[modes.CBC]:
    if len(nonce) != NONCE_BYTES:
        raise ValueError(f"a nonce has {NONCE_BYTES} bytes")
    vector = bytes(a ^ b for a, b in zip(key.material[_START_VECTOR], nonce, strict=True))
    return Cipher(algorithms.AES(key.material[_CIPHER_KEY]), modes.CBC(vector))


def _code(plain: bytes, key: Key) -> bytes:
    code = hmac.HMAC(key.material[_HMAC_KEY], hashes.SHA256())
    code.update(plain)
    return code.finalize()
