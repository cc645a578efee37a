"""Approvals that have been used."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.dialects.postgresql import insert

from libs.persistence import Connection
from libs.web.principal import Approval
from services.payments.storage.tables import spent_approvals


class ApprovalRepository:
    """Spends approvals; a rolled back transaction gives them back."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def spend(self, approval: Approval, at: datetime) -> bool:
        """Note that the approval is used. False when it was used before, also by a transaction that ran beside."""
        result = await self._connection.execute(
            insert(spent_approvals)
            .values(
                approval_id=approval.id,
                action=approval.action,
                bound_to=approval.bound_to,
                approver_id=approval.approver_id,
                requested_by=approval.requested_by,
                spent_at=at,
            )
            .on_conflict_do_nothing()
            .returning(spent_approvals.c.approval_id)
        )
        return result.first() is not None
