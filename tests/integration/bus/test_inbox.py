"""The inbox: each message once, a failing one parked without holding up other keys, a dead one for an operator."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text, update

from libs.bus.consumer import Consumer, Received
from libs.bus.dead import list_dead
from libs.bus.envelope import Envelope, to_headers
from libs.bus.topology import event_routing_key, partition_of
from libs.bus.transport import WireMessage
from libs.contracts.refusal import Invalid
from libs.persistence import UnitOfWork, new_id
from tests.integration.bus.harness import (
    Counted,
    Echoed,
    Node,
    Stand,
    commands_consumer,
    events_consumer,
    projection,
    recorder,
    until,
)
from tests.integration.bus.proxy import Proxy

EVENTS = "testing.events"
PROJECTION = "testing.projection"


def wire(key: str, number: int, *, message_id: str | None = None, **changes: Any) -> WireMessage:
    """A message as somebody else's relay would send it."""
    identity = message_id or str(new_id())
    envelope = Envelope(
        id=identity,
        type=Counted.message.type,
        source="/elsewhere",
        subject=key,
        time=datetime.now(UTC),
        partition_key=key,
        sequence=number,
        correlation_id="c",
        body=Counted(key=key, number=number).body(),
    )
    headers = {**to_headers(envelope), **changes.pop("headers", {})}
    body = changes.pop("body", envelope.body)
    return WireMessage(identity, "event", event_routing_key(envelope.type, None, partition_of(key)), headers, body)


class Fussy:
    """Fails for chosen numbers until told otherwise, and counts attempts."""

    def __init__(self, *numbers: int, error: Exception | None = None) -> None:
        self.numbers = set(numbers)
        self.error = error or RuntimeError("not now")
        self.attempts: Counter[int] = Counter()

    async def __call__(self, received: Received[Any]) -> None:
        self.attempts[received.message.number] += 1
        if received.message.key == "bad" and received.message.number in self.numbers:
            raise self.error


ConsumerMaker = Callable[..., Any]
both_kinds = pytest.mark.parametrize("make", [events_consumer, projection])


async def handled(node: Node, expected: dict[str, list[int]]) -> None:
    async def all_there() -> bool:
        return await node.effects() == expected

    await until(all_there)


async def dead(node: Node, count: int = 1) -> None:
    async def there() -> bool:
        return len((await list_dead(node.database, node.tables.messaging)).messages) == count

    await until(there)


@both_kinds
async def test_a_message_delivered_many_times_is_handled_once(any_stand: Stand, make: ConsumerMaker) -> None:
    node = await any_stand.node([make(any_stand.tables)])
    messages = [wire("a", number) for number in range(1, 6)]
    for message in messages:
        for _ in range(4):
            await node.transport.publish(message)
    await asyncio.gather(*(node.transport.publish(message) for message in messages * 3))

    await node.bus.drained()

    assert await node.effects() == {"a": [1, 2, 3, 4, 5]}


@both_kinds
async def test_a_parked_message_blocks_only_its_key_and_those_behind_it_follow_in_order(
    any_stand: Stand, make: ConsumerMaker
) -> None:
    fussy = Fussy(2)
    node = await any_stand.node([make(any_stand.tables, before=fussy)])
    await node.emit("bad", range(1, 6))
    await node.emit("good", range(1, 6))

    await handled(node, {"bad": [1], "good": [1, 2, 3, 4, 5]})
    fussy.numbers.clear()
    await node.emit("bad", [6])
    await node.bus.drained()

    assert (await node.effects())["bad"] == [1, 2, 3, 4, 5, 6]
    assert set((await node.inbox()).values()) == {"done"}


MALFORMED = {
    "without an id": {"ce-id": ""},
    "with another specversion": {"ce-specversion": "0.3"},
    "with a time that is none": {"ce-time": "yesterday"},
    "with a sequence that is none": {"ce-sequence": "-1"},
    "with a null character": {"ce-subject": "a\x00b"},
}


