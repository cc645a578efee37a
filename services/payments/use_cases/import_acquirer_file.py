"""Import an acquirer's settlement file: check each row, find its payment, list what differs."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from uuid import UUID

from libs.contracts.permissions import Permission
from libs.contracts.refusal import Conflict
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.payments.domain.acquirer_file import FileUnreadable, read_acquirer_file
from services.payments.domain.settlement import Difference
from services.payments.storage.acquirer_files import (
    AcquirerFile,
    AcquirerFileRepository,
    MissingPayment,
    UnmatchedRow,
)
from services.payments.storage.differences import DifferenceRepository


class FileKnown(Conflict):
    """The very same file was imported before."""

    type = "acquirer-file-known"


async def import_acquirer_file(
    work: UnitOfWork, caller: Principal, store_id: UUID, content: bytes, *, largest_rows: int
) -> AcquirerFile:
    """Import a CSV file in UTF-8. Raises Forbidden, FileUnreadable or FileKnown."""
    caller.demand(Permission.PAYMENTS_SETTLE)
    caller.demand_store(store_id)
    try:
        rows = read_acquirer_file(content.decode("utf-8-sig"), largest_rows=largest_rows)
    except UnicodeDecodeError as error:
        raise FileUnreadable("The file is not UTF-8. Save it as CSV in UTF-8.") from error
    refused = sum(1 for row in rows if row.message)
    file = AcquirerFile(new_id(), store_id, len(rows), 0, 0, refused, caller.id, work.now)
    repository = AcquirerFileRepository(work.connection)
    if not await repository.add(file, hashlib.sha256(content).digest(), rows):
        raise FileKnown("This very file was imported before; nothing was changed.")
    matched = await repository.match(file.file_id, store_id)
    not_ours = [_not_ours(work, file, row) for row in await repository.unmatched(file.file_id)]
    missing = await repository.missing(file.file_id, store_id, largest_rows)
    found = [*not_ours, *(_not_theirs(work, file, payment) for payment in missing)]
    await DifferenceRepository(work.connection).add(found)
    counted = replace(file, matched_count=matched, difference_count=len(found))
    await repository.count(counted)
    return counted


def _not_ours(work: UnitOfWork, file: AcquirerFile, row: UnmatchedRow) -> Difference:
    return Difference(
        new_id(),
        file.store_id,
        "not_ours",
        row.currency,
        0,
        row.amount_minor,
        0,
        1,
        work.now,
        file_id=file.file_id,
        scheme=row.scheme,
        row_number=row.row_number,
    )


def _not_theirs(work: UnitOfWork, file: AcquirerFile, payment: MissingPayment) -> Difference:
    return Difference(
        new_id(),
        file.store_id,
        "not_theirs",
        payment.currency,
        payment.amount_minor,
        0,
        1,
        0,
        work.now,
        file_id=file.file_id,
        scheme=payment.scheme,
        intent_id=payment.intent_id,
    )
