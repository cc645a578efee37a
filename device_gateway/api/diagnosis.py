"""The diagnosis page: is everything all right, and if not, what can a shop assistant do about it?"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated

from fastapi import APIRouter
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from starlette.responses import HTMLResponse

from device_gateway.api.dependencies import Gateway, GatewayPart
from device_gateway.api.schemas import LastOperationView
from device_gateway.domain.print_job import PrintState
from device_gateway.domain.terminal_operation import TerminalOperation
from device_gateway.drivers.display.screen.driver import page
from device_gateway.journal_terminals import TerminalSteps
from libs.money import Money, UnknownCurrency

router = APIRouter(include_in_schema=False)

REFRESH_S = 10
SHOWN_JOBS = 20
SHOWN_FOR = timedelta(days=1)
"""Whoever was to get an older receipt is no longer there; it can still be found by GET /jobs."""
_WORDS = {
    "ready": "Works",
    "attention": "Works, and asks for something",
    "blocked": "Cannot work",
    "absent": "Not found",
    "misconfigured": "Needs help",
}
_KINDS = {
    "printer": "Printer",
    "drawer": "Drawer",
    "scanner": "Scanner",
    "scale": "Scale",
    "display": "Customer display",
    "terminal": "Payment terminal",
    "fiscal_unit": "Fiscal unit",
}
_JOB_WORDS = {
    "queued": "waits for the printer",
    "printing": "is being printed",
    "printed": "was printed",
    "unknown": "may or may not have come out",
    "failed": "could not be printed",
    "expired": "was not printed in time",
}


_OPERATION_WORDS = {
    "waiting": "waits for the terminal",
    "sending": "is at the terminal",
    "approved": "approved",
    "declined": "declined",
    "unknown": "unknown",
    "not_sent": "not sent to the terminal",
    "expired": "not begun in time",
}


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("device_gateway", "api/templates"),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clock"] = _clock
    environment.filters["amount"] = _amount
    return environment


@router.get("/")
async def diagnosis(gateway: Annotated[Gateway, GatewayPart]) -> HTMLResponse:
    """The page; it needs nothing from anywhere else, so it also works when everything else does not."""
    return HTMLResponse(await asyncio.to_thread(_page, gateway), headers={"Cache-Control": "no-store"})


@router.get("/screen")
async def second_screen() -> HTMLResponse:
    """The customer's second screen: `/gateway/screen?till_id=...&lang=pl`, to be shown full size by a browser."""
    return HTMLResponse(await asyncio.to_thread(page), headers={"Cache-Control": "no-store"})


def _page(gateway: Gateway) -> str:
    devices = gateway.device_views()
    with gateway.journal.step() as step:
        unsent = step.unsent_count()
        doubtful = [
            (job, any(copy.state is not PrintState.EXPIRED for copy in step.duplicates_of(job.job_id)))
            for state in (PrintState.UNKNOWN, PrintState.FAILED)
            for _, job in step.newest_jobs(SHOWN_JOBS, state=state.value)
            if step.now - job.changed_at < SHOWN_FOR
        ]
        unknown_payments = [
            operation
            for _, operation in TerminalSteps(step).newest(SHOWN_JOBS, in_doubt=True)
            if step.now - operation.changed_at < SHOWN_FOR
        ]
        now = step.now
    in_doubt = sum(not answered for _, answered in doubtful)
    troubled = sum(device.state not in ("ready", "attention") for device in devices)
    return (
        _environment()
        .get_template("diagnosis.html")
        .render(
            now=now,
            refresh_s=REFRESH_S,
            enrolment=gateway.enrolment,
            till_codes={till.till_id: till.code for till in gateway.enrolment.tills},
            link=gateway.link.measurements,
            unsent=unsent,
            devices=devices,
            doubtful=doubtful,
            unknown_payments=unknown_payments,
            verdict=_verdict(
                connected=gateway.link.measurements.connected,
                troubled=troubled,
                in_doubt=in_doubt,
                unknown_payments=len(unknown_payments),
            ),
            words=_WORDS,
            kinds=_KINDS,
            job_words=_JOB_WORDS,
            operation_words=_OPERATION_WORDS,
        )
    )


def _verdict(*, connected: bool, troubled: int, in_doubt: int, unknown_payments: int) -> str:
    if troubled:
        return "One device needs you." if troubled == 1 else f"{troubled} devices need you."
    if unknown_payments:
        payments = "1 card payment" if unknown_payments == 1 else f"{unknown_payments} card payments"
        return f"The outcome of {payments} is not known yet."
    if in_doubt:
        return "Look whether one receipt came out." if in_doubt == 1 else f"Look whether {in_doubt} receipts came out."
    if not connected:
        return "The devices work; the office cannot be reached at the moment."
    return "Everything works."


def _amount(operation: TerminalOperation | LastOperationView) -> str:
    """The amount as people write it; a currency that nobody knows as its minor units."""
    try:
        return Money(operation.amount_minor, operation.currency).format()
    except UnknownCurrency:
        return f"{operation.amount_minor} {operation.currency}"


def _clock(moment: datetime) -> str:
    """The time of day where this PC stands, with the day if it is not today's."""
    local = moment.astimezone()
    same_day = local.date() == datetime.now().astimezone().date()
    return local.strftime("%H:%M:%S") if same_day else local.strftime("%d %b %H:%M")
