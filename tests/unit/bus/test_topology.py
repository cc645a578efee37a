"""Names, partitions and bindings: what is on brokers and in outboxes already and must never change."""

from __future__ import annotations

from collections import Counter

import pytest
from pydantic import ValidationError

from libs.bus.consumer import CommandConsumer, Consumer, ProjectionConsumer, Received
from libs.bus.settings import BusSettings
from libs.bus.topology import (
    PARTITIONS,
    InvalidTopology,
    Topology,
    check_unique,
    command_routing_key,
    event_routing_key,
    partition_of,
)
from libs.persistence import UnitOfWork
from tests.integration.bus.harness import Act, Counted, Echoed


async def _handle(_received: Received[Counted], _work: UnitOfWork) -> None:
    raise AssertionError("not called")


def test_the_partition_of_a_key_is_stable() -> None:
    # CRC-32's published check value of "123456789" is CBF43926, whose last digit is 6.
    known = {"123456789": 6, "": 0, "a": 3, "till-7": 7, "0192f0c4-0000-7000-8000-000000000001": 8, "Żabka 12": 0}
    assert {key: partition_of(key) for key in known} == known


def test_keys_spread_over_all_partitions() -> None:
    counts = Counter(partition_of(f"sale-{number}") for number in range(16_000))
    assert set(counts) == set(range(PARTITIONS))
    assert max(counts.values()) < 1.2 * 1000


def test_an_event_is_routed_by_owner_name_version_store_and_partition() -> None:
    assert (
        event_routing_key("tillstream.sales.sale_completed.v1", "store-3", 7) == "sales.sale_completed.v1.store-3.p07"
    )
    assert event_routing_key("tillstream.catalog.price_changed.v1", None, 12) == "catalog.price_changed.v1.all.p12"


@pytest.mark.parametrize("store", ["", "a.b", "a b", "*", "#", "x" * 65])
def test_a_store_that_is_not_one_word_is_refused(store: str) -> None:
    with pytest.raises(InvalidTopology, match="one word"):
        event_routing_key("tillstream.sales.sale_completed.v1", store, 7)


@pytest.mark.parametrize("route", ["", "a b", "tenders/card", "x" * 129])
def test_a_malformed_route_is_refused(route: str) -> None:
    with pytest.raises(InvalidTopology, match="route"):
        command_routing_key(route)


def test_one_queue_takes_all_partitions_of_the_events_it_wants() -> None:
    (queue,) = Topology(BusSettings()).queues(Consumer("sales.catalogue", {Echoed: _handle, Counted: _handle}))
    assert queue.name == "sales.catalogue.1"
    assert [(binding.exchange, binding.routing_key) for binding in queue.bindings] == [
        ("tillstream.events", "testing.counted.v1.*.*"),
        ("tillstream.events", "testing.echoed.v1.*.*"),
    ]


@pytest.mark.parametrize("count", [2, 3, 8, 16])
def test_several_queues_share_the_partitions_without_gap_or_overlap(count: int) -> None:
    queues = Topology(BusSettings()).queues(Consumer("sales.catalogue", {Counted: _handle}, queue_count=count))
    assert [queue.name for queue in queues] == [f"sales.catalogue.{number}" for number in range(1, count + 1)]
    shares = [[binding.routing_key for binding in queue.bindings] for queue in queues]
    every = [f"testing.counted.v1.*.p{partition:02d}" for partition in range(PARTITIONS)]
    assert sorted(key for share in shares for key in share) == every
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_commands_go_by_their_route_to_one_queue() -> None:
    (queue,) = Topology(BusSettings()).queues(CommandConsumer("payments.cards", "tenders.card", {Act: _handle}))
    assert queue.name == "payments.cards.1"
    assert [(binding.exchange, binding.routing_key) for binding in queue.bindings] == [
        ("tillstream.commands", "tenders.card")
    ]


def test_a_consumers_queue_is_durable_ordered_and_loses_nothing() -> None:
    settings = BusSettings(queue_delivery_limit=20, queue_length_limit_messages=5000)
    (queue,) = Topology(settings).queues(Consumer("sales.catalogue", {Counted: _handle}))
    assert queue.arguments == {
        "x-queue-type": "quorum",
        "x-single-active-consumer": True,
        "x-delivery-limit": 20,
        "x-dead-letter-exchange": "tillstream.dead",
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": 5000,
    }


def test_the_log_stream_holds_every_event_and_the_dead_stream_every_dead_letter() -> None:
    log, dead = Topology(BusSettings()).streams()
    assert (log.name, log.arguments["x-queue-type"]) == ("tillstream.log", "stream")
    assert [(binding.exchange, binding.routing_key) for binding in log.bindings] == [("tillstream.events", "#")]
    assert [(binding.exchange, binding.routing_key) for binding in dead.bindings] == [("tillstream.dead", "#")]


@pytest.mark.parametrize("name", ["catalogue", "Sales.catalogue", "sales.", "sales catalogue", "sales.catalogue.#"])
def test_a_consumer_is_named_service_and_purpose(name: str) -> None:
    with pytest.raises(InvalidTopology, match="is named"):
        Topology(BusSettings()).queue_names(Consumer(name, {Counted: _handle}))


@pytest.mark.parametrize("count", [0, 17])
def test_a_consumer_has_1_to_16_queues(count: int) -> None:
    with pytest.raises(InvalidTopology, match="1 to 16"):
        Topology(BusSettings()).queue_names(ProjectionConsumer("a.b", [Counted], _batch, queue_count=count))


async def _batch(*_: object) -> None:
    raise AssertionError("not called")


def test_two_consumers_of_one_name_or_one_route_are_refused() -> None:
    first = CommandConsumer("payments.cards", "tenders.card", {Act: _handle})
    with pytest.raises(InvalidTopology, match=r"consumer payments\.cards is declared twice"):
        check_unique([first, Consumer("payments.cards", {Counted: _handle})])
    with pytest.raises(InvalidTopology, match=r"route tenders\.card is declared twice"):
        check_unique([first, CommandConsumer("payments.other", "tenders.card", {Act: _handle})])
    check_unique([first, CommandConsumer("payments.other", "tenders.cheque", {Act: _handle})])


@pytest.mark.parametrize(
    "wrong", [{"namespace": "a.b"}, {"queue_prefix": "a"}, {"attempts": 0}, {"unknown": 1}, {"log_max_age": "long"}]
)
def test_settings_out_of_range_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BusSettings.model_validate(wrong)
