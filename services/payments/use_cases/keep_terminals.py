"""Keep what identity and the gateways tell of tills, gateways, terminals and printers."""

from __future__ import annotations

from collections.abc import Sequence

from libs.contracts.gateway import DeviceChanged
from libs.contracts.identity import GatewayChanged, TillChanged
from libs.contracts.message import Message
from libs.persistence import Connection
from services.payments.storage.printers import PrinterRepository
from services.payments.storage.terminals import TerminalRepository


async def keep_terminals(connection: Connection, facts: Sequence[tuple[int, Message]]) -> None:
    """Store facts with their sequence numbers; other devices than terminals and printers are passed over."""
    repository = TerminalRepository(connection)
    for version, fact in facts:
        match fact:
            case GatewayChanged():
                await repository.put_gateway(version, fact)
            case TillChanged():
                await repository.put_till(version, fact)
            case DeviceChanged(kind="terminal"):
                await repository.put_device(version, fact)
            case DeviceChanged(kind="printer"):
                await PrinterRepository(connection).put(version, fact)
            case _:
                pass
