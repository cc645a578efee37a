"""Approvals that have been used."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import null
from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from libs.web.principal import Approval, Extent
from services.sales.storage.tables import spent_approvals


class ApprovalRepository:
    """Spends approvals; a rolled back transaction gives them back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def spend(self, approval: Approval, needed: Extent | None, at: datetime) -> bool:
        """Note that the approval is used, for how much it was given and how much was `needed`.

        False when it was used before, also by a transaction that ran beside.
        """
        result = await self._connection.execute(
            insert(spent_approvals)
            .values(
                approval_id=approval.id,
                action=approval.action,
                bound_to=approval.bound_to,
                approver_id=approval.approver_id,
                requested_by=approval.requested_by,
                approved_up_to=approval.up_to.facts() if approval.up_to else null(),
                needed=needed.facts() if needed else null(),
                spent_at=at,
            )
            .on_conflict_do_nothing()
            .returning(spent_approvals.c.approval_id)
        )
        return result.first() is not None
