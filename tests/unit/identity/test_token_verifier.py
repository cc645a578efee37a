"""How services learn identity's keys: together, not more often than needed, and without failing when it is away."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from cryptography.fernet import Fernet

from libs.contracts.refusal import Unauthenticated
from libs.web.authentication import TokenVerifier
from services.identity.domain.key_ring import SigningKey
from services.identity.gateways.signing import TokenSigner

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SUBJECT = UUID("019a0000-0000-7000-8000-000000000001")


class Identity:
    """Identity as a verifier sees it: it publishes keys, counts who asks, and can be away."""

    def __init__(self) -> None:
        self.signer = TokenSigner(Fernet.generate_key().decode())
        self.keys = [self.new_key()]
        self.asked = 0
        self.away = False
        self.now = NOON
        self.verifier = TokenVerifier(self.fetch, lambda: self.now)

    def new_key(self) -> SigningKey:
        return self.signer.new_key(published_at=NOON, signs_from=NOON)

    async def fetch(self) -> dict[str, Any]:
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.away:
            raise httpx.ConnectError("no route")
        return {"keys": [key.public_jwk for key in self.keys]}

    def token(self, key: SigningKey | None = None, **claims: Any) -> str:
        standard = {"iss": "tillstream", "sub": str(SUBJECT), "kind": "staff", "name": "Kim"}
        exp = int((self.now + timedelta(hours=1)).timestamp())
        return self.signer.sign(key or self.keys[-1], standard | {"exp": exp} | claims)


async def test_many_who_need_the_keys_at_once_ask_once() -> None:
    identity = Identity()
    tokens = [identity.token(name=f"Kim {n}") for n in range(50)]
    principals = await asyncio.gather(*(identity.verifier.verify(token) for token in tokens))
    assert [principal.name for principal in principals] == [f"Kim {n}" for n in range(50)]
    assert identity.asked == 1


async def test_a_new_key_is_learnt_when_its_first_token_comes() -> None:
    identity = Identity()
    await identity.verifier.verify(identity.token())
    identity.keys.append(identity.new_key())
    identity.now += timedelta(seconds=5)
    assert (await identity.verifier.verify(identity.token())).id == SUBJECT
    assert identity.asked == 2


async def test_strangers_tokens_do_not_make_everybody_ask() -> None:
    identity = Identity()
    await identity.verifier.verify(identity.token())
    stranger = Identity()
    for _ in range(20):
        with pytest.raises(Unauthenticated, match="not valid here"):
            await identity.verifier.verify(stranger.token())
    assert identity.asked == 1


async def test_while_identity_is_away_known_keys_go_on_verifying() -> None:
    identity = Identity()
    await identity.verifier.verify(identity.token())
    identity.away = True
    identity.now += timedelta(seconds=5)
    with pytest.raises(Unauthenticated, match="not valid here"):
        await identity.verifier.verify(identity.token(identity.new_key()))
    assert (await identity.verifier.verify(identity.token(name="Ola"))).name == "Ola"


async def test_without_any_key_everybody_is_told_at_once_that_identity_is_away() -> None:
    identity = Identity()
    identity.away = True
    answers = await asyncio.gather(
        *(identity.verifier.verify(identity.token(name=f"Kim {n}")) for n in range(10)), return_exceptions=True
    )
    assert [str(answer) for answer in answers] == [
        "Sign-on cannot be checked: identity does not answer. Try again."
    ] * 10
    assert identity.asked == 1
    identity.away = False
    with pytest.raises(Unauthenticated, match="identity does not answer"):
        await identity.verifier.verify(identity.token())
    assert identity.asked == 1
    identity.now += timedelta(seconds=5)
    await identity.verifier.verify(identity.token())


async def test_unknown_tokens_do_not_make_everybody_ask_while_identity_is_away() -> None:
    identity = Identity()
    await identity.verifier.verify(identity.token())
    identity.away = True
    identity.now += timedelta(seconds=5)
    stranger = Identity()
    for _ in range(20):
        with pytest.raises(Unauthenticated, match="not valid here"):
            await identity.verifier.verify(stranger.token())
    assert identity.asked == 2


async def test_an_empty_key_set_is_as_good_as_none() -> None:
    identity = Identity()
    token = identity.token()
    identity.keys = []
    with pytest.raises(Unauthenticated, match="identity does not answer"):
        await identity.verifier.verify(token)


@pytest.mark.parametrize(
    ("claims", "sentence"),
    [
        ({"iss": "somebody"}, "issued by somebody else"),
        ({"kind": "robot"}, "not of the kind"),
        ({"exp": int(NOON.timestamp()) - 31}, "has expired"),
    ],
)
async def test_claims_that_do_not_hold(claims: dict[str, Any], sentence: str) -> None:
    identity = Identity()
    with pytest.raises(Unauthenticated, match=sentence):
        await identity.verifier.verify(identity.token(**claims))
