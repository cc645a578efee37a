"""What the routes share: the gateway's parts, its tills, and who may use them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from device_gateway.api.schemas import DeviceView, LastErrorView, LastJobView, last_operation_view
from device_gateway.bus_link import BusLink
from device_gateway.domain.orders import PrintJob, Trail
from device_gateway.enrolment import Enrolment
from device_gateway.journal import Journal
from device_gateway.journal_terminals import TerminalSteps
from device_gateway.live import LiveHub, Message
from device_gateway.settings import GatewaySettings
from device_gateway.workers import Worker, Workforce
from libs.contracts.refusal import NotFound
from libs.persistence import Origin
from libs.web.principal import Principal
from libs.web.transactions import resource


@dataclass(frozen=True)
class Gateway:
    """The gateway, as its routes use it. `displayed` is what each till's customer sees, for a screen that joins."""

    enrolment: Enrolment
    journal: Journal
    workforce: Workforce
    link: BusLink
    live: LiveHub
    settings: GatewaySettings
    displayed: dict[UUID, Message] = field(default_factory=dict)

    def demand_till(self, till_id: UUID) -> None:
        """Raise NotFound unless this PC has that till."""
        if till_id not in self.enrolment.till_ids:
            tills = ", ".join(f"{till.code} ({till.till_id})" for till in self.enrolment.tills)
            raise NotFound(f"This PC has no till {till_id}; its tills are {tills}.", field="till_id")

    def demand(self, caller: Principal, permission: str) -> None:
        """Raise Forbidden unless the caller works for this store and holds the permission."""
        caller.demand(permission)
        caller.demand_store(self.enrolment.store_id)

    def device_views(self, till_id: UUID | None = None) -> list[DeviceView]:
        """Every device, or those of one till. Reads the journal: not on the event loop."""
        workers = [
            worker for worker in self.workforce.workers() if till_id is None or till_id in worker.placed.till_ids
        ]
        return self.views_of(workers)

    def views_of(self, workers: Sequence[Worker]) -> list[DeviceView]:
        """These devices as they are now. Reads the journal: not on the event loop."""
        views = []
        with self.journal.step() as step:
            for worker in workers:
                placed, health, error = worker.placed, worker.health, worker.last_error
                newest = step.newest_jobs(1, printer=placed.name) if placed.kind == "printer" else []
                terminal = TerminalSteps(step) if placed.kind == "terminal" else None
                asked = terminal.newest(1, terminal=placed.name) if terminal else []
                views.append(
                    DeviceView(
                        name=placed.name,
                        kind=placed.kind,
                        driver=placed.driver,
                        till_ids=placed.till_ids,
                        state=health.state.value,
                        detail=health.detail,
                        what_to_do=health.what_to_do,
                        waiting=terminal.waiting_count(placed.name) if terminal else step.waiting_copies(placed.name),
                        last_job=_last_job(newest),
                        last_operation=last_operation_view(asked[0][1]) if asked else None,
                        last_error=LastErrorView(text=error.text, at=error.at) if error else None,
                    )
                )
        return views


GatewayPart = resource(Gateway)


def trail_of(origin: Origin) -> Trail:
    """The trail of a request, for what it sets off."""
    return Trail(origin.correlation_id, origin.causation_id, origin.traceparent)


def _last_job(newest: Sequence[tuple[int, PrintJob]]) -> LastJobView | None:
    if not newest:
        return None
    job = newest[0][1]
    return LastJobView(
        job_id=job.job_id, title=job.title, state=job.state, changed_at=job.changed_at, reason=job.reason
    )
