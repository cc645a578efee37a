"""The client of an acquirer against a host in the test's own process: many at once, lost replies, and dead links."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.payments.domain.concentrator.links import LinkName, SwitchRules
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.numbers import Trace
from services.payments.domain.concentrator.requests import Merchant, Sent, purchase, reversal
from services.payments.gateways.acquirer import (
    Acquirer,
    Answered,
    Dialect,
    Exchange,
    LinkLimits,
    MacKey,
    Unanswered,
    Unsent,
    read_dialect,
)
from services.payments.gateways.acquirer.dialect import MacOfDialect
from tests.integration.payments.acquirer.host import Behaviour, Books, Host, listening
from tests.unit.payments.concentrator.samples import CARD, MERCHANT

WITHIN_S = 10.0
LIMITS = LinkLimits(
    connect_timeout_s=1.0, answer_timeout_s=0.3, echo_timeout_s=0.2, echo_every_s=0.05, reconnect_pause_s=0.02
)
RULES = SwitchRules(failures=2, healthy_echoes=2, stay=timedelta(seconds=0.1))
DIALECT = read_dialect("ascii")
_traces = itertools.count(1)


def sale(amount_minor: int = 10_000, merchant: Merchant = MERCHANT) -> Message:
    return purchase(merchant, CARD, Trace(next(_traces), datetime.now(UTC)), amount_minor)


@contextlib.asynccontextmanager
async def client(
    primary: Host,
    backup: Host | None = None,
    *,
    dialect: Dialect = DIALECT,
    key: MacKey | None = None,
    limits: LinkLimits = LIMITS,
    watched: bool = False,
) -> AsyncIterator[Acquirer]:
    addresses = {LinkName.PRIMARY: primary.address} | ({LinkName.BACKUP: backup.address} if backup else {})
    numbers = itertools.count(900_000)
    acquirer = Acquirer(
        "bank", addresses, dialect, next_trace_number=lambda: next(numbers), key=key, limits=limits, rules=RULES
    )
    if watched:
        acquirer.start()
    try:
        yield acquirer
    finally:
        await acquirer.stop()


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(WITHIN_S):
        while not happened():
            await asyncio.sleep(0.005)


async def test_the_first_message_of_a_connection_is_the_sign_on() -> None:
    async with listening(DIALECT, Books()) as host, client(host) as acquirer:
        answer = await acquirer.exchange(sale())
        assert isinstance(answer, Answered)
        assert (answer.reply.mti, answer.reply.fields[39], answer.link) == ("0210", "00", "primary")
        assert [(message.mti, message.fields.get(70)) for message in host.seen] == [("0800", "001"), ("0200", None)]


async def test_a_host_that_refuses_the_sign_on_gets_nothing_else() -> None:
    async with listening(DIALECT, Books()) as host, client(host) as acquirer:
        host.code = lambda request: "96" if request.mti == "0800" else "00"
        assert isinstance(await acquirer.exchange(sale()), Unsent)
        assert host.financial() == []


async def test_many_requests_share_a_link_and_each_gets_its_own_reply_in_whatever_order_they_come() -> None:
    async with listening(DIALECT, Books()) as host, client(host) as acquirer:
        host.behave = lambda request: "hold" if request.mti == "0200" else "answer"
        requests = [sale(amount_minor) for amount_minor in range(1, 65)]
        sent = [asyncio.create_task(acquirer.exchange(request, WITHIN_S)) for request in requests]
        await until(lambda: len(host.financial()) == len(requests))
        assert acquirer.view()[0].outstanding == len(requests)
        await host.release(lambda held: held[::-1])
        for request, answer in zip(requests, await asyncio.gather(*sent), strict=True):
            assert isinstance(answer, Answered)
            assert answer.reply.fields[4] == request.fields[4]
            assert answer.reply.fields[11] == request.fields[11]


async def test_two_terminals_with_the_same_trace_number_are_not_mistaken() -> None:
    async with listening(DIALECT, Books()) as host, client(host) as acquirer:
        host.behave = lambda request: "hold" if request.mti == "0200" else "answer"
        trace = Trace(7, datetime.now(UTC))
        other = Merchant("TERM0002", "SHOP00000000001", "5411", "985")
        one, two = purchase(MERCHANT, CARD, trace, 100), purchase(other, CARD, trace, 200)
        sent = [asyncio.create_task(acquirer.exchange(request, WITHIN_S)) for request in (one, two)]
        await until(lambda: len(host.financial()) == 2)
        await host.release(lambda held: held[::-1])
        amounts = [answer.reply.fields[4] for answer in await asyncio.gather(*sent) if isinstance(answer, Answered)]
        assert amounts == ["000000000100", "000000000200"]


async def test_a_request_with_a_trace_that_still_waits_is_not_sent() -> None:
    async with listening(DIALECT, Books()) as host, client(host) as acquirer:
        host.behave = lambda request: "hold" if request.mti == "0200" else "answer"
        request = sale()
        first = asyncio.create_task(acquirer.exchange(request, WITHIN_S))
        await until(lambda: len(host.financial()) == 1)
        assert isinstance(await acquirer.exchange(request), Unsent)
        await host.release()
        assert isinstance(await first, Answered)
        assert len(host.financial()) == 1


async def test_no_more_than_the_limit_wait_at_once() -> None:
    limits = LinkLimits(answer_timeout_s=WITHIN_S, most_outstanding=2)
    async with listening(DIALECT, Books()) as host, client(host, limits=limits) as acquirer:
        host.behave = lambda request: "hold" if request.mti == "0200" else "answer"
        sent = [asyncio.create_task(acquirer.exchange(sale())) for _ in range(2)]
        await until(lambda: len(host.financial()) == 2)
        third = await acquirer.exchange(sale())
        assert isinstance(third, Unsent)
        assert "already waits for 2 replies" in third.reason
        await host.release()
        await asyncio.gather(*sent)


@pytest.mark.parametrize("behaviour", ["ignore", "drop", "act_and_drop", "act_and_ignore"])
async def test_a_lost_reply_is_unanswered_is_never_sent_again_and_can_be_reversed_over_the_other_link(
    behaviour: Behaviour,
) -> None:
    books = Books()
    async with (
        listening(DIALECT, books) as primary,
        listening(DIALECT, books) as backup,
        client(primary, backup) as acquirer,
    ):
        primary.behave = lambda request: behaviour if request.mti == "0200" else "answer"
        request = sale()
        assert isinstance(await acquirer.exchange(request), Unanswered)
        assert len(primary.financial()) == 1
        assert backup.financial() == []

        await primary.die()
        await until(lambda: not acquirer.view()[0].connected)
        original = Sent("0200", "000000", 10_000, _trace(request), request.fields[37])
        undo = reversal(MERCHANT, Trace(next(_traces), datetime.now(UTC)), original, mti="0420")
        answer = await acquirer.exchange(undo)
        assert isinstance(answer, Answered)
        assert (answer.reply.mti, answer.link) == ("0430", "backup")
        assert books.standing == {}
        assert books.twice == []


def _trace(request: Message) -> Trace:
    year = datetime.now(UTC).year
    return Trace(int(request.fields[11]), datetime.strptime(f"{year}{request.fields[7]}+0000", "%Y%m%d%H%M%S%z"))


async def test_a_late_reply_is_discarded() -> None:
    async with listening(DIALECT, Books()) as host, client(host) as acquirer:
        host.behave = lambda request: "hold" if request.mti == "0200" else "answer"
        assert isinstance(await acquirer.exchange(sale(), 0.05), Unanswered)
        await host.release()
        await until(lambda: acquirer.view()[0].late_or_foreign == 1)
        host.behave = lambda request: "answer"
        assert isinstance(await acquirer.exchange(sale()), Answered)


async def test_a_reply_that_comes_twice_counts_once() -> None:
    async with listening(DIALECT, Books()) as host, client(host) as acquirer:
        host.behave = lambda request: "hold" if request.mti == "0200" else "answer"
        sent = asyncio.create_task(acquirer.exchange(sale(), WITHIN_S))
        await until(lambda: len(host.financial()) == 1)
        await host.release(lambda held: held * 2)
        assert isinstance(await sent, Answered)
        await until(lambda: acquirer.view()[0].late_or_foreign == 1)
        assert acquirer.view()[0].connected


async def test_what_has_not_left_goes_over_the_backup_at_once() -> None:
    books = Books()
    async with listening(DIALECT, books) as primary, listening(DIALECT, books) as backup:
        await primary.die()
        async with client(primary, backup) as acquirer:
            answer = await acquirer.exchange(sale())
            assert isinstance(answer, Answered)
            assert answer.link == "backup"


async def test_with_both_links_dead_nothing_is_sent_and_both_are_named() -> None:
    async with listening(DIALECT, Books()) as primary, listening(DIALECT, Books()) as backup:
        await primary.die()
        await backup.die()
        async with client(primary, backup) as acquirer:
            answer = await acquirer.exchange(sale())
            assert isinstance(answer, Unsent)
            assert "primary link" in answer.reason
            assert "backup link" in answer.reason


async def test_a_host_that_no_longer_answers_echoes_is_left_and_returned_to_when_it_does() -> None:
    books = Books()
    async with (
        listening(DIALECT, books) as primary,
        listening(DIALECT, books) as backup,
        client(primary, backup, watched=True) as acquirer,
    ):
        await until(lambda: acquirer.view()[0].connected)
        assert acquirer.links.active is LinkName.PRIMARY
        primary.behave = lambda request: "ignore"
        await until(lambda: acquirer.links.active is LinkName.BACKUP)
        answer = await acquirer.exchange(sale())
        assert isinstance(answer, Answered)
        assert answer.link == "backup"
        primary.behave = lambda request: "answer"
        await until(lambda: acquirer.links.active is LinkName.PRIMARY)


async def test_an_operator_chooses_the_link_until_it_is_released() -> None:
    books = Books()
    async with (
        listening(DIALECT, books) as primary,
        listening(DIALECT, books) as backup,
        client(primary, backup) as acquirer,
    ):
        acquirer.switch(LinkName.BACKUP)
        answer = await acquirer.exchange(sale())
        assert isinstance(answer, Answered)
        assert answer.link == "backup"
        await backup.die()
        await until(lambda: not acquirer.view()[1].connected)
        assert isinstance(await acquirer.exchange(sale()), Unsent)
        acquirer.release()
        assert isinstance(await acquirer.exchange(sale()), Answered)


async def test_the_primary_dies_under_load_and_nobody_pays_twice_or_for_nothing() -> None:
    """Every tenth reply is lost before the primary dies; what is unanswered is reversed until the host confirms."""
    books = Books()
    approved: set[tuple[str, str]] = set()

    async with (
        listening(DIALECT, books) as primary,
        listening(DIALECT, books) as backup,
        client(primary, backup, watched=True) as acquirer,
    ):

        def behave(request: Message) -> Behaviour:
            return "act_and_ignore" if request.mti == "0200" and request.fields[11].endswith("7") else "answer"

        primary.behave = behave

        async def pay() -> Exchange:
            request = sale()
            answer = await acquirer.exchange(request, 0.2)
            while isinstance(answer, Unsent):
                await asyncio.sleep(0.01)
                answer = await acquirer.exchange(request, 0.2)
            if isinstance(answer, Answered):
                approved.add((request.fields[41], request.fields[11]))
            else:
                await undo(request)
            return answer

        async def undo(request: Message) -> None:
            original = Sent("0200", "000000", 10_000, _trace(request), request.fields[37])
            trace = Trace(next(_traces), datetime.now(UTC))
            answer: Exchange = await acquirer.exchange(reversal(MERCHANT, trace, original, mti="0420"))
            while not isinstance(answer, Answered):
                await asyncio.sleep(0.01)
                answer = await acquirer.exchange(reversal(MERCHANT, trace, original, mti="0421"))

        async def till() -> list[Exchange]:
            return [await pay() for _ in range(12)]

        tills = [asyncio.create_task(till()) for _ in range(16)]
        await until(lambda: len(primary.financial()) > 60)
        await primary.die()
        answers = [answer for part in await asyncio.gather(*tills) for answer in part]

    assert len(answers) == 16 * 12
    assert {answer.link for answer in answers if isinstance(answer, Answered)} == {"primary", "backup"}
    assert any(isinstance(answer, Unanswered) for answer in answers)
    assert set(books.standing) == approved
    assert books.twice == []


async def test_messages_are_authenticated_both_ways_and_a_forged_reply_is_no_answer() -> None:
    dialect = DIALECT.model_copy(update={"mac": MacOfDialect(algorithm="retail")})
    key = MacKey("retail", "0123456789ABCDEFFEDCBA9876543210")
    forged = MacKey("retail", "00000000000000000000000000000001")
    async with listening(dialect, Books(), key) as host, client(host, dialect=dialect, key=key) as acquirer:
        assert isinstance(await acquirer.exchange(sale()), Answered)
        host._codec._key = forged
        assert isinstance(await acquirer.exchange(sale(), 0.1), Unanswered)


async def test_the_packed_dialect_with_its_tpdu_works_the_same() -> None:
    dialect = read_dialect("bcd")
    async with listening(dialect, Books()) as host, client(host, dialect=dialect) as acquirer:
        answer = await acquirer.exchange(sale())
        assert isinstance(answer, Answered)
        assert answer.reply.fields[4] == "000000010000"


async def test_the_hosts_own_echo_is_answered() -> None:
    async with listening(DIALECT, Books()) as host, client(host) as acquirer:
        await acquirer.exchange(sale())
        await host.say_to_all(Message.of("0800", {7: "0302111530", 11: "000001", 70: "301"}))
        await until(lambda: any(message.mti == "0810" for message in host.seen))
        reply = next(message for message in host.seen if message.mti == "0810")
        assert dict(reply.fields) == {7: "0302111530", 11: "000001", 39: "00", 70: "301"}


async def test_noise_on_the_link_ends_the_connection_and_not_the_client() -> None:
    books = Books()

    async def noisy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(10)
        writer.write(b"\xff\xff" + b"noise" * 20)
        await writer.drain()
        with contextlib.suppress(ConnectionResetError):
            # The client ends it so that nothing more is delivered.
            await reader.read()
        writer.close()

    server = await asyncio.start_server(noisy, "127.0.0.1", 0)
    async with listening(DIALECT, books) as backup, client(backup) as acquirer:
        noise = Host(DIALECT, books)
        noise.port = server.sockets[0].getsockname()[1]
        async with client(noise, backup) as acquirer:
            answer = await acquirer.exchange(sale())
            assert isinstance(answer, Answered)
            assert answer.link == "backup"
    server.close()
