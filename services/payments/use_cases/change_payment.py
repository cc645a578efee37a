"""Change a payment: every transition is written down with who and when, and told to those who wait for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import UUID

from libs.contracts.payments import PaymentIntentChanged
from libs.contracts.refusal import NotFound
from libs.contracts.tenders import (
    TenderAuthorized,
    TenderCaptured,
    TenderDeclined,
    TenderOutcome,
    TenderReleased,
    TenderUnknown,
)
from libs.persistence import UnitOfWork
from services.payments.domain.card_data import without_card_numbers
from services.payments.domain.intent import Intent, IntentKind
from services.payments.domain.payment import Actor, HistoryEntry, Payment
from services.payments.storage.intents import IntentRepository

TRANSITION, ANOMALY = "transition", "anomaly"


class UnknownIntent(NotFound):
    """There is no payment with this id."""

    type = "unknown-intent"


@dataclass(frozen=True, slots=True)
class Shares:
    """What an approval is made of: what counts for the sale, and what came on top."""

    goods_minor: int
    tip_minor: int = 0
    cash_back_minor: int = 0


@dataclass(frozen=True, slots=True)
class Slips:
    """What the terminal wants printed for one operation; the shop's is signed where it asks for that."""

    customer: tuple[str, ...] = ()
    merchant: tuple[str, ...] = ()
    signature_required: bool = False

    def facts(self) -> dict[str, object]:
        """The slips as outcomes name them."""
        return {
            "slip": self.customer,
            "merchant_slip": self.merchant,
            "signature_required": self.signature_required,
        }


NO_SLIPS = Slips()


