"""Timers of catalog: telling of bulk changes, importing files, forgetting what is old."""

from __future__ import annotations

from libs.host.service import Job
from libs.persistence import Database
from services.catalog.settings import CatalogSettings
from services.catalog.use_cases.announce_products import announce_due


def all_jobs(database: Database, settings: CatalogSettings) -> list[Job]:
    """The timers of the service."""

    async def announce() -> None:
        while True:
            async with database.transaction() as work:
                told = await announce_due(work, settings.announce_batch_products)
            if told < settings.announce_batch_products:
                return

    return [Job("announce", settings.announce_every_s, announce)]
