"""Print a slip again at a till, marked as a duplicate; who did it is in the payment's history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from libs.contracts.gateway import PrintDocument
from libs.contracts.permissions import Permission
from libs.contracts.printing import Block, PrintedDocument, TextBlock
from libs.contracts.refusal import Conflict, NotFound
from libs.persistence import UnitOfWork, new_id
from libs.web.principal import Principal
from services.payments.domain.payment import HistoryEntry
from services.payments.domain.slip import SlipCopy
from services.payments.storage.intents import IntentRepository
from services.payments.storage.printers import PrinterRepository
from services.payments.use_cases.change_payment import UnknownIntent
from services.payments.use_cases.confirm_intent import actor_of
from services.payments.use_cases.pre_authorise import till_of
from services.payments.use_cases.read_slips import Slip, read_slips

PRINTED = "slip_printed"
_MARK = "*** DUPLICATE ***"


class UnknownSlip(NotFound):
    """The payment has no slip with this id."""

    type = "unknown-slip"


class NoSuchCopy(Conflict):
    """The terminal gave no such copy of the slip."""

    type = "no-such-copy"


class NoPrinter(Conflict):
    """The till has no printer that payments has heard of."""

    type = "no-printer"


@dataclass(frozen=True, slots=True)
class PrintedSlip:
    """What was sent to be printed, and where."""

    job_id: UUID
    till_id: UUID
    slip: Slip
    copy: SlipCopy


async def print_slip(
    work: UnitOfWork,
    caller: Principal,
    intent_id: UUID,
    slip_id: UUID,
    copy: SlipCopy,
    till_id: UUID | None,
    expiry_s: float,
) -> PrintedSlip:
    """Send a duplicate to a till's printer: the till named, else the caller's, else that of the payment.

    Raises UnknownIntent, Forbidden, UnknownSlip, NoSuchCopy, UnknownTill or NoPrinter.
    """
    caller.demand(Permission.PAYMENTS_RESOLVE)
    slips = await read_slips(work.connection, caller, intent_id)
    slip = next((each for each in slips if each.slip_id == slip_id), None)
    if slip is None:
        raise UnknownSlip(f"This payment has no slip {slip_id}.", field="slip_id")
    lines = slip.customer if copy is SlipCopy.CUSTOMER else slip.merchant
    if not lines:
        raise NoSuchCopy(f"The terminal gave no {copy} copy of this slip. Print the other one.", field="copy")
    at_till, store_id = await till_of(work, caller, till_id or caller.till_id or slip.till_id)
    gateway_id = await PrinterRepository(work.connection).gateway_at(store_id, at_till)
    if gateway_id is None:
        raise NoPrinter("This till has no printer. Name a till that has one in till_id.", field="till_id")
    job_id = new_id()
    work.send(
        PrintDocument(
            gateway_id=gateway_id,
            store_id=store_id,
            till_id=at_till,
            job_id=job_id,
            document_kind="slip",
            title=f"Card slip, duplicate, {copy} copy",
            document=_document(lines),
            requested_by=caller.id,
        ),
        expires_at=work.now + timedelta(seconds=expiry_s),
        # As sales has it: what is printed at a till comes out in the order in which it was asked for.
        partition_key=str(at_till),
    )
    await _note(work, caller, slip, copy)
    return PrintedSlip(job_id, at_till, slip, copy)


def _document(lines: tuple[str, ...]) -> PrintedDocument:
    mark = TextBlock(text=_MARK, align="center", bold=True)
    blocks: tuple[Block, ...] = (mark, *(TextBlock(text=line) for line in lines), mark)
    return PrintedDocument(language="en", blocks=blocks)


async def _note(work: UnitOfWork, caller: Principal, slip: Slip, copy: SlipCopy) -> None:
    repository = IntentRepository(work.connection)
    payment = await repository.get(slip.intent_id, lock=True)
    if payment is None:
        raise UnknownIntent(f"No card payment {slip.intent_id} is known.", field="intent_id")
    reason = f"a duplicate of the {slip.kind} slip, {copy} copy, was printed"
    entry = HistoryEntry(PRINTED, payment.state, payment.state, work.now, actor_of(caller), reason=reason)
    await repository.write_history(slip.intent_id, [entry])