class PaymentChange:
    """A locked payment and what becomes of it in one transaction; `keep` stores and publishes all of it at once."""

    def __init__(self, work: UnitOfWork, payment: Payment) -> None:
        self.work = work
        self.payment = payment
        self._stored = payment
        self._entries: list[HistoryEntry] = []
        self._outcomes: list[TenderOutcome] = []

    @classmethod
    async def locked(cls, work: UnitOfWork, intent_id: UUID, field: str = "intent_id") -> PaymentChange:
        """The change of a payment that exists. Raises UnknownIntent, naming `field`."""
        payment = await IntentRepository(work.connection).get(intent_id, lock=True)
        if payment is None:
            raise UnknownIntent(f"No card payment {intent_id} is known.", field=field)
        return cls(work, payment)

    @property
    def intent(self) -> Intent:
        """The intent as it has become."""
        return self.payment.intent

    def move(
        self, intent: Intent, actor: Actor, *, operation_id: UUID | None = None, reason: str | None = None
    ) -> None:
        """Take over a changed intent; a change of state is a line of the history."""
        before = self.payment.intent
        if intent is before:
            return
        self.payment = self.payment.with_intent(intent)
        if intent.state is not before.state:
            self._note(TRANSITION, before, actor, operation_id, reason)

    def facts(self, **changes: object) -> None:
        """Take over facts about the payment that are no transitions."""
        self.payment = replace(self.payment, **changes)  # type: ignore[arg-type]

    def anomaly(self, actor: Actor, reason: str, *, operation_id: UUID | None = None) -> None:
        """Write down what does not fit, so that a person sees it."""
        self.payment = replace(self.payment, anomaly_count=self.payment.anomaly_count + 1)
        self._note(ANOMALY, self.payment.intent, actor, operation_id, reason)

    def created(self, actor: Actor, reason: str | None = None) -> None:
        """Write down the first line of a new payment's history."""
        self._entries.append(
            HistoryEntry(TRANSITION, None, self.payment.state, self.work.now, actor, reason=_clean(reason))
        )

    def _note(self, kind: str, before: Intent, actor: Actor, operation_id: UUID | None, reason: str | None) -> None:
        state = self.payment.state
        self._entries.append(
            HistoryEntry(kind, before.state, state, self.work.now, actor, operation_id, _clean(reason))
        )

    def authorized(self, shares: Shares, reference: str | None, slips: Slips) -> None:
        """Tell sales that the amount is secured, and how it was paid; refunds are negative there."""
        payment = self.payment
        card = payment.card
        told = card.instalments if card else None
        self._tell(
            TenderAuthorized,
            currency=payment.intent.currency,
            amount_minor=-shares.goods_minor if payment.intent.kind is IntentKind.REFUND else shares.goods_minor,
            tip_minor=shares.tip_minor,
            cash_back_minor=shares.cash_back_minor,
            reference=reference,
            scheme=card.scheme if card else None,
            masked_number=card.masked_number if card else None,
            approval_code=payment.references.approval_code if payment.references else None,
            instalments=told or payment.instalments,
            **slips.facts(),
        )

    def refused(self, reason_code: str | None, reason: str | None) -> None:
        """Tell sales that nothing was taken."""
        self._tell(
            TenderDeclined,
            reason_code=reason_code or "declined",
            reason=_clean(reason) or "The card payment was declined.",
        )

    def became_unknown(self, reason: str) -> None:
        """Tell sales that money may have moved."""
        self._tell(TenderUnknown, reason=_clean(reason))

    def captured(self) -> None:
        """Tell sales that the capture took effect."""
        self._tell(TenderCaptured)

    def released(self, slips: Slips = NO_SLIPS) -> None:
        """Tell sales that the money is back, or was never taken; `slips` are those of its way back."""
        self._tell(TenderReleased, **slips.facts())

    def _tell(self, kind: type[TenderOutcome], **facts: object) -> None:
        payment = self.payment
        if not payment.is_tender or payment.sale_id is None:
            return
        self._outcomes.append(
            kind.model_validate(
                {
                    "tender_id": payment.intent.intent_id,
                    "sale_id": payment.sale_id,
                    "store_id": payment.store_id,
                    "kind": "card",
                    "decided_at": self.work.now,
                    **facts,
                }
            )
        )

    async def keep(self) -> Payment:
        """Store everything, and publish with the commit. The order of outcomes is that of their causes.

        Where nothing has changed, nothing is stored or published.
        """
        if self.payment == self._stored and not self._entries and not self._outcomes:
            return self.payment
        repository = IntentRepository(self.work.connection)
        intent_id = self.intent.intent_id
        for number, outcome in enumerate(self._outcomes, start=self.payment.outcome_count + 1):
            self.work.emit(outcome, sequence=number)
        self.payment = replace(
            self.payment,
            outcome_count=self.payment.outcome_count + len(self._outcomes),
            event_count=self.payment.event_count + 1,
        )
        await repository.save(self.payment, self.work.now)
        if self._entries:
            await repository.write_history(intent_id, self._entries)
        self.work.emit(_changed(self.payment, self.work), sequence=self.payment.event_count)
        self._stored, self._entries, self._outcomes = self.payment, [], []
        return self.payment


def _changed(payment: Payment, work: UnitOfWork) -> PaymentIntentChanged:
    intent, card, references = payment.intent, payment.card, payment.references
    return PaymentIntentChanged(
        intent_id=intent.intent_id,
        store_id=payment.store_id,
        till_id=payment.till_id,
        kind=intent.kind.value,
        state=intent.state.value,
        currency=intent.currency,
        amount_minor=intent.amount_minor,
        cash_back_minor=intent.cash_back_minor,
        tip_minor=intent.tip_minor,
        approved_minor=intent.approved_minor,
        captured_minor=intent.captured_minor,
        refunded_minor=intent.refunded_minor,
        changed_at=work.now,
        sale_id=payment.sale_id,
        original_intent_id=payment.original_intent_id,
        terminal=payment.terminal_name,
        scheme=card.scheme if card else None,
        masked_number=card.masked_number if card else None,
        approval_code=references.approval_code if references else None,
        retrieval_reference=references.retrieval_reference if references else None,
        reason=payment.reason,
    )


def _clean(text: str | None) -> str | None:
    return None if text is None else without_card_numbers(text)
