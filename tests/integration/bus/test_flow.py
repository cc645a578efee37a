"""The bus end to end: from a committed transaction through the transport to a handler, on both transports."""

from __future__ import annotations

from tests.integration.bus.harness import Stand, commands_consumer, events_consumer, projection


async def test_every_message_reaches_its_handler_once_and_in_order_per_key(any_stand: Stand) -> None:
    node = await any_stand.node([events_consumer(any_stand.tables)])
    for start in range(1, 41, 4):
        for key in ("a", "b", "c", "d", "e"):
            await node.emit(key, range(start, start + 4))

    await node.bus.drained()

    assert await node.effects() == {key: list(range(1, 41)) for key in ("a", "b", "c", "d", "e")}


async def test_two_consumers_of_one_event_both_get_it(any_stand: Stand) -> None:
    first = events_consumer(any_stand.tables, "testing.first")
    second = projection(any_stand.tables, "testing.second")
    node = await any_stand.node([first, second])
    await node.emit("a", range(1, 11))

    await node.bus.drained()

    assert await node.effects("testing.first") == {"a": list(range(1, 11))}
    assert await node.effects("testing.second") == {"a": list(range(1, 11))}


async def test_a_command_reaches_its_one_consumer(any_stand: Stand) -> None:
    node = await any_stand.node([commands_consumer(any_stand.tables), events_consumer(any_stand.tables)])
    for number in (1, 2, 3):
        await node.send("a", number)

    await node.bus.drained()

    assert await node.effects() == {"a": [1, 2, 3]}
