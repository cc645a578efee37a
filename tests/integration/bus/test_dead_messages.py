"""Dead messages: given up after their attempts or at once, told to the operators, who replay or discard them."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import select

from libs.bus.dead import discard, list_dead, replay
from libs.contracts.refusal import Conflict, Invalid, NotFound
from tests.integration.bus.harness import Counted, Stand, events_consumer, projection, until
from tests.integration.bus.test_inbox import EVENTS, ConsumerMaker, Fussy, both_kinds, dead, handled, wire


@both_kinds
async def test_after_its_attempts_a_message_is_dead_and_the_operators_are_told(
    local_stand: Stand, make: ConsumerMaker
) -> None:
    fussy = Fussy(2)
    consumer = make(local_stand.tables, before=fussy)
    node = await local_stand.node([consumer])
    await node.emit("bad", range(1, 5))

    await dead(node)

    (message,) = (await list_dead(node.database, node.tables.messaging)).messages
    assert (message.consumer, message.type, message.key) == (consumer.name, Counted.message.type, "bad")
    assert (message.attempts, message.error) == (3, "RuntimeError: not now")
    assert Counted.parse(message.body).number == 2
    # Attempts at the message itself; a batch that held it was tried once more before.
    assert fussy.attempts[2] == (4 if make is projection else 3)
    (news,) = await node.dead_news()
    assert (news.message_id, news.service, news.consumer) == (message.message_id, "testing", consumer.name)
    assert (news.message_type, news.key, news.attempts, news.error) == (
        Counted.message.type,
        "bad",
        3,
        "RuntimeError: not now",
    )
    await asyncio.sleep(0.2)
    assert await node.effects() == {"bad": [1]}


async def test_a_refusal_is_permanent_the_message_is_dead_at_the_first_attempt(local_stand: Stand) -> None:
    fussy = Fussy(1, error=Invalid("the product is unknown"))
    node = await local_stand.node([events_consumer(local_stand.tables, before=fussy)])
    await node.emit("bad", [1])
    await dead(node)
    assert fussy.attempts[1] == 1
    (message,) = (await list_dead(node.database, node.tables.messaging)).messages
    assert (message.attempts, message.error) == (1, "Invalid: the product is unknown")
    assert [news.message_id for news in await node.dead_news()] == [message.message_id]


async def test_a_dead_message_is_replayed_and_those_behind_it_follow(any_stand: Stand) -> None:
    fussy = Fussy(2, error=Invalid("no"))
    node = await any_stand.node([events_consumer(any_stand.tables, before=fussy)])
    await node.emit("bad", range(1, 6))
    await dead(node)
    (message,) = (await list_dead(node.database, node.tables.messaging)).messages
    fussy.numbers.clear()

    await replay(node.database, node.tables.messaging, message.message_id, EVENTS)
    await node.bus.drained()

    assert await node.effects() == {"bad": [1, 2, 3, 4, 5]}
    with pytest.raises(Conflict, match="is done, not dead"):
        await replay(node.database, node.tables.messaging, message.message_id, EVENTS)


async def test_a_replayed_message_that_fails_again_is_dead_again_with_the_next_number_of_its_news(
    local_stand: Stand,
) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables, before=Fussy(1, error=Invalid("no")))])
    await node.emit("bad", [1])
    await dead(node)
    (message,) = (await list_dead(node.database, node.tables.messaging)).messages
    await replay(node.database, node.tables.messaging, message.message_id, EVENTS)

    async def told_twice() -> bool:
        return len(await node.dead_news()) == 2

    await until(told_twice)
    outbox = node.tables.messaging.outbox
    async with node.database.reading() as connection:
        rows = await connection.execute(
            select(outbox.c.headers).where(outbox.c.key == message.message_id).order_by(outbox.c.seq)
        )
        assert [row.headers["ce-sequence"] for row in rows] == ["1", "2"]


async def test_a_discarded_message_is_skipped_and_those_behind_it_follow(local_stand: Stand) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables, before=Fussy(2, error=Invalid("no")))])
    await node.emit("bad", range(1, 5))
    await dead(node)
    (message,) = (await list_dead(node.database, node.tables.messaging)).messages

    await discard(node.database, node.tables.messaging, message.message_id, EVENTS)
    await node.bus.drained()

    assert await node.effects() == {"bad": [1, 3, 4]}
    assert (await node.inbox())[message.message_id, EVENTS] == "discarded"
    assert (await list_dead(node.database, node.tables.messaging)).messages == []


async def test_deciding_about_a_message_that_does_not_exist_is_refused(local_stand: Stand) -> None:
    node = await local_stand.node()
    with pytest.raises(NotFound, match="has no message"):
        await discard(node.database, node.tables.messaging, "nothing", EVENTS)


async def test_dead_messages_are_listed_in_pages_and_by_consumer(local_stand: Stand) -> None:
    failing = Fussy(1, error=Invalid("no"))
    consumers = [
        events_consumer(local_stand.tables, EVENTS, before=failing),
        events_consumer(local_stand.tables, "testing.other", before=failing),
    ]
    node = await local_stand.node(consumers)
    for _ in range(3):
        await node.transport.publish(wire("bad", 1))
    await dead(node, 2)
    messaging = node.tables.messaging
    page = await list_dead(node.database, messaging, limit=1)
    assert page.next is not None
    following = await list_dead(node.database, messaging, after=page.next, limit=1)
    assert following.next is None
    assert {page.messages[0].consumer, following.messages[0].consumer} == {EVENTS, "testing.other"}
    assert len((await list_dead(node.database, messaging, consumer=EVENTS)).messages) == 1


async def test_a_dead_message_frees_its_key_after_the_age_cap_and_stays_dead(local_stand: Stand) -> None:
    capped = local_stand.broker.settings.model_copy(update={"dead_blocks_key_for_s": 0.3})
    node = await local_stand.node(
        [events_consumer(local_stand.tables, before=Fussy(1, error=Invalid("no")))], settings=capped
    )
    await node.emit("bad", [1, 2, 3])
    await dead(node)
    assert await node.effects() == {}
    await handled(node, {"bad": [2, 3]})
    assert len((await list_dead(node.database, node.tables.messaging)).messages) == 1


async def test_two_consumers_fail_and_succeed_independently(local_stand: Stand) -> None:
    node = await local_stand.node(
        [
            events_consumer(local_stand.tables, "testing.failing", before=Fussy(1, error=Invalid("no"))),
            events_consumer(local_stand.tables, "testing.fine"),
        ]
    )
    await node.emit("bad", [1])
    await dead(node)
    assert await node.effects() == {"bad": [1]}
    assert sorted(status for _, status in (await node.inbox()).items()) == ["dead", "done"]
