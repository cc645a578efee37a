"""A reply came after its request was given up: where money may have moved by it, it is reversed once more."""

from __future__ import annotations

from datetime import timedelta

from libs.persistence import UnitOfWork
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.replies import (
    DUPLICATE,
    ISSUER_DOWN,
    OUT_OF_BALANCE,
    REASONS,
    SYSTEM_ERROR,
)
from services.payments.domain.payment import Actor
from services.payments.storage.acquirer_messages import AcquirerMessageRepository, MessageState
from services.payments.use_cases.change_payment import PaymentChange
from services.payments.use_cases.lose_message import undo_once_more

# A host that answers later than that answers another message of the same trace number.
_LATEST = timedelta(days=1)
_REPLIES_THAT_CHARGE = ("011", "021")
# Of other codes a dialect may say that they approve in part, or leave it open.
_CERTAIN_DECLINES = frozenset(REASONS) - {OUT_OF_BALANCE, DUPLICATE, ISSUER_DOWN, SYSTEM_ERROR}


def may_have_charged(reply: Message) -> bool:
    """Whether a reply says that money, or a hold, may have moved."""
    return reply.mti[:3] in _REPLIES_THAT_CHARGE and reply.fields.get(39) not in _CERTAIN_DECLINES


async def undo_late(work: UnitOfWork, acquirer: str, reply: Message) -> None:
    """Tell the reversal of what was given up anew, because the acquirer may have confirmed it before it charged.

    A reply to what is not known, or was not given up, changes nothing.
    """
    fields = reply.fields
    if not fields.get(11, "").isdecimal():
        return
    messages = AcquirerMessageRepository(work.connection)
    found = await messages.by_trace(acquirer, fields.get(41, "").rstrip(), int(fields[11]), work.now - _LATEST)
    if found is None or found.sent.trace.fields[7] != fields.get(7):
        return
    change = await PaymentChange.locked(work, found.intent_id)
    # Read again under the payment's lock: only now is its state certain.
    message = await messages.get(found.message_id)
    if message is None or message.state is not MessageState.UNANSWERED:
        return
    change.anomaly(
        Actor("acquirer", acquirer),
        "The acquirer answered after it was given up; it is reversed once more.",
        operation_id=message.message_id,
    )
    await undo_once_more(work, message)
    await change.keep()
