"""Which gateway prints at a till, as gateways tell it."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from libs.contracts.gateway import DeviceChanged
from libs.persistence import Connection
from services.payments.storage.printer_tables import printers


class PrinterRepository:
    """Reads and writes receipt printers on one connection. A fact older than the one held changes nothing."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def put(self, version: int, device: DeviceChanged) -> None:
        """Keep a printer as its gateway tells of it."""
        values = {
            "printer_id": device.device_id,
            "gateway_id": device.gateway_id,
            "store_id": device.store_id,
            "till_ids": list(device.till_ids),
            "active": device.configured,
            "version": version,
        }
        statement = insert(printers).values(values)
        await self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=[printers.c.printer_id],
                set_=values,
                where=printers.c.version < statement.excluded.version,
            )
        )

    async def gateway_at(self, store_id: UUID, till_id: UUID) -> UUID | None:
        """The gateway that prints at a till of a store; None if the till has no printer. A store has a few of them."""
        statement = (
            select(printers.c.gateway_id)
            .where(printers.c.store_id == store_id, printers.c.active, printers.c.till_ids.contains([till_id]))
            .order_by(printers.c.version.desc(), printers.c.printer_id)
            .limit(1)
        )
        return (await self._connection.execute(statement)).scalar_one_or_none()
