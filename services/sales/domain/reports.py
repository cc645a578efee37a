"""X and Z: what a shift has taken so far, and what it took in the end (retail rule 24).

Both are made of the same running totals, so an X right before the close and the Z show the same numbers, and neither
looks at a single receipt.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from libs.contracts.identity import StoreChanged
from libs.contracts.values import CurrencyCode, Instant, MinorAmount, Part, PartsPerMillion
from services.sales.domain.cash_count import CashCount
from services.sales.domain.shift import MovementKind, Shift
from services.sales.domain.totals import Contribution

DOCUMENT_KINDS = ("sale", "return", "exchange", "void")


class Tally(Part):
    """How many of a kind, and what they come to."""

    kind: str
    count: int
    amount_minor: MinorAmount


class TaxTally(Part):
    """One tax at one rate; `base_minor` is net of tax."""

    code: str
    rate_ppm: PartsPerMillion
    base_minor: MinorAmount
    tax_minor: MinorAmount


class CountedNotes(Part):
    """`count` notes or coins of `value_minor`."""

    value_minor: MinorAmount
    count: int


class DrawerCash(Part):
    """One currency in the drawer. What was counted is null on an X report; variance = counted - expected."""

    currency: CurrencyCode
    expected_minor: MinorAmount
    counted_minor: MinorAmount | None = None
    variance_minor: MinorAmount | None = None
    denominations: tuple[CountedNotes, ...] | None = None


class NumberRange(Part):
    """Document numbers, both inclusive."""

    first: int
    last: int


class Difference(Part):
    """Two sums of the report that should be equal and are not."""

    name: str
    expected_minor: MinorAmount
    found_minor: MinorAmount


class ShiftReport(Part):
    """An X or a Z report. Amounts are minor units of `currency`, signed as in the documents: returns are negative.

    `cash` is the local money that should be in the drawer: float + cash in - cash out + cash tenders + rounding, less
    cash-back and less what was taken in foreign notes, which are counted in their own currency in `foreign`. `tips` and
    `cash_backs` came on top of the tenders of their kind and are no turnover; `charged` is per such kind what was
    charged in all, as the terminals' end of day counts it (retail rule 21). `missing_numbers` lists
    documents of the till that had not arrived; `differences` is empty when tenders, lines and documents agree.
    """

    kind: Literal["x", "z"]
    z_number: int | None
    shift_id: UUID
    store_id: UUID
    store_code: str
    store_name: str
    till_id: UUID
    till_code: str
    staff_id: UUID
    staff_name: str
    closed_by: UUID | None = None
    closed_by_name: str | None = None
    approved_by: UUID | None = None
    currency: CurrencyCode
    language: str
    time_zone: str
    business_date: date
    opened_at: Instant
    made_at: Instant
    first_number: int | None
    last_number: int | None
    missing_numbers: tuple[NumberRange, ...] = ()
    document_count: int
    documents: tuple[Tally, ...]
    total_minor: MinorAmount
    lines: tuple[Tally, ...]
    gross_minor: MinorAmount
    discounts: tuple[Tally, ...]
    discount_minor: MinorAmount
    taxes: tuple[TaxTally, ...]
    tax_minor: MinorAmount
    tenders: tuple[Tally, ...]
    tendered_minor: MinorAmount
    rounding_minor: MinorAmount
    tips: tuple[Tally, ...] = ()
    tip_minor: MinorAmount = 0
    cash_backs: tuple[Tally, ...] = ()
    cash_back_minor: MinorAmount = 0
    charged: tuple[Tally, ...] = ()
    voided: tuple[Tally, ...]
    drawer: tuple[Tally, ...]
    cash: DrawerCash
    foreign: tuple[DrawerCash, ...]
    carried_basket_count: int = 0
    differences: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class Premises:
    """Where a shift is: what a report says of the store and the till."""

    store: StoreChanged
    till_code: str


@dataclass(frozen=True, slots=True)
class Closing:
    """What a close adds to the totals: the count, who closed, and what was left open."""

    z_number: int
    counts: Sequence[CashCount]
    closed_by: UUID
    closed_by_name: str
    approved_by: UUID | None
    missing_numbers: Sequence[tuple[int, int]]
    carried_basket_count: int


class ShiftTotals:
    """The running totals of one shift, by kind."""

    def __init__(self, totals: Sequence[Contribution]) -> None:
        self._by_kind: dict[str, dict[str, Contribution]] = {}
        for one in totals:
            self._by_kind.setdefault(one.kind, {})[one.key] = one

    def of(self, kind: str) -> list[Contribution]:
        """The totals of a kind, ordered by key."""
        return [self._by_kind[kind][key] for key in sorted(self._by_kind.get(kind, ()))]

    def one(self, kind: str, key: str) -> Contribution:
        """One total; zero when nothing was added to it."""
        return self._by_kind.get(kind, {}).get(key) or Contribution(kind, key, 0, 0)

    def amount(self, kind: str) -> int:
        """The sum over a kind, in minor units."""
        return sum(one.amount_minor for one in self.of(kind))

    def count(self, kind: str) -> int:
        """How many there are of a kind."""
        return sum(one.count for one in self.of(kind))

    @property
    def expected_cash_minor(self) -> int:
        """The local money that should be in the drawer; foreign notes are not part of it, and cash-back has left it."""
        drawer = {kind: self.one("drawer", kind.value).amount_minor for kind in MovementKind}
        moved = drawer[MovementKind.FLOAT] + drawer[MovementKind.CASH_IN] - drawer[MovementKind.CASH_OUT]
        taken = self.one("tender", "cash").amount_minor + self.amount("rounding")
        return moved + taken - self.amount("foreign") - self.amount("cash_back")


def x_report(shift: Shift, totals: ShiftTotals, premises: Premises, made_at: datetime) -> ShiftReport:
    """What the shift has taken so far."""
    return _report("x", shift, totals, premises, made_at, None)


def z_report(shift: Shift, totals: ShiftTotals, premises: Premises, made_at: datetime, closing: Closing) -> ShiftReport:
    """What the shift took, with the count and its variance."""
    return _report("z", shift, totals, premises, made_at, closing)


def _report(
    kind: Literal["x", "z"],
    shift: Shift,
    totals: ShiftTotals,
    premises: Premises,
    made_at: datetime,
    closing: Closing | None,
) -> ShiftReport:
    store = premises.store
    return ShiftReport(
        kind=kind,
        z_number=closing.z_number if closing else None,
        shift_id=shift.shift_id,
        store_id=shift.store_id,
        store_code=store.code,
        store_name=store.name,
        till_id=shift.till_id,
        till_code=premises.till_code,
        staff_id=shift.staff_id,
        staff_name=shift.staff_name,
        closed_by=closing.closed_by if closing else None,
        closed_by_name=closing.closed_by_name if closing else None,
        approved_by=closing.approved_by if closing else None,
        currency=shift.currency,
        language=store.language,
        time_zone=store.time_zone,
        business_date=shift.business_date,
        opened_at=shift.opened_at,
        made_at=made_at,
        first_number=shift.first_number,
        last_number=shift.last_number,
        missing_numbers=tuple(
            NumberRange(first=first, last=last) for first, last in (closing.missing_numbers if closing else ())
        ),
        document_count=totals.count("documents"),
        documents=tuple(_tally(totals.one("documents", key)) for key in DOCUMENT_KINDS),
        total_minor=totals.amount("documents"),
        lines=tuple(_tally(totals.one("lines", key)) for key in ("sold", "returned")),
        gross_minor=totals.amount("lines"),
        discounts=_tallies(totals, "discount"),
        discount_minor=totals.amount("discount"),
        taxes=tuple(_tax(one) for one in totals.of("tax")),
        tax_minor=totals.amount("tax"),
        tenders=_tallies(totals, "tender"),
        tendered_minor=totals.amount("tender"),
        rounding_minor=totals.amount("rounding"),
        tips=_tallies(totals, "tip"),
        tip_minor=totals.amount("tip"),
        cash_backs=_tallies(totals, "cash_back"),
        cash_back_minor=totals.amount("cash_back"),
        charged=_charged(totals),
        voided=_tallies(totals, "voided"),
        drawer=tuple(_tally(totals.one("drawer", key.value)) for key in MovementKind),
        cash=_local_cash(shift.currency, totals, closing),
        foreign=_foreign_cash(shift.currency, totals, closing),
        carried_basket_count=closing.carried_basket_count if closing else 0,
        differences=_differences(totals),
    )


def _tally(total: Contribution) -> Tally:
    return Tally(kind=total.key, count=total.count, amount_minor=total.amount_minor)


def _tallies(totals: ShiftTotals, kind: str) -> tuple[Tally, ...]:
    return tuple(_tally(total) for total in totals.of(kind))


def _charged(totals: ShiftTotals) -> tuple[Tally, ...]:
    """The tenders of the kinds that something came on top of, with all of it."""
    kinds = sorted({total.key for kind in ("tip", "cash_back") for total in totals.of(kind)})
    return tuple(
        Tally(
            kind=key,
            count=totals.one("tender", key).count,
            amount_minor=sum(totals.one(kind, key).amount_minor for kind in ("tender", "tip", "cash_back")),
        )
        for key in kinds
    )


def _tax(total: Contribution) -> TaxTally:
    code, _, rate_ppm = total.key.rpartition(":")
    return TaxTally(code=code, rate_ppm=int(rate_ppm), base_minor=total.second_minor, tax_minor=total.amount_minor)


def _local_cash(currency: str, totals: ShiftTotals, closing: Closing | None) -> DrawerCash:
    return _drawer_cash(currency, totals.expected_cash_minor, closing)


def _foreign_cash(local_currency: str, totals: ShiftTotals, closing: Closing | None) -> tuple[DrawerCash, ...]:
    """Every other currency that was taken or counted: a note nobody expected is a variance too."""
    expected = {one.key: one.second_minor for one in totals.of("foreign")}
    counted = {count.currency for count in closing.counts} if closing else set()
    currencies = sorted((expected.keys() | counted) - {local_currency})
    return tuple(_drawer_cash(currency, expected.get(currency, 0), closing) for currency in currencies)


def _drawer_cash(currency: str, expected_minor: int, closing: Closing | None) -> DrawerCash:
    if closing is None:
        return DrawerCash(currency=currency, expected_minor=expected_minor)
    count = next((one for one in closing.counts if one.currency == currency), CashCount(currency, ()))
    return DrawerCash(
        currency=currency,
        expected_minor=expected_minor,
        counted_minor=count.amount_minor,
        variance_minor=count.amount_minor - expected_minor,
        denominations=tuple(CountedNotes(value_minor=one.value_minor, count=one.count) for one in count.denominations),
    )


def _differences(totals: ShiftTotals) -> tuple[Difference, ...]:
    """Tenders must pay the documents, and lines after discounts must be them, with tax on top where it is added."""
    found = []
    total = totals.amount("documents")
    tendered = totals.amount("tender")
    if tendered != total:
        found.append(Difference(name="tenders", expected_minor=total, found_minor=tendered))
    net = totals.amount("lines") + totals.amount("discount")
    if net not in (total, total - totals.amount("tax")):
        found.append(Difference(name="lines", expected_minor=total, found_minor=net))
    return tuple(found)
