"""Our client against iso8583sim, a host that somebody else wrote."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from services.payments.domain.concentrator.batch import (
    AfterSettlement,
    BatchItem,
    BatchKind,
    settlement,
    step_after_settlement,
    totals_of,
)
from services.payments.domain.concentrator.links import LinkName
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.numbers import Trace
from services.payments.domain.concentrator.replies import HostApproved, HostDeclined, decision_in
from services.payments.domain.concentrator.requests import (
    SIGN_OFF,
    Merchant,
    Sent,
    batch_item,
    completion,
    network,
    pre_authorisation,
    purchase,
    refund,
    reversal,
)
from services.payments.gateways.acquirer import (
    Acquirer,
    Address,
    Answered,
    Dialect,
    LinkLimits,
    MacKey,
    Unanswered,
    read_dialect,
)
from services.payments.gateways.acquirer.dialect import FieldChange
from tests.conftest import LEFT_OUT
from tests.integration.payments.acquirer.independent_host import (
    IndependentHostAbsent,
    independent_host,
    independent_mac,
    installed,
)
from tests.unit.payments.concentrator.samples import CARD, MERCHANT

DROPPED_MINOR, CLOSED_MINOR, TOO_MUCH_MINOR = 66_600, 66_700, 100_001
OUT_OF_BALANCE = Merchant("TERM0095", "SHOP00000000001", "5411", "985")
RULES: list[dict[str, Any]] = [
    {"match": {"mti": ["0200"], "fields": {"4": f"{DROPPED_MINOR:012d}"}}, "action": "drop"},
    {"match": {"mti": ["0200"], "fields": {"4": f"{CLOSED_MINOR:012d}"}}, "action": "close"},
    {"match": {"mti": ["0200"], "amount_gt": TOO_MUCH_MINOR - 1}, "respond": "51"},
    {"match": {"mti": ["0500"], "fields": {"41": "TERM0095"}}, "respond": "95"},
    {"respond": "00"},
]
_traces = itertools.count(1)


@pytest.fixture(scope="module")
def python() -> Path:
    try:
        return installed()
    except IndependentHostAbsent as absent:
        if os.environ.get("TILLSTREAM_REQUIRE_SERVICES") == "1":
            pytest.fail(str(absent))
        pytest.skip(LEFT_OUT + str(absent))


@pytest.fixture(scope="module", params=["ascii", "bcd"])
def host(
    python: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[str, int]]:
    wire, tpdu = ("ascii-binary", "") if request.param == "ascii" else ("bcd", "6000030000")
    with independent_host(python, tmp_path_factory.mktemp("iso8583sim"), RULES, wire=wire, tpdu=tpdu) as port:
        yield request.param, port


@contextlib.asynccontextmanager
async def client(host: tuple[str, int]) -> AsyncIterator[Acquirer]:
    numbers = itertools.count(900_000)
    acquirer = Acquirer(
        "iso8583sim",
        {LinkName.PRIMARY: Address("127.0.0.1", host[1])},
        dialect(host[0]),
        next_trace_number=lambda: next(numbers),
        limits=LinkLimits(answer_timeout_s=5.0),
    )
    try:
        yield acquirer
    finally:
        await acquirer.stop()


def dialect(name: str) -> Dialect:
    """Ours; iso8583sim packs the response code too, which other hosts send as two letters."""
    ours = read_dialect(name)
    packed = {"39": FieldChange(data_enc="b", max_len=1)}
    return ours if name == "ascii" else ours.model_copy(update={"fields": {**ours.fields, **packed}})


def trace() -> Trace:
    return Trace(next(_traces), datetime.now(UTC))


async def reply_to(acquirer: Acquirer, request: Message) -> Message:
    answer = await acquirer.exchange(request)
    assert isinstance(answer, Answered), answer
    return answer.reply


async def test_sign_on_echo_and_sign_off(host: tuple[str, int]) -> None:
    async with client(host) as acquirer:
        assert await acquirer.echo(LinkName.PRIMARY)
        assert (await reply_to(acquirer, network(SIGN_OFF, trace()))).fields[39] == "00"


async def test_a_sale_is_approved_with_the_hosts_code(host: tuple[str, int]) -> None:
    async with client(host) as acquirer:
        now = trace()
        reply = await reply_to(acquirer, purchase(MERCHANT, CARD, now, 10_000))
        assert reply.mti == "0210"
        decision = decision_in(reply)
        assert decision == HostApproved(10_000, f"A{now.trace_number:05d}", reply.fields[37])


async def test_a_sale_with_cash_back_is_understood(host: tuple[str, int]) -> None:
    async with client(host) as acquirer:
        reply = await reply_to(acquirer, purchase(MERCHANT, CARD, trace(), 15_000, cash_back_minor=5_000))
        assert (reply.fields[3], reply.fields[4], reply.fields[39]) == ("090000", "000000015000", "00")


async def test_a_decline_is_told_in_words(host: tuple[str, int]) -> None:
    async with client(host) as acquirer:
        reply = await reply_to(acquirer, purchase(MERCHANT, CARD, trace(), TOO_MUCH_MINOR))
        assert decision_in(reply) == HostDeclined("51", "There is not enough money on the card.")


async def test_refund_pre_authorisation_and_completion(host: tuple[str, int]) -> None:
    async with client(host) as acquirer:
        reserved_at = trace()
        reserved = decision_in(await reply_to(acquirer, pre_authorisation(MERCHANT, CARD, reserved_at, 9_000)))
        assert isinstance(reserved, HostApproved)
        original = Sent(
            "0100",
            "000000",
            9_000,
            reserved_at,
            str(reserved.retrieval_reference),
            approval_code=reserved.approval_code,
        )
        completed = await reply_to(acquirer, completion(MERCHANT, CARD, trace(), 8_000, original))
        assert (completed.mti, completed.fields[39]) == ("0230", "00")
        refunded = await reply_to(acquirer, refund(MERCHANT, CARD, trace(), 500, original))
        assert (refunded.fields[3], refunded.fields[39]) == ("200000", "00")


@pytest.mark.parametrize("amount_minor", [DROPPED_MINOR, CLOSED_MINOR])
async def test_a_dropped_reply_is_reversed_and_the_reversal_repeated(host: tuple[str, int], amount_minor: int) -> None:
    async with client(host) as acquirer:
        lost = trace()
        request = purchase(MERCHANT, CARD, lost, amount_minor)
        assert isinstance(await acquirer.exchange(request, 0.3), Unanswered)
        original = Sent("0200", "000000", amount_minor, lost, request.fields[37])
        undo_at = trace()
        mtis: tuple[Literal["0420", "0421"], ...] = ("0420", "0421")
        for mti in mtis:
            reply = await reply_to(acquirer, reversal(MERCHANT, undo_at, original, mti=mti))
            assert reply.fields[39] == "00"
            assert reply.mti[:3] == "043"


async def test_a_settlement_closes_or_is_followed_by_the_items_one_by_one(host: tuple[str, int]) -> None:
    totals = totals_of([BatchItem(BatchKind.DEBIT, 10_000), BatchItem(BatchKind.CREDIT, 500)])
    async with client(host) as acquirer:
        closed = await reply_to(acquirer, settlement(MERCHANT, trace(), totals))
        assert step_after_settlement(closed) is AfterSettlement.CLOSED
        differs = await reply_to(acquirer, settlement(OUT_OF_BALANCE, trace(), totals))
        assert step_after_settlement(differs) is AfterSettlement.UPLOAD
        item = Sent("0200", "000000", 10_000, trace(), "606111000042", approval_code="A00042")
        told = await reply_to(acquirer, batch_item(OUT_OF_BALANCE, trace(), item))
        assert (told.mti, told.fields[39]) == ("0330", "00")
        advised = await reply_to(acquirer, settlement(OUT_OF_BALANCE, trace(), totals, "0520"))
        assert (advised.mti, advised.fields[39]) == ("0530", "00")


@pytest.mark.parametrize("length", [0, 1, 8, 100])
def test_the_retail_mac_is_the_one_that_somebody_else_computes(python: Path, length: int) -> None:
    key = "0123456789ABCDEFFEDCBA9876543210"
    data = bytes(range(length))
    assert MacKey("retail", key).sign(data).hex().upper() == independent_mac(python, data, key)
