"""The bus's Prometheus metrics, one set per registry with the service as a label."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from prometheus_client import CollectorRegistry, Counter, Gauge

from libs.telemetry import names


class BusMetrics:
    """Counters and gauges of every bus that reports to one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        service, consumer = ("service",), ("service", "consumer")
        self.published = Counter(names.OUTBOX_PUBLISHED, "Messages the broker confirmed", service, registry=registry)
        self.publish_failures = Counter(
            names.OUTBOX_FAILURES, "Attempts to publish that were not confirmed", service, registry=registry
        )
        self.undeliverable = Counter(
            names.OUTBOX_UNDELIVERABLE, "Commands given up: expired or without a consumer", service, registry=registry
        )
        self.pending = Gauge(names.OUTBOX_PENDING, "Messages committed and not yet sent", service, registry=registry)
        self.lag = Gauge(names.OUTBOX_LAG, "Age of the oldest message not yet sent", service, registry=registry)
        self.handled = Counter(names.INBOX_HANDLED, "Messages handled and committed", consumer, registry=registry)
        self.repeated = Counter(
            names.INBOX_REPEATED, "Deliveries recognised as repetitions", consumer, registry=registry
        )
        self.deferred = Counter(
            names.INBOX_DEFERRED, "Messages parked or queued behind one", consumer, registry=registry
        )
        self.dead = Counter(names.INBOX_DEAD, "Messages given up", consumer, registry=registry)
        self.expected = Gauge(names.CONSUMERS_EXPECTED, "Queues that should be read", service, registry=registry)
        self.attached = Gauge(names.CONSUMERS_ATTACHED, "Queues that are being read", service, registry=registry)


_by_registry: WeakKeyDictionary[CollectorRegistry, BusMetrics] = WeakKeyDictionary()


def metrics_for(registry: CollectorRegistry) -> BusMetrics:
    """The metrics of a registry, registered at the first call: in embedded mode many buses share one."""
    metrics = _by_registry.get(registry)
    if metrics is None:
        metrics = _by_registry[registry] = BusMetrics(registry)
    return metrics
