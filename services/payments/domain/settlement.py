"""A terminal's end of day against ours: totals by card scheme, and what becomes of each difference (rule 21)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from libs.contracts.refusal import Conflict
from libs.contracts.terminals import SchemeTotal

NO_SCHEME = "unknown"
# Of a batch: its totals differed and each item was told; the acquirer refused one; it still disagreed after that.
UPLOADED, ITEM_REFUSED, STILL_DIFFERING = "batch_uploaded", "batch_item_refused", "batch_out_of_balance"
EVERY_SCHEME = "all"


class SettlementState(StrEnum):
    """`requested`: the terminal was asked; `unknown`: it did not answer; `differing`: differences are followed."""

    REQUESTED = "requested"
    UNKNOWN = "unknown"
    FAILED = "failed"
    DIFFERING = "differing"
    CLOSED = "closed"


class DifferenceState(StrEnum):
    """A difference is open, explained by somebody, and closed by somebody with a reason."""

    OPEN = "open"
    EXPLAINED = "explained"
    CLOSED = "closed"


class DifferenceClosed(Conflict):
    """The difference has been followed to its end already."""

    type = "difference-closed"


@dataclass(frozen=True, slots=True)
class SchemeDifference:
    """Where the terminal's totals of one scheme and ours part: sales or refunds, count and sum of each side."""

    kind: str
    scheme: str
    our_count: int
    ours_minor: int
    their_count: int
    theirs_minor: int


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference and what was said about it. It belongs to a settlement or to an acquirer's file."""

    difference_id: UUID
    store_id: UUID
    kind: str
    currency: str
    ours_minor: int
    theirs_minor: int
    our_count: int
    their_count: int
    found_at: datetime
    state: DifferenceState = DifferenceState.OPEN
    settlement_id: UUID | None = None
    file_id: UUID | None = None
    scheme: str | None = None
    intent_id: UUID | None = None
    row_number: int | None = None
    explanation: str | None = None
    explained_by: UUID | None = None
    explained_at: datetime | None = None
    closing_reason: str | None = None
    closed_by: UUID | None = None
    closed_at: datetime | None = None
    acquirer: str | None = None

    def explained(self, explanation: str, by: UUID, at: datetime) -> Difference:
        """With an explanation, perhaps a better one than before. Raises DifferenceClosed."""
        self._demand_open()
        return replace(self, state=DifferenceState.EXPLAINED, explanation=explanation, explained_by=by, explained_at=at)

    def closed(self, reason: str, by: UUID, at: datetime) -> Difference:
        """Followed to its end. Raises DifferenceClosed."""
        self._demand_open()
        return replace(self, state=DifferenceState.CLOSED, closing_reason=reason, closed_by=by, closed_at=at)

    def _demand_open(self) -> None:
        if self.state is DifferenceState.CLOSED:
            raise DifferenceClosed("This difference is closed; what was said of it stays.", state=self.state.value)


def compare(ours: Sequence[SchemeTotal], theirs: Sequence[SchemeTotal]) -> list[SchemeDifference]:
    """Every scheme whose sales or refunds differ in count or sum, by scheme; nothing where both agree.

    Schemes are compared without regard to case and spaces, because terminals write them as they like. Several lines
    of one scheme add up. A terminal that tells nothing but one line for all schemes is compared with our sum of all.
    """
    our_totals, their_totals = _by_scheme(ours), _by_scheme(theirs)
    if their_totals.keys() == {EVERY_SCHEME}:
        our_totals = _by_scheme(each.model_copy(update={"scheme": EVERY_SCHEME}) for each in ours)
    nothing = SchemeTotal(scheme="", sale_count=0, sale_minor=0, refund_count=0, refund_minor=0)
    found: list[SchemeDifference] = []
    for key in sorted(our_totals.keys() | their_totals.keys()):
        mine, other = our_totals.get(key, nothing), their_totals.get(key, nothing)
        scheme = mine.scheme or other.scheme
        for kind in ("sale", "refund"):
            our_count, ours_minor = getattr(mine, f"{kind}_count"), getattr(mine, f"{kind}_minor")
            their_count, theirs_minor = getattr(other, f"{kind}_count"), getattr(other, f"{kind}_minor")
            if (our_count, ours_minor) != (their_count, theirs_minor):
                found.append(SchemeDifference(kind, scheme, our_count, ours_minor, their_count, theirs_minor))
    return found


def _by_scheme(totals: Iterable[SchemeTotal]) -> dict[str, SchemeTotal]:
    added: dict[str, SchemeTotal] = {}
    for total in totals:
        key = "".join(total.scheme.lower().split())
        before = added.get(key)
        added[key] = total if before is None else _sum(before, total)
    return added


def _sum(one: SchemeTotal, other: SchemeTotal) -> SchemeTotal:
    return SchemeTotal(
        scheme=one.scheme,
        sale_count=one.sale_count + other.sale_count,
        sale_minor=one.sale_minor + other.sale_minor,
        refund_count=one.refund_count + other.refund_count,
        refund_minor=one.refund_minor + other.refund_minor,
    )
