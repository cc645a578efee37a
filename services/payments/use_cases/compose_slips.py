"""The slips that go with a payment at a concentrated terminal: no device prints them, so the receipt has them."""

from __future__ import annotations

from libs.contracts.terminals import CardFacts, CardReferences
from libs.persistence import UnitOfWork
from services.payments.domain.slip import SlipCopy, SlipFacts, SlipKind, compose_slip
from services.payments.storage.acquirer_messages import AcquirerMessage
from services.payments.storage.acquirer_terminals import AcquirerTerminalRepository
from services.payments.use_cases.change_payment import Slips


async def compose_slips(
    work: UnitOfWork,
    message: AcquirerMessage,
    kind: SlipKind,
    amount_minor: int,
    card: CardFacts | None,
    references: CardReferences | None,
    *,
    cash_back_minor: int = 0,
    tip_minor: int = 0,
) -> Slips:
    """Both copies of what an acquirer has just confirmed of a message: `amount_minor` with what came on top of it."""
    numbers = await AcquirerTerminalRepository(work.connection).get(message.terminal_id, message.acquirer)
    assert numbers is not None, "a terminal keeps its numbers while anything of it waits"
    facts = SlipFacts(
        kind,
        work.now,
        message.currency,
        amount_minor,
        terminal=numbers.terminal_number,
        merchant=numbers.merchant_number,
        cash_back_minor=cash_back_minor,
        tip_minor=tip_minor,
        scheme=card.scheme if card else None,
        masked_number=card.masked_number if card else None,
        entry_mode=card.entry_mode if card else None,
        approval_code=references.approval_code if references else None,
        retrieval_reference=references.retrieval_reference if references else None,
        trace=references.trace if references else None,
        acquirer=message.acquirer,
    )
    return Slips(compose_slip(facts, SlipCopy.CUSTOMER), compose_slip(facts, SlipCopy.MERCHANT))