@pytest.mark.parametrize("headers", MALFORMED.values(), ids=MALFORMED.keys())
@both_kinds
async def test_a_malformed_envelope_is_kept_as_dead_once_and_others_flow(
    local_stand: Stand, headers: dict[str, str], make: ConsumerMaker
) -> None:
    node = await local_stand.node([make(local_stand.tables)])
    broken = wire("a", 1, headers=headers)
    await node.transport.publish(broken)
    await node.transport.publish(broken)
    await node.transport.publish(wire("a", 2))

    await dead(node)

    await handled(node, {"a": [2]})
    (message,) = (await list_dead(node.database, node.tables.messaging)).messages
    assert message.error is not None
    assert message.error.startswith("MalformedEnvelope: ce-")
    assert message.body == broken.body
    assert len(await node.dead_news()) == 1


@both_kinds
async def test_a_payload_that_does_not_fit_its_contract_is_dead_and_blocks_its_key(
    local_stand: Stand, make: ConsumerMaker
) -> None:
    node = await local_stand.node([make(local_stand.tables)])
    await node.transport.publish(wire("a", 1, body=b'{"key": "a"}'))
    await node.transport.publish(wire("a", 2))
    await node.transport.publish(wire("b", 1))
    await dead(node)
    await handled(node, {"b": [1]})


async def test_a_payload_with_fields_of_a_later_version_is_read(local_stand: Stand) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables)])
    await node.transport.publish(wire("a", 1, body=b'{"key": "a", "number": 1, "since_v1_7": true}'))
    await handled(node, {"a": [1]})


@both_kinds
async def test_an_expired_message_is_not_handled_and_does_not_block(any_stand: Stand, make: ConsumerMaker) -> None:
    node = await any_stand.node([make(any_stand.tables)])
    past = (datetime.now(UTC) - timedelta(seconds=1)).isoformat()
    late = wire("a", 1, headers={"ce-expirytime": past})
    await node.transport.publish(late)
    await node.transport.publish(wire("a", 2))

    await node.bus.drained()

    assert await node.effects() == {"a": [2]}
    assert (await node.inbox())[late.id, node.bus._runners[0].consumer.name] == "expired"


async def test_a_command_its_consumer_does_not_know_is_dead_not_lost(local_stand: Stand) -> None:
    node = await local_stand.node([commands_consumer(local_stand.tables)])
    stranger = wire("a", 1)
    await node.transport.publish(WireMessage(stranger.id, "command", "testing.act", stranger.headers, stranger.body))
    await dead(node)
    (message,) = (await list_dead(node.database, node.tables.messaging)).messages
    assert message.error == "UnknownMessageType: testing.commands has no handler for tillstream.testing.counted.v1"


async def test_what_a_handler_emits_leaves_with_its_commit_and_carries_the_trail(any_stand: Stand) -> None:
    seen: list[Envelope] = []

    async def echo(received: Received[Counted], work: UnitOfWork) -> None:
        message = received.message
        work.emit(Echoed(key=message.key, number=message.number), sequence=received.envelope.sequence)
        seen.append(received.envelope)

    async def look(received: Received[Any]) -> None:
        seen.append(received.envelope)

    node = await any_stand.node(
        [
            Consumer("testing.echo", {Counted: echo}),
            Consumer("testing.end", {Echoed: recorder(any_stand.tables, "testing.end", look)}),
        ]
    )
    await node.emit("a", [1])
    await node.bus.drained()
    assert await node.effects() == {"a": [1]}
    counted, echoed = seen
    assert echoed.causation_id == counted.id
    assert echoed.correlation_id == counted.correlation_id
    assert (counted.source, counted.type, counted.subject, counted.sequence) == (
        "/testing",
        Counted.message.type,
        "a",
        1,
    )


async def test_a_handler_that_hangs_has_failed_after_its_time_and_other_keys_go_on(local_stand: Stand) -> None:
    async def hang(received: Received[Any]) -> None:
        if received.message.key == "bad":
            await asyncio.Event().wait()

    short = local_stand.broker.settings.model_copy(update={"handler_timeout_s": 0.1})
    node = await local_stand.node([events_consumer(local_stand.tables, before=hang)], settings=short)
    await node.emit("bad", [1])
    await node.emit("good", [1])
    await handled(node, {"good": [1]})
    await dead(node)
    (message,) = (await list_dead(node.database, node.tables.messaging)).messages
    assert message.error is not None
    assert message.error.startswith("TimeoutError")


