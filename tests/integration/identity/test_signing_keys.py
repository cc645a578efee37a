from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from joserfc import jws

from libs.persistence import Database, create_engine
from libs.testkit.databases import DatabaseServer
from libs.testkit.hosting import running
from libs.web.authentication import TokenVerifier
from services.identity.gateways.signing import TokenSigner, WrongEncryptionKey
from services.identity.jobs import ensure_signing_key, prune
from services.identity.service import definition
from services.identity.settings import IdentitySettings
from tests.integration.identity.installation import CASHIER_PIN, SettableClock, Shop

ENCRYPTION_KEY = "TILLSTREAM_IDENTITY_ENCRYPTION_KEY"


async def published(shop: Shop) -> list[str]:
    response = await shop.call("GET", "/jwks.json")
    assert response.headers["Cache-Control"] == "public, max-age=60"
    return [key["kid"] for key in response.json()["keys"]]


class Timers:
    """Runs identity's timers on the shop's database at the shop's time, as another replica would."""

    def __init__(self, shop: Shop) -> None:
        self.settings = IdentitySettings(encryption_key=shop.services.secrets[ENCRYPTION_KEY])
        engine = create_engine(shop.services.database_url, schema="identity", pool_size=4)
        self.database = Database(engine, clock=shop.clock)
        self.signer = TokenSigner(shop.services.secrets[ENCRYPTION_KEY])

    async def rotate(self) -> None:
        await ensure_signing_key(self.database, self.signer, self.settings)

    async def prune(self) -> None:
        await prune(self.database, self.settings)


async def test_public_keys_hold_nothing_private(shop: Shop) -> None:
    document = (await shop.call("GET", "/jwks.json")).json()
    assert [set(key) for key in document["keys"]] == [{"kty", "crv", "x", "y", "kid", "use", "alg"}]
    assert (document["keys"][0]["crv"], document["keys"][0]["alg"]) == ("P-256", "ES256")


async def test_a_key_is_published_then_signs_then_is_retired(shop: Shop) -> None:
    timers = Timers(shop)
    first = await published(shop)
    await timers.rotate()
    assert await published(shop) == first

    shop.clock.advance(days=29)
    await timers.rotate()
    both = await published(shop)
    assert len(both) == 2
    shop.till = await shop.till_token(shop.till_id, shop.till_secret)
    before = await shop.cashier()
    assert kid_of(before) == first[0]

    shop.clock.advance(days=1)
    shop.till = await shop.till_token(shop.till_id, shop.till_secret)
    after = await shop.cashier()
    assert kid_of(after) == both[1]

    # A verifier that has never heard of either learns both; the old key verifies what it signed.
    verifier = TokenVerifier.over_http(shop.http, shop.clock)
    assert (await verifier.verify(after)).name == "Kim"
    shop.clock.advance(hours=12, minutes=5)
    await timers.rotate()
    assert await published(shop) == [both[1]]
    assert len(shop.rows("select kid from identity.signing_keys")) == 1
    trail = shop.rows("select action from identity.audit where subject_kind = 'signing_key' order by at, id")
    assert [line["action"] for line in trail] == ["signing_key_made", "signing_key_made", "signing_key_retired"]


async def test_a_token_is_verified_by_a_service_that_learnt_the_keys_before_the_rotation(shop: Shop) -> None:
    verifier = TokenVerifier.over_http(shop.http, shop.clock)
    await verifier.verify(shop.till)
    timers = Timers(shop)
    shop.clock.advance(days=29)
    await timers.rotate()
    shop.clock.advance(days=1)
    token = await shop.till_token(shop.till_id, shop.till_secret)
    assert str((await verifier.verify(token)).id) == shop.till_id


async def test_replicas_that_rotate_at_once_make_one_key(shop: Shop) -> None:
    replicas = [Timers(shop) for _ in range(4)]
    shop.clock.advance(days=29)
    await asyncio.gather(*(replica.rotate() for replica in replicas))
    assert len(await published(shop)) == 2


async def test_private_keys_rest_encrypted_with_the_operators_key(shop: Shop) -> None:
    stored = shop.rows("select private_encrypted from identity.signing_keys")[0]["private_encrypted"]
    assert b"PRIVATE" not in stored
    assert b"BEGIN" in Fernet(shop.services.secrets[ENCRYPTION_KEY]).decrypt(stored)


async def test_with_another_encryption_key_the_service_does_not_start(shop: Shop) -> None:
    services = shop.services
    wrong = services.secrets | {ENCRYPTION_KEY: Fernet.generate_key().decode()}
    with pytest.raises(WrongEncryptionKey, match=ENCRYPTION_KEY):
        async with running(
            [definition],
            DatabaseServer(services.database_url),
            database_url=services.database_url,
            clock=SettableClock(),
            secrets=wrong,
        ):
            pytest.fail("it started")


async def test_pruning_forgets_what_need_not_be_kept_and_nothing_else(shop: Shop) -> None:
    timers = Timers(shop)
    for _ in range(5):
        await shop.sign_on(shop.till, "kim", "0815")
    await shop.sign_on(shop.till, "nobody", "0815")
    await shop.enrolment_code(shop.till_id)
    lines = len(shop.rows("select 1 from identity.audit"))
    await timers.prune()
    assert shop.rows("select in_a_row from identity.tries order by in_a_row desc limit 1") == [{"in_a_row": 5}]
    assert len(shop.rows("select 1 from identity.enrolment_codes")) == 2
    assert len(shop.rows("select 1 from identity.audit")) == lines

    shop.clock.advance(days=1, seconds=1)
    await timers.prune()
    assert shop.rows("select 1 from identity.tries") == []
    assert len(shop.rows("select 1 from identity.enrolment_codes")) == 2
    shop.clock.advance(days=30)
    await timers.prune()
    assert shop.rows("select 1 from identity.enrolment_codes") == []
    assert len(shop.rows("select 1 from identity.audit")) == lines
    shop.clock.advance(days=3653)
    await timers.prune()
    assert shop.rows("select 1 from identity.audit") == []


async def test_pruning_goes_on_over_many_batches(shop: Shop) -> None:
    timers = Timers(shop)
    timers.settings = timers.settings.model_copy(update={"prune_batch_rows": 2})
    for code in ("a", "b", "c", "d", "e"):
        await shop.sign_on(shop.till, code, "0815")
    shop.clock.advance(days=2)
    await timers.prune()
    assert shop.rows("select 1 from identity.tries") == []


async def test_tokens_are_still_issued_when_rotation_was_late_for_a_year(shop: Shop) -> None:
    shop.clock.advance(days=365)
    shop.till = await shop.till_token(shop.till_id, shop.till_secret)
    await shop.signed_on(shop.till, "kim", CASHIER_PIN)
    await Timers(shop).rotate()
    assert len(await published(shop)) == 2
    shop.clock.advance(hours=23, minutes=59)
    assert kid_of(await shop.till_token(shop.till_id, shop.till_secret)) == (await published(shop))[0]
    shop.clock.advance(minutes=1)
    assert kid_of(await shop.till_token(shop.till_id, shop.till_secret)) == (await published(shop))[1]
    assert timedelta(days=365) < shop.clock() - SettableClock()()


def kid_of(token: str) -> str:
    return str(jws.extract_compact(token.encode()).headers()["kid"])
