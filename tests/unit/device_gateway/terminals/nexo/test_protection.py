"""Local messages are readable with the shared key alone, and every change is noticed."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from device_gateway.drivers.terminal.nexo.protection import NotAuthentic, derive_key, seal, unseal

_KEY = derive_key("mykey", 1, "mypassphrase")
_NONCE = bytes(range(16))
_HEADER = {"ServiceID": "1"}


def test_the_key_is_80_bytes_of_pbkdf2() -> None:
    # PBKDF2-HMAC-SHA1("mypassphrase", "AdyenNexoV1Salt", 4000), by Python's own hashlib.
    import hashlib

    expected = hashlib.pbkdf2_hmac("sha1", b"mypassphrase", b"AdyenNexoV1Salt", 4000, 80)
    assert _KEY.material == expected
    assert "mypassphrase" not in repr(_KEY)


@settings(max_examples=50)
@given(st.text(max_size=200), st.binary(min_size=16, max_size=16))
def test_what_is_sealed_can_be_unsealed(text: str, nonce: bytes) -> None:
    sealed = seal(text, _HEADER, _KEY, nonce)

    assert unseal(sealed, _KEY) == text
    assert sealed["MessageHeader"] == _HEADER
    assert sealed["SecurityTrailer"]["KeyIdentifier"] == "mykey"


def _changed(where: str, byte: int) -> dict[str, Any]:
    sealed = seal('{"a": 10.99}', _HEADER, _KEY, _NONCE)
    holder = sealed if where == "NexoBlob" else sealed["SecurityTrailer"]
    data = bytearray(base64.b64decode(holder[where]))
    data[byte % len(data)] ^= 1
    holder[where] = base64.b64encode(data).decode()
    return sealed


@pytest.mark.parametrize("where", ["NexoBlob", "Nonce", "Hmac"])
@pytest.mark.parametrize("byte", range(16))
def test_one_changed_bit_is_noticed(where: str, byte: int) -> None:
    with pytest.raises(NotAuthentic, match="changed on the way"):
        unseal(_changed(where, byte), _KEY)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"SecurityTrailer": "none"},
        {"SecurityTrailer": {}},
        seal("{}", _HEADER, derive_key("other", 1, "mypassphrase"), _NONCE),
        seal("{}", _HEADER, derive_key("mykey", 2, "mypassphrase"), _NONCE),
        seal("{}", _HEADER, derive_key("mykey", 1, "guessed"), _NONCE),
        seal("{}", _HEADER, _KEY, _NONCE) | {"NexoBlob": "%%%"},
        seal("{}", _HEADER, _KEY, _NONCE) | {"NexoBlob": ""},
        seal("{}", _HEADER, _KEY, _NONCE) | {"NexoBlob": 1},
    ],
)
def test_what_was_not_made_with_our_key_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NotAuthentic):
        unseal(wrong, _KEY)
