"""The live feed of a till's page: first how everything is, then whatever happens."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, WebSocket
from starlette.websockets import WebSocketDisconnect

from device_gateway.api.dependencies import Gateway
from device_gateway.journal import JournalFailed
from device_gateway.live import CutOff, Listener
from libs.bus.tasks import end

router = APIRouter(tags=["live"])

UNKNOWN_TILL = 1008
TRY_AGAIN = 1013
"""Close codes of RFC 6455 and its registry at IANA: policy violation, try again later."""


@router.websocket("/live")
async def live(websocket: WebSocket, till_id: Annotated[UUID | None, Query()] = None) -> None:
    """JSON texts with a `type`: `device`, `printer`, `scan`, `weight`, `drawer`, `drawer_opened`, `job`, `display`,
    `terminal_progress` (what a payment terminal shows), `terminal_answered`.

    Without `till_id` those of all tills. A page that is cut off (1013) connects again and is told everything anew.
    """
    gateway: Gateway = websocket.app.state.resources[Gateway]
    if till_id is not None and till_id not in gateway.enrolment.till_ids:
        await websocket.close(UNKNOWN_TILL, "This PC has no such till.")
        return
    await websocket.accept()
    # Subscribed before the state is read, so that nothing falls between the two.
    with gateway.live.listening(till_id) as listener:
        try:
            for view in await asyncio.to_thread(gateway.device_views, till_id):
                await websocket.send_json({"type": "device", **view.model_dump(mode="json")})
            if till_id in gateway.displayed:
                await websocket.send_json(gateway.displayed[till_id])
        except (JournalFailed, WebSocketDisconnect):
            return
        await _pass_on(websocket, listener)


async def _pass_on(websocket: WebSocket, listener: Listener) -> None:
    sending = asyncio.create_task(_send(websocket, listener))
    hearing = asyncio.create_task(_hear(websocket))
    try:
        await asyncio.wait({sending, hearing}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await end([sending, hearing])


async def _send(websocket: WebSocket, listener: Listener) -> None:
    try:
        while True:
            message: Any = await listener.next_message()
            await websocket.send_json(message)
    except CutOff:
        await websocket.close(TRY_AGAIN, "This page lagged too far behind.")
    except (WebSocketDisconnect, RuntimeError):
        # The page went away while something was sent to it.
        return


async def _hear(websocket: WebSocket) -> None:
    """Pages have nothing to say here; this notices when they leave."""
    while (await websocket.receive())["type"] != "websocket.disconnect":
        pass
