"""The composition root of payments: the only file that wires."""

from __future__ import annotations

from pathlib import Path

from libs.host.service import Service, ServiceContext, ServiceDefinition
from libs.persistence.idempotency import IdempotencyStore
from services.payments.api import intents, pre_authorisations, settlements, terminals
from services.payments.handlers import premises_consumer, tender_consumer, terminal_consumer
from services.payments.jobs import jobs
from services.payments.settings import PaymentsSettings
from services.payments.storage import concentrator_tables  # noqa: F401 - until its repositories are wired
from services.payments.storage.tables import idempotency_keys, metadata


def build(context: ServiceContext[PaymentsSettings]) -> Service:
    """Wire the service."""
    answers = IdempotencyStore(idempotency_keys)
    limits = context.settings.limits
    return Service(
        routers=[intents.router, pre_authorisations.router, terminals.router, settlements.router],
        consumers=[tender_consumer(limits), terminal_consumer(limits), premises_consumer],
        jobs=jobs(context.database, context.settings, answers),
        resources={IdempotencyStore: answers, PaymentsSettings: context.settings},
    )


definition = ServiceDefinition(
    name="payments",
    summary="Card payments: intents, terminals' outcomes, unknown outcomes resolved, settlement.",
    settings=PaymentsSettings,
    metadata=metadata,
    migrations=Path(__file__).parent / "storage" / "migrations",
    build=build,
)
