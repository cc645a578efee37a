"""Print a receipt again: counted, and marked as a copy for ever."""

from __future__ import annotations

from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict
from libs.persistence import UnitOfWork
from libs.web.principal import Approval, Principal
from services.sales.domain.returning import UnknownReceipt
from services.sales.storage.receipt_emails import Reprint, ReprintRepository
from services.sales.storage.sales import SaleRepository, StoredSale
from services.sales.use_cases.authorise import authorise


class ReprintIdTaken(Conflict):
    """The id is of a copy of another receipt."""

    type = "reprint-id-taken"


async def reprint_receipt(
    work: UnitOfWork, caller: Principal, sale_id: UUID, reprint_id: UUID, approval: Approval | None
) -> tuple[StoredSale, Reprint]:
    """The document and its next copy; the same copy again for a `reprint_id` that was used for it.

    Raises UnknownReceipt, ReprintIdTaken, Forbidden for another store's, or ApprovalRequired and its kin.
    """
    stored = await SaleRepository(work.connection).get_for_update(sale_id)
    if stored is None:
        raise UnknownReceipt(f"No sale {sale_id} is known.", field="sale_id")
    caller.demand_store(stored.document.store_id)
    repository = ReprintRepository(work.connection)
    earlier = await repository.get(reprint_id)
    if earlier is not None:
        if earlier.sale_id != sale_id:
            raise ReprintIdTaken("This reprint_id is of a copy of another receipt.", field="reprint_id")
        return stored, earlier
    await authorise(work, caller, Permission.SALES_REPRINT, bound_to=str(sale_id), approval=approval)
    reprint = Reprint(reprint_id, sale_id, caller.id, await repository.count(sale_id) + 1, work.now)
    await repository.add(reprint)
    return stored, reprint
