"""Sales' copies of device gateways and printers: who prints for a till."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import ARRAY, Uuid, bindparam, select
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.gateway import DeviceChanged
from libs.contracts.identity import GatewayChanged
from libs.persistence import Connection
from services.sales.domain.till_devices import TillDevices
from services.sales.storage.tables import device_gateways, printers

_tills = bindparam("till_ids", type_=ARRAY(Uuid()))

# Built once: every batch of sales runs them.
_GATEWAYS = (
    select(device_gateways.c.gateway_id, device_gateways.c.till_ids)
    .where(device_gateways.c.usable, device_gateways.c.till_ids.overlap(_tills))
    .order_by(device_gateways.c.version)
)
_PRINTERS = select(printers.c.gateway_id, printers.c.till_ids).where(
    printers.c.configured, printers.c.till_ids.overlap(_tills)
)


class DeviceRepository:
    """Reads and writes on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def at_tills(self, till_ids: Collection[UUID]) -> dict[UUID, TillDevices]:
        """What is known of the devices of these tills; a till whose devices nobody owns is left out."""
        wanted = {"till_ids": list(till_ids)}
        gateways = (await self._connection.execute(_GATEWAYS, wanted)).all()
        if not gateways:
            return {}
        owners = {till_id: row.gateway_id for row in gateways for till_id in row.till_ids}
        printing = {
            (row.gateway_id, till_id)
            for row in (await self._connection.execute(_PRINTERS, wanted)).all()
            for till_id in row.till_ids
        }
        return {
            till_id: TillDevices(owners[till_id], has_printer=(owners[till_id], till_id) in printing)
            for till_id in till_ids
            if till_id in owners
        }

    async def at_till(self, till_id: UUID) -> TillDevices | None:
        """What is known of the devices of this till; None if nobody owns them."""
        return (await self.at_tills([till_id])).get(till_id)

    async def keep_gateways(self, changes: Sequence[tuple[GatewayChanged, int]]) -> None:
        """Keep gateways, each with its event's sequence; a fact older than the one held is ignored."""
        for gateway, version in changes:
            values = {
                "version": version,
                "till_ids": list(gateway.till_ids),
                "usable": gateway.active and gateway.enrolled,
            }
            statement = insert(device_gateways).values(gateway_id=gateway.gateway_id, **values)
            await self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[device_gateways.c.gateway_id],
                    set_=values,
                    where=device_gateways.c.version < version,
                )
            )

    async def keep_printers(self, changes: Sequence[DeviceChanged]) -> None:
        """Keep printers; a fact older than the one held is ignored."""
        for device in changes:
            values = {
                "gateway_id": device.gateway_id,
                "till_ids": list(device.till_ids),
                "name": device.name,
                "configured": device.configured,
                "changed_at": device.changed_at,
            }
            statement = insert(printers).values(device_id=device.device_id, **values)
            await self._connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[printers.c.device_id],
                    set_=values,
                    where=printers.c.changed_at <= device.changed_at,
                )
            )
