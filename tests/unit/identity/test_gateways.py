from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime

import pytest
from cryptography.fernet import Fernet
from joserfc import jwt
from joserfc.jwk import KeySet

from services.identity.gateways.hashing import SecretHasher
from services.identity.gateways.random_secrets import (
    hash_enrolment_code,
    hash_secret,
    new_api_key,
    new_enrolment_code,
    new_till_secret,
)
from services.identity.gateways.signing import TokenSigner, WrongEncryptionKey

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def hasher(iterations: int = 1) -> SecretHasher:
    return SecretHasher(memory_kib=8, iterations=iterations, parallelism=1, concurrent=2)


async def test_a_hash_fits_its_secret_only() -> None:
    stored = await hasher().hash("4711")
    assert stored.startswith("$argon2id$")
    assert "4711" not in stored
    assert await hasher().verify(stored, "4711") is True
    assert await hasher().verify(stored, "4712") is False


async def test_two_hashes_of_one_pin_differ() -> None:
    assert await hasher().hash("4711") != await hasher().hash("4711")


async def test_nobodys_secret_never_fits() -> None:
    assert await hasher().verify(None, "4711") is False
    assert await hasher().verify(None, "nobody") is False


async def test_a_hash_that_is_none_never_fits() -> None:
    assert await hasher().verify("no hash", "4711") is False


async def test_hashes_of_weaker_parameters_are_outdated() -> None:
    stored = await hasher().hash("4711")
    assert hasher().is_outdated(stored) is False
    assert hasher(iterations=2).is_outdated(stored) is True


async def test_hashing_does_not_block_the_loop() -> None:
    slow = SecretHasher(memory_kib=65_536, iterations=4, parallelism=1, concurrent=1)
    ticks = 0
    hashing = asyncio.ensure_future(slow.hash("4711"))
    while not hashing.done():
        await asyncio.sleep(0)
        ticks += 1
    assert ticks > 2


def test_a_signed_token_is_verified_by_the_published_key() -> None:
    signer = TokenSigner(Fernet.generate_key().decode())
    key = signer.new_key(published_at=NOON, signs_from=NOON)
    text = signer.sign(key, {"sub": "somebody"})
    token = jwt.decode(text, KeySet.import_key_set({"keys": [key.public_jwk]}), algorithms=["ES256"])
    assert token.claims == {"sub": "somebody"}
    assert token.header == {"alg": "ES256", "kid": key.kid, "typ": "JWT"}
    assert key.public_jwk.keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}


def test_private_keys_are_encrypted() -> None:
    key = TokenSigner(Fernet.generate_key().decode()).new_key(published_at=NOON, signs_from=NOON)
    assert b"PRIVATE KEY" not in key.private_encrypted
    with pytest.raises(WrongEncryptionKey, match="TILLSTREAM_IDENTITY_ENCRYPTION_KEY"):
        TokenSigner(Fernet.generate_key().decode()).check(key)


def test_the_encryption_key_can_be_changed() -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    key = TokenSigner(old).new_key(published_at=NOON, signs_from=NOON)
    TokenSigner(f"{new}, {old}").check(key)


def test_enrolment_codes_are_typed_in_any_form() -> None:
    code = new_enrolment_code()
    assert re.fullmatch(r"[2-9A-HJKMNP-TW-Z]{4}(-[2-9A-HJKMNP-TW-Z]{4}){2}", code)
    typed = f" {code.lower().replace('-', ' ')} "
    assert hash_enrolment_code(typed) == hash_enrolment_code(code)
    assert hash_enrolment_code(code[:-1]) != hash_enrolment_code(code)


def test_machine_secrets_are_long_and_never_the_same() -> None:
    assert len(new_till_secret()) == 43
    assert re.fullmatch(r"ts_[A-Za-z0-9_-]{43}", new_api_key())
    assert len({new_till_secret() for _ in range(100)} | {new_api_key() for _ in range(100)}) == 200
    assert len(hash_secret("x")) == 32
