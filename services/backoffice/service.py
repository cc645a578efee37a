"""The composition root of the back office: the only file that wires."""

from __future__ import annotations

from libs.host.service import Service, TablelessContext, TablelessDefinition
from services.backoffice.office import Office
from services.backoffice.pages.front import Front
from services.backoffice.sessions import Sessions
from services.backoffice.settings import BackofficeSettings


def build(context: TablelessContext[BackofficeSettings]) -> Service:
    """Wire the service."""
    sessions = Sessions(context.clock, context.settings.sessions_at_most)
    front = Front(Office(context.http, sessions, context.clock, context.settings))
    return Service(pages=front.app, lifespan=front.lifespan)


definition = TablelessDefinition(
    name="backoffice",
    summary="The operators' web pages, at /backoffice/: live view, unresolved payments, reports, day close, rights.",
    settings=BackofficeSettings,
    build=build,
)