async def test_a_deadlock_is_tried_again_at_once_and_costs_no_attempt(local_stand: Stand) -> None:
    failures = 2

    async def handle(received: Received[Any], work: UnitOfWork) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            await work.connection.execute(text("do $$ begin raise exception 'busy' using errcode = '40P01'; end $$"))
        await recorder(local_stand.tables, EVENTS)(received, work)

    node = await local_stand.node([Consumer(EVENTS, {Counted: handle})])
    await node.emit("a", [1])
    await node.bus.drained()
    assert await node.effects() == {"a": [1]}
    inbox = node.tables.messaging.inbox
    async with node.database.reading() as connection:
        row = (await connection.execute(select(inbox.c.status, inbox.c.attempts))).one()
    assert tuple(row) == ("done", 0)


async def test_while_the_database_is_away_consumers_step_back_and_then_catch_up(any_stand: Stand) -> None:
    async with Proxy(any_stand.url, 5432) as proxy:
        node = await any_stand.node([events_consumer(any_stand.tables), projection(any_stand.tables)], url=proxy.url)
        sender = await any_stand.node()
        await node.emit("a", [1, 2])
        await node.bus.drained()

        proxy.refusing = True
        proxy.cut()
        for key in ("a", "b"):
            await sender.emit(key, [3, 4, 5])
        sending = asyncio.create_task(_publish_until_confirmed(sender, wire("c", 1)))
        stepped_back = _detached(node)
        await until(stepped_back)
        proxy.refusing = False

        await sending
        await sender.bus.drained()
        await node.bus.drained()
        for consumer in (EVENTS, PROJECTION):
            assert await sender.effects(consumer) == {"a": [1, 2, 3, 4, 5], "b": [3, 4, 5], "c": [1]}
        assert set((await sender.inbox()).values()) == {"done"}
        await node.bus.stop()


async def _publish_until_confirmed(node: Node, message: WireMessage) -> None:
    while True:
        try:
            async with asyncio.timeout(5):
                return await node.transport.publish(message)
        except TimeoutError:
            continue


def _detached(node: Node) -> Callable[[], Awaitable[bool]]:
    async def detached() -> bool:
        return any(runner.attached == 0 for runner in node.bus._runners)

    return detached


async def test_a_stopped_replica_hands_over_to_the_next_without_loss_or_repetition(any_stand: Stand) -> None:
    async def slowly(_received: Received[Any]) -> None:
        await asyncio.sleep(0.01)

    consumer = events_consumer(any_stand.tables, before=slowly)
    first, second = await any_stand.node([consumer]), await any_stand.node([consumer])
    keys = [f"key-{number}" for number in range(5)]
    for key in keys:
        await first.emit(key, range(1, 21))

    async def begun() -> bool:
        return sum(map(len, (await second.effects()).values())) > 10

    await until(begun)
    await first.bus.stop()
    await second.bus.drained()

    assert await second.effects() == {key: list(range(1, 21)) for key in keys}


async def test_old_done_rows_are_pruned_after_35_days_and_dead_ones_kept(local_stand: Stand) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables, before=Fussy(1, error=Invalid("no")))])
    await node.emit("good", [1, 2])
    await node.emit("bad", [1])
    await dead(node)
    await handled(node, {"good": [1, 2]})
    inbox = node.tables.messaging.inbox

    async def age(days: float) -> None:
        async with node.database.transaction() as work:
            await work.connection.execute(
                update(inbox).where(inbox.c.status == "done").values(done_at=datetime.now(UTC) - timedelta(days=days))
            )

    await age(34.9)
    assert (await node.bus.housekeeping.prune())[1] == 0
    await age(35.1)
    assert (await node.bus.housekeeping.prune())[1] == 2
    assert list((await node.inbox()).values()) == ["dead"]


async def test_a_done_message_keeps_no_content(local_stand: Stand) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables, before=Fussy(1))])
    await node.emit("good", [1])
    await node.emit("bad", [1])
    node_inbox = node.tables.messaging.inbox
    async with node.database.reading() as connection:
        await handled(node, {"good": [1]})
        rows = await connection.execute(
            select(node_inbox.c.headers, node_inbox.c.body).where(node_inbox.c.status == "done")
        )
        assert [tuple(row) for row in rows] == [(None, None)]
