"""Read a finished document on behalf of a caller."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from libs.persistence import Connection
from libs.web.principal import Principal
from services.sales.domain.returning import UnknownReceipt
from services.sales.storage.sales import SaleRepository, StoredSale


async def read_sale(connection: Connection, caller: Principal, sale_id: UUID) -> StoredSale:
    """The document. Raises UnknownReceipt, or Forbidden without the permission to read or for another store's."""
    caller.demand(Permission.SALES_READ)
    stored = await SaleRepository(connection).get(sale_id)
    if stored is None:
        raise UnknownReceipt(f"No sale {sale_id} is known.", field="sale_id")
    caller.demand_store(stored.document.store_id)
    return stored
