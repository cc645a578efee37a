"""What the pages need of payments: payments and their resolution, terminals, ends of day, differences, slips."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from services.backoffice.gateways.api_client import ApiClient, Facts
from services.backoffice.gateways.transactions import Transaction

_ROOT = "/payments/v1"


class Card(Facts):
    """What may be shown of a card."""

    masked_number: str | None = None
    scheme: str | None = None
    entry_mode: str | None = None


class References(Facts):
    """By what a terminal and its host find a payment again."""

    terminal_id: str | None = None
    trace: str | None = None
    receipt_number: str | None = None
    approval_code: str | None = None
    retrieval_reference: str | None = None
    transaction_id: str | None = None


class Intent(Facts):
    """A card payment as it stands; amounts in minor units, `kind` is the direction."""

    intent_id: UUID
    store_id: UUID
    till_id: UUID
    kind: str
    state: str
    currency: str
    amount_minor: int
    cash_back_minor: int = 0
    tip_minor: int = 0
    approved_minor: int = 0
    captured_minor: int = 0
    refunded_minor: int = 0
    sale_id: UUID | None = None
    terminal: str | None = None
    standalone: bool = False
    card: Card | None = None
    references: References | None = None
    reason: str | None = None
    next_inquiry_at: datetime | None = None
    anomaly_count: int = 0
    created_at: datetime
    unresolved_s: int | None = None


class HistoryLine(Facts):
    """A line of a payment's history: `transition`, or `anomaly` for what did not fit."""

    kind: str
    from_state: str | None
    to_state: str
    at: datetime
    by_kind: str
    by_name: str
    approved_by_name: str | None = None
    reason: str | None = None


class Operation(Facts):
    """Something asked of a terminal or of an acquirer."""

    operation_id: UUID
    terminal: str
    action: str
    state: str
    currency: str
    amount_minor: int
    requested_at: datetime
    answered_at: datetime | None = None
    answer: dict[str, Any] | None = None


class IntentDetail(Intent):
    """A payment with its history and operations, oldest first."""

    history: tuple[HistoryLine, ...] = ()
    operations: tuple[Operation, ...] = ()


class Terminal(Facts):
    """A terminal of a store."""

    terminal_id: UUID
    store_id: UUID
    name: str
    kind: str = "wired"
    standalone: bool = False
    till_ids: tuple[UUID, ...] = ()
    active: bool = True
    state: str
    driver: str | None = None
    unsettled_count: int = 0
    undecided_count: int = 0


class SchemeTotal(Facts):
    """How often and how much of one card scheme; refunds apart."""

    scheme: str
    sale_count: int = 0
    sale_minor: int = 0
    refund_count: int = 0
    refund_minor: int = 0


class Settlement(Facts):
    """A terminal's end of day."""

    settlement_id: UUID
    store_id: UUID
    till_id: UUID | None = None
    terminal_id: UUID
    terminal: str
    state: str
    currency: str
    terminal_totals: tuple[SchemeTotal, ...] = ()
    our_totals: tuple[SchemeTotal, ...] = ()
    difference_count: int = 0
    reason: str | None = None
    requested_at: datetime
    closed_at: datetime | None = None


class Difference(Facts):
    """Where ours and theirs part, and what was said of it."""

    difference_id: UUID
    store_id: UUID
    settlement_id: UUID | None = None
    kind: str
    scheme: str | None = None
    acquirer: str | None = None
    intent_id: UUID | None = None
    currency: str
    ours_minor: int
    theirs_minor: int
    our_count: int
    their_count: int
    state: str
    explanation: str | None = None
    closing_reason: str | None = None
    found_at: datetime


class BatchSide(Facts):
    """One side's totals of a batch."""

    net_minor: int


class Batch(Facts):
    """The day of a terminal with one of its acquirers."""

    acquirer: str
    title: str
    state: str
    item_count: int
    uploaded_count: int = 0
    code: str | None = None
    out_of_balance: bool = False
    totals: BatchSide
    their_totals: BatchSide | None = None


class Report(Settlement):
    """A terminal's end of day with everything that belongs to it; `lines` are its payments, as many as are told."""

    requested_by_name: str | None = None
    differences: tuple[Difference, ...] = ()
    batches: tuple[Batch, ...] = ()
    line_count: int = 0
    lines: tuple[Transaction, ...] = ()


class Slip(Facts):
    """A slip as the terminal or the host gave it, both copies."""

    slip_id: UUID
    kind: str
    customer: tuple[str, ...] = ()
    merchant: tuple[str, ...] = ()
    at: datetime


class Print(Facts):
    """A duplicate that was sent to a till's printer."""

    job_id: UUID


