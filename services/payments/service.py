"""The composition root of payments: the only file that wires."""

from __future__ import annotations

from pathlib import Path

from libs.host.service import Service, ServiceContext, ServiceDefinition
from libs.persistence.idempotency import IdempotencyStore
from services.payments.api import (
    acquirers,
    cards,
    concentrated_terminals,
    intents,
    pre_authorisations,
    settlement_report,
    settlements,
    slips,
    terminals,
    transactions,
)
from services.payments.batch_jobs import batch_jobs
from services.payments.forwarding_jobs import forwarding_jobs
from services.payments.gateways.acquirer.concentrator import Concentrator, read_concentrator
from services.payments.handlers import premises_consumer, tender_consumer, terminal_consumer
from services.payments.jobs import jobs
from services.payments.late_replies import LateReplies
from services.payments.link_watch import LinkWatch
from services.payments.settings import PaymentsSettings
from services.payments.storage.tables import idempotency_keys, metadata


def build(context: ServiceContext[PaymentsSettings]) -> Service:
    """Wire the service."""
    answers = IdempotencyStore(idempotency_keys)
    settings = context.settings
    limits = settings.limits
    mac_keys = {name: key.get_secret_value() for name, key in settings.acquirer_mac_keys.items()}
    concentrator = read_concentrator(settings.acquirers_file, mac_keys)
    link_watch = LinkWatch(context.database, concentrator, settings)
    late_replies = LateReplies(context.database, concentrator)
    return Service(
        routers=[
            intents.router,
            cards.router,
            pre_authorisations.router,
            terminals.router,
            concentrated_terminals.router,
            settlements.router,
            settlement_report.router,
            transactions.router,
            slips.router,
            acquirers.router,
        ],
        consumers=[tender_consumer(limits), terminal_consumer(limits), premises_consumer],
        jobs=[
            *jobs(context.database, settings, answers),
            *forwarding_jobs(context.database, concentrator, settings),
            *batch_jobs(context.database, concentrator, settings),
        ],
        resources={
            IdempotencyStore: answers,
            PaymentsSettings: settings,
            Concentrator: concentrator,
            LinkWatch: link_watch,
            LateReplies: late_replies,
        },
        lifespan=link_watch.running,
    )


definition = ServiceDefinition(
    name="payments",
    summary="Card payments: intents, terminals' outcomes, unknown outcomes resolved, settlement.",
    settings=PaymentsSettings,
    metadata=metadata,
    migrations=Path(__file__).parent / "storage" / "migrations",
    build=build,
)
