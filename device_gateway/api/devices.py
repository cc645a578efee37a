"""Devices: how they are, and what a till does with a scale, a drawer, a display or a keyboard wedge."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Annotated, Any, TypeVar
from uuid import UUID

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from device_gateway.api.dependencies import Gateway, GatewayPart, trail_of
from device_gateway.api.schemas import (
    DeviceView,
    Displayed,
    DrawerOpeningView,
    NewDrawerOpening,
    NewScan,
    NewTare,
    WeighingView,
    opening_view,
    weighing_view,
)
from device_gateway.domain.observations import Scan, Weighing
from device_gateway.domain.orders import DrawerOpening
from device_gateway.drivers.interface import Scale
from device_gateway.duties import live_message
from device_gateway.use_cases.accept_drawer_opening import accept_drawer_opening
from device_gateway.workers import DeviceNotReady
from libs.contracts.gateway import OpenDrawer
from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict, Invalid
from libs.persistence import new_id
from libs.web.authentication import Caller
from libs.web.transactions import origin_of

router = APIRouter(tags=["devices"])

Answer = TypeVar("Answer")
DeviceNamePath = Annotated[str, Path(description="The logical name of the device.", max_length=32)]
WEDGE = "keyboard"


@router.get("/devices", summary="Every device of this PC and how it is")
async def list_devices(
    gateway: Annotated[Gateway, GatewayPart],
    till_id: Annotated[UUID | None, Query(description="Only the devices of this till.")] = None,
) -> list[DeviceView]:
    return await asyncio.to_thread(gateway.device_views, till_id)


@router.get("/devices/{name}", summary="One device and how it is")
async def show_device(name: DeviceNamePath, gateway: Annotated[Gateway, GatewayPart]) -> DeviceView:
    worker = gateway.workforce.worker(name)
    return (await asyncio.to_thread(gateway.views_of, [worker]))[0]


@router.post("/devices/{name}/weighings", summary="Weigh what lies on a scale now", status_code=201)
async def weigh(name: DeviceNamePath, caller: Caller, gateway: Annotated[Gateway, GatewayPart]) -> WeighingView:
    gateway.demand(caller, Permission.GATEWAY_USE)

    def read(scale: Scale) -> Weighing:
        return scale.weigh()

    return weighing_view(await _on_scale(gateway, name, read))


@router.post("/devices/{name}/tares", summary="Set a scale's tare", status_code=201)
async def tare(
    name: DeviceNamePath, body: NewTare, caller: Caller, gateway: Annotated[Gateway, GatewayPart]
) -> WeighingView:
    gateway.demand(caller, Permission.GATEWAY_USE)

    def set_tare(scale: Scale) -> Weighing:
        scale.tare(body.grams)
        return scale.weigh()

    return weighing_view(await _on_scale(gateway, name, set_tare))


@router.post("/devices/{name}/zeroings", summary="Set an empty scale to zero", status_code=201)
async def zero(name: DeviceNamePath, caller: Caller, gateway: Annotated[Gateway, GatewayPart]) -> WeighingView:
    gateway.demand(caller, Permission.GATEWAY_USE)

    def set_zero(scale: Scale) -> Weighing:
        scale.zero()
        return scale.weigh()

    return weighing_view(await _on_scale(gateway, name, set_zero))


@router.post("/drawer-openings", summary="Open a till's drawer and say why", status_code=202)
async def open_drawer(
    body: NewDrawerOpening, request: Request, caller: Caller, gateway: Annotated[Gateway, GatewayPart]
) -> DrawerOpeningView:
    """The opening is written down with its reason and who asked, then carried out at once or not at all."""
    gateway.demand(caller, Permission.GATEWAY_USE)
    gateway.demand_till(body.till_id)
    command = OpenDrawer(
        gateway_id=gateway.enrolment.gateway_id,
        store_id=gateway.enrolment.store_id,
        till_id=body.till_id,
        opening_id=body.opening_id or new_id(),
        reason=body.reason,
        requested_by=caller.id,
    )
    trail = trail_of(origin_of(request))
    keep_for = timedelta(seconds=gateway.settings.drawer_request_s)

    def write_down() -> DrawerOpening:
        with gateway.journal.step() as step:
            known = step.opening(command.opening_id)
            if known is not None:
                if (known.till_id, known.reason) != (command.till_id, command.reason):
                    raise Conflict("This opening id is taken. Send a new UUID.", field="opening_id")
                return known
            return accept_drawer_opening(
                step,
                command,
                trail,
                step.now + keep_for,
                gateway.workforce.placement(),
                drawer_late_s=gateway.settings.drawer_late_s,
            )

    opening = await asyncio.to_thread(write_down)
    gateway.workforce.wake(opening.drawer)
    return opening_view(opening)


@router.post("/scans", summary="Pass on what a scanner typed into the till's page", status_code=204)
async def scan(body: NewScan, caller: Caller, gateway: Annotated[Gateway, GatewayPart]) -> Response:
    """For a scanner that is a keyboard: the page hands over what it typed, and it comes back like any other scan."""
    gateway.demand(caller, Permission.GATEWAY_USE)
    gateway.demand_till(body.till_id)
    gateway.live.publish([body.till_id], live_message(WEDGE, Scan(body.text, body.aim)))
    return Response(status_code=204)


@router.put("/tills/{till_id}/display", summary="Show something to the customer", status_code=204)
async def display(till_id: UUID, body: Displayed, caller: Caller, gateway: Annotated[Gateway, GatewayPart]) -> Response:
    """The two lines go to the till's line displays; all of it goes to its pages, for a second screen."""
    gateway.demand(caller, Permission.GATEWAY_USE)
    gateway.demand_till(till_id)
    for showing in gateway.workforce.displays_of(till_id):
        showing.show(body.upper, body.lower)
    message = {"type": "display", "till_id": str(till_id), **body.model_dump(mode="json")}
    gateway.displayed[till_id] = message
    gateway.live.publish([till_id], message)
    return Response(status_code=204)


async def _on_scale(gateway: Gateway, name: str, run: Callable[[Any], Weighing]) -> Weighing:
    worker = gateway.workforce.worker(name)
    if worker.placed.kind != "scale":
        raise Invalid(f"{name} is a {worker.placed.kind}, not a scale.", field="path.name")
    answer = worker.call(run)
    try:
        async with asyncio.timeout(gateway.settings.device_call_timeout_s):
            return await asyncio.wrap_future(answer)
    except TimeoutError as error:
        # Given up: it must not be carried out when nobody waits any more.
        answer.cancel()
        raise DeviceNotReady(
            f"{name} does not answer. Take everything off the scale, wait a moment and weigh again."
        ) from error