class Payments:
    """Payments' API in the name of one person; raises what ApiClient raises."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def unresolved(self, cursor: str | None, rows: int) -> tuple[list[Intent], str | None]:
        """A page of what nothing but an inquiry or a person resolves, the oldest first."""
        return await self._client.page(Intent, f"{_ROOT}/intents", state="unresolved", cursor=cursor, limit=rows)

    async def intent(self, intent_id: str) -> IntentDetail:
        """One payment."""
        return await self._client.get(IntentDetail, f"{_ROOT}/intents/{intent_id}")

    async def inquire(self, intent_id: UUID) -> Intent:
        """Ask now what became of it; the answer comes later, in the payment."""
        return await self._client.send(Intent, "POST", f"{_ROOT}/intents/{intent_id}/inquiry", {})

    async def confirm(
        self, intent_id: UUID, approval_code: str, last_four: str, note: str | None, *, key: UUID
    ) -> Intent:
        """Say that a slip shows the payment as approved."""
        body = {"outcome": "approved", "approval_code": approval_code, "last_four": last_four}
        return await self._confirmed(intent_id, body, note, key)

    async def confirm_declined(self, intent_id: UUID, note: str | None, *, key: UUID) -> Intent:
        """Say that certainly nothing was taken."""
        return await self._confirmed(intent_id, {"outcome": "declined"}, note, key)

    async def reverse(self, intent_id: UUID, reason: str, *, key: UUID) -> Intent:
        """Give the money back."""
        path = f"{_ROOT}/intents/{intent_id}/reversal"
        return await self._client.send(Intent, "POST", path, {"reason": reason}, key=key)

    async def slips(self, intent_id: str) -> list[Slip]:
        """The slips of a payment, its voids and refunds, the oldest first."""
        return (await self._client.get(_Slips, f"{_ROOT}/intents/{intent_id}/slips")).root_items

    async def print_slip(self, intent_id: str, slip_id: UUID, copy: str, till_id: str, *, key: UUID) -> Print:
        """Print a duplicate at a till; `copy` is customer or merchant."""
        path = f"{_ROOT}/intents/{intent_id}/slips/{slip_id}/prints"
        return await self._client.send(Print, "POST", path, {"copy": copy, "till_id": till_id}, key=key)

    async def terminals(self, store_id: UUID) -> list[Terminal]:
        """The terminals of a store by name."""
        return await self._client.all(Terminal, f"{_ROOT}/terminals", store_id=store_id)

    async def settlements(self, store_id: UUID, limit: int) -> list[Settlement]:
        """The last ends of day of a store's terminals, the newest first."""
        path = f"{_ROOT}/settlements"
        newest, _ = await self._client.page(Settlement, path, store_id=store_id, limit=limit, newest_first=True)
        return newest

    async def end_day(
        self, terminal_id: UUID, currency: str, totals: list[dict[str, Any]] | None, *, key: UUID
    ) -> Settlement:
        """End a terminal's day; `totals` only for one that stands alone, as its slip has them."""
        body: dict[str, Any] = {"terminal_id": str(terminal_id), "currency": currency}
        if totals is not None:
            body["totals"] = totals
        return await self._client.send(Settlement, "POST", f"{_ROOT}/settlements", body, key=key)

    async def report(self, settlement_id: str) -> Report:
        """The report of one end of day."""
        return await self._client.get(Report, f"{_ROOT}/settlements/{settlement_id}/report")

    async def settlement(self, settlement_id: UUID) -> Settlement:
        """One end of day, as far as it is."""
        return await self._client.get(Settlement, f"{_ROOT}/settlements/{settlement_id}")

    async def differences(
        self, store_id: UUID, *, settlement_id: UUID | None = None, unclosed: bool = False
    ) -> list[Difference]:
        """The differences of a store, or of one end of day, the oldest first."""
        path = f"{_ROOT}/differences"
        return await self._client.all(
            Difference, path, store_id=store_id, settlement_id=settlement_id, unclosed="true" if unclosed else None
        )

    async def explain(self, difference_id: UUID, explanation: str, *, key: UUID) -> Difference:
        """Say what a difference comes from."""
        path = f"{_ROOT}/differences/{difference_id}/explanation"
        return await self._client.send(Difference, "POST", path, {"explanation": explanation}, key=key)

    async def close(self, difference_id: UUID, reason: str, *, key: UUID) -> Difference:
        """Say why nothing more is to be done about a difference."""
        path = f"{_ROOT}/differences/{difference_id}/closing"
        return await self._client.send(Difference, "POST", path, {"reason": reason}, key=key)

    async def _confirmed(self, intent_id: UUID, body: dict[str, Any], note: str | None, key: UUID) -> Intent:
        if note:
            body["note"] = note
        return await self._client.send(Intent, "POST", f"{_ROOT}/intents/{intent_id}/confirmation", body, key=key)


class _Slips(Facts):
    root_items: list[Slip] = Field(default_factory=list, alias="items")
