"""The outbox and its relay: what commits is sent, in order per key, whatever happens in between."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, insert, select, text, update

from libs.bus.dead import list_undeliverable, resend
from libs.bus.envelope import MalformedEnvelope
from libs.bus.outbox import MessageTooLarge
from libs.bus.outbox_rows import OutboxRows
from libs.bus.settings import BusSettings
from libs.bus.topology import PARTITIONS, InvalidTopology, partition_of
from libs.bus.transport import Disconnected, NotConfirmed, WireMessage
from libs.bus.transports.local import LocalTransport
from libs.contracts.refusal import NotFound
from libs.persistence import Database
from libs.testkit.faults import armed
from tests.integration.bus.harness import Act, Counted, Node, Stand, commands_consumer, events_consumer, until


async def _unsent(node: Node) -> int:
    outbox = node.tables.messaging.outbox
    async with node.database.reading() as connection:
        statement = select(func.count()).select_from(outbox).where(outbox.c.sent_at.is_(None))
        return int((await connection.execute(statement)).scalar_one())


async def test_a_rolled_back_transaction_sends_nothing(local_stand: Stand) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables)])

    async def fail() -> None:
        async with node.database.transaction() as work:
            work.emit(Counted(key="a", number=1), sequence=1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await node.emit("a", [2])

    await node.bus.drained()

    assert await node.effects() == {"a": [2]}


async def test_the_messages_of_a_transaction_are_one_insert_in_the_order_of_emission(local_stand: Stand) -> None:
    node = await local_stand.node()
    await node.emit("a", [3, 1, 2])
    outbox = node.tables.messaging.outbox
    async with node.database.reading() as connection:
        rows = (await connection.execute(select(outbox).order_by(outbox.c.seq))).all()
    assert [row.headers["ce-sequence"] for row in rows] == ["3", "1", "2"]
    assert {row.partition for row in rows} == {partition_of("a")}
    assert {row.routing_key for row in rows} == {f"testing.counted.v1.all.p{partition_of('a'):02d}"}


async def test_a_payload_beyond_the_limit_is_refused_in_the_transaction(local_stand: Stand) -> None:
    limited = local_stand.broker.settings.model_copy(update={"message_limit_bytes": 100})
    node = await local_stand.node(settings=limited)
    with pytest.raises(MessageTooLarge, match="of 100 bytes"):
        await node.emit("a", [1], note="x" * 200)
    assert await _unsent(node) == 0


async def test_a_message_that_no_consumer_could_read_is_refused_in_the_transaction(local_stand: Stand) -> None:
    node = await local_stand.node()
    with pytest.raises(MalformedEnvelope, match="ce-subject"):
        await node.emit("", [1])


async def test_a_route_that_is_no_routing_key_is_refused_in_the_transaction(local_stand: Stand) -> None:
    class Astray(Act):
        @property
        def route(self) -> str:
            return "no routing key"

    node = await local_stand.node()
    with pytest.raises(InvalidTopology, match="no routing key"):
        async with node.database.transaction() as work:
            work.send(Astray(key="a", number=1))


async def test_a_row_that_commits_late_with_a_lower_number_is_not_skipped(local_stand: Stand) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables)])
    slow_key, fast_key = _keys_of_one_partition(2)
    async with node.database.transaction() as work:
        work.emit(Counted(key=slow_key, number=1), sequence=1)
        await node.bus.outbox.write(work)
        work.outgoing.clear()
        # The other transaction takes a higher `seq`, commits first and is sent.
        await node.emit(fast_key, [1])

        async def sent() -> bool:
            return await node.effects() == {fast_key: [1]}

        await until(sent)

    await node.bus.drained()
    assert await node.effects() == {fast_key: [1], slow_key: [1]}


def _keys_of_one_partition(count: int) -> list[str]:
    keys = (f"key-{number}" for number in range(1000))
    return [key for key in keys if partition_of(key) == 7][:count]


async def test_two_relays_on_one_outbox_keep_order_and_share_the_partitions(any_stand: Stand) -> None:
    consumer = events_consumer(any_stand.tables)
    first, second = await any_stand.node([consumer]), await any_stand.node([consumer])

    async def shared() -> bool:
        return len(first.bus.relay.partitions) == len(second.bus.relay.partitions) == PARTITIONS // 2

    await until(shared)
    keys = [f"key-{number}" for number in range(20)]
    for start in range(1, 21, 4):
        await asyncio.gather(*(random.choice([first, second]).emit(key, range(start, start + 4)) for key in keys))

    await first.bus.drained()

    assert first.bus.relay.partitions.isdisjoint(second.bus.relay.partitions)
    assert await first.effects() == {key: list(range(1, 21)) for key in keys}


async def test_two_relays_that_both_believe_to_hold_a_partition_still_keep_order(local_stand: Stand) -> None:
    """An expired lease is taken over while its old holder still sends: repetitions, never another order."""
    consumer = events_consumer(local_stand.tables)
    first = await local_stand.node([consumer], holder="twin")
    second = await local_stand.node(holder="twin")
    await until(_holding(first))
    await until(_holding(second))
    assert first.bus.relay.partitions == second.bus.relay.partitions == frozenset(range(PARTITIONS))
    keys = [f"key-{number}" for number in range(10)]
    for start in range(1, 41, 4):
        await asyncio.gather(*(first.emit(key, range(start, start + 4)) for key in keys))

    await first.bus.drained()

    assert await first.effects() == {key: list(range(1, 41)) for key in keys}


def _holding(node: Node) -> Callable[[], Awaitable[bool]]:
    async def holding() -> bool:
        return bool(node.bus.relay.partitions)

    return holding


async def test_a_relay_that_dies_is_replaced_when_its_leases_expire(local_stand: Stand) -> None:
    consumer = events_consumer(local_stand.tables)
    doomed = await local_stand.node()
    await until(_holding(doomed))
    for task in doomed.bus._tasks:
        task.cancel()
    await local_stand.node([consumer])
    await doomed.emit("a", range(1, 6))

    async def handled() -> bool:
        return await doomed.effects() == {"a": [1, 2, 3, 4, 5]}

    await until(handled)


class _Choosy(LocalTransport):
    """Refuses what a test tells it to."""

    def __init__(self, settings: BusSettings) -> None:
        super().__init__(settings)
        self.refusing: set[str] = set()
        self.error: Exception = NotConfirmed("the queue is full")

    async def publish(self, message: WireMessage) -> None:
        if message.headers["ce-partitionkey"] in self.refusing:
            raise self.error
        await super().publish(message)


async def _choosy_node(stand: Stand) -> tuple[Node, _Choosy]:
    transport = _Choosy(stand.broker.settings)
    stand.broker._local = transport
    node = await stand.node([events_consumer(stand.tables)])
    return node, transport


async def test_a_message_that_is_not_confirmed_stops_its_key_only_and_is_sent_again(local_stand: Stand) -> None:
    node, transport = await _choosy_node(local_stand)
    transport.refusing = {"stuck"}
    await node.emit("stuck", [1, 2, 3])
    await node.emit("free", [1, 2, 3])

    async def free_handled() -> bool:
        return await node.effects() == {"free": [1, 2, 3]}

    await until(free_handled)
    await asyncio.sleep(0.2)
    assert await _unsent(node) == 3

    transport.refusing = set()
    await node.bus.drained()
    assert await node.effects() == {"free": [1, 2, 3], "stuck": [1, 2, 3]}


async def test_a_full_backlog_of_failing_keys_does_not_starve_the_others(local_stand: Stand) -> None:
    small = local_stand.broker.settings.model_copy(update={"relay_read_rows": 5, "relay_retry_s": 0.3})
    transport = _Choosy(small)
    local_stand.broker._local = transport
    transport.refusing = {"stuck"}
    node = await local_stand.node([events_consumer(local_stand.tables)], settings=small)
    free = next(key for key in _keys_of(partition_of("stuck")) if key != "stuck")
    await node.emit("stuck", range(1, 21))
    await node.emit(free, [1])

    async def free_handled() -> bool:
        return await node.effects() == {free: [1]}

    await until(free_handled)
    transport.refusing = set()
    await node.bus.drained()


def _keys_of(partition: int) -> list[str]:
    return [key for key in (f"key-{number}" for number in range(1000)) if partition_of(key) == partition]


async def test_a_lost_connection_pauses_the_relay_and_nothing_is_lost(local_stand: Stand) -> None:
    node, transport = await _choosy_node(local_stand)
    transport.refusing = {"a", "b"}
    transport.error = Disconnected("no broker")
    await node.emit("a", range(1, 6))
    await node.emit("b", range(1, 6))
    await asyncio.sleep(0.2)
    assert await node.effects() == {}

    transport.refusing = set()
    await node.bus.drained()
    assert await node.effects() == {"a": [1, 2, 3, 4, 5], "b": [1, 2, 3, 4, 5]}


async def test_an_unroutable_command_is_visible_and_the_relay_goes_on(any_stand: Stand) -> None:
    node = await any_stand.node([events_consumer(any_stand.tables)])
    await node.send("a", 1)
    await node.emit("a", [2])

    await node.bus.drained()

    assert await node.effects() == {"a": [2]}
    (command,) = await list_undeliverable(node.database, node.tables.messaging)
    assert (command.type, command.key, command.failure) == ("tillstream.testing.act.v1", "a", "unroutable")


async def test_an_undeliverable_command_can_be_sent_again_once_somebody_carries_it_out(local_stand: Stand) -> None:
    node = await local_stand.node()
    await node.send("a", 1)
    await node.bus.drained()
    (command,) = await list_undeliverable(node.database, node.tables.messaging)
    other = await local_stand.node([commands_consumer(local_stand.tables)])

    await resend(node.database, node.tables.messaging, command.seq)
    await other.bus.drained()

    assert await node.effects() == {"a": [1]}
    assert await list_undeliverable(node.database, node.tables.messaging) == []
    with pytest.raises(NotFound):
        await resend(node.database, node.tables.messaging, command.seq)


async def test_an_expired_command_is_not_sent_late(any_stand: Stand) -> None:
    node = await any_stand.node([commands_consumer(any_stand.tables)])
    await node.send("a", 1, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    await node.send("a", 2, expires_at=datetime.now(UTC) + timedelta(minutes=1))

    await node.bus.drained()

    assert await node.effects() == {"a": [2]}
    (command,) = await list_undeliverable(node.database, node.tables.messaging)
    assert command.failure == "expired"


async def test_sending_survives_a_failure_between_confirm_and_mark(any_stand: Stand) -> None:
    node = await any_stand.node([events_consumer(any_stand.tables)])
    with armed("after_publish_before_mark") as fault:
        await node.emit("a", range(1, 11))
        await node.bus.drained()
    assert fault.struck
    assert await node.effects() == {"a": list(range(1, 11))}


async def test_without_an_outbox_emitting_is_an_error_and_commits_nothing(local_stand: Stand) -> None:
    node = await local_stand.node()
    database = Database(node.engine)
    effects = node.tables.effects

    async def emit() -> None:
        async with database.transaction() as work:
            await work.connection.execute(insert(effects).values(consumer="x", key="a", number=1, message_id="m"))
            work.emit(Counted(key="a", number=1), sequence=1)

    with pytest.raises(RuntimeError, match="no outbox"):
        await emit()
    assert await node.effects() == {}


async def test_old_sent_rows_are_pruned_and_undeliverable_ones_kept_longer(local_stand: Stand) -> None:
    node = await local_stand.node([events_consumer(local_stand.tables)])
    await node.emit("a", [1, 2])
    await node.send("b", 1)
    await node.bus.drained()
    outbox = node.tables.messaging.outbox
    async with node.database.transaction() as work:
        await work.connection.execute(
            update(outbox).where(outbox.c.headers["ce-sequence"].astext != "2").values(sent_at=_days_ago(3))
        )

    assert (await node.bus.housekeeping.prune())[0] == 1

    async with node.database.reading() as connection:
        left = (await connection.execute(select(outbox.c.kind, outbox.c.failure).order_by(outbox.c.seq))).all()
    assert [tuple(row) for row in left] == [("event", None), ("command", "unroutable")]


def _days_ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


async def test_reading_the_backlog_uses_the_index_whatever_its_length(local_stand: Stand) -> None:
    """Unsent rows are found by partition and number, without sorting or reading the sent ones."""
    node = await local_stand.node()
    for task in node.bus._tasks:
        task.cancel()
    for key in ("a", "b", "c"):
        await node.emit(key, range(1, 1001))
    outbox = node.tables.messaging.outbox
    async with node.database.transaction() as work:
        await work.connection.execute(update(outbox).where(outbox.c.key != "a").values(sent_at=_days_ago(1)))
    async with node.engine.connect() as connection:
        await connection.execute(text(f"analyze {outbox.fullname}"))
        plan = await connection.execute(
            text(
                f"explain select * from {outbox.fullname} where partition = {partition_of('a')} and sent_at is null "
                "order by seq limit 100"
            )
        )
        assert "Index Scan using outbox_unsent" in "\n".join(row[0] for row in plan)
    rows = OutboxRows(node.engine, node.tables.messaging.outbox)
    found = await rows.unsent(list(range(PARTITIONS)), [], limit=100)
    assert [row.headers["ce-sequence"] for row in found] == [str(number) for number in range(1, 101)]
    assert await rows.unsent(list(range(PARTITIONS)), ["a"], limit=100) == []
