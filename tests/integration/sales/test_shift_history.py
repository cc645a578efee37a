"""Whatever happens in a shift, X and Z say what its events add up to (promise 5: equal to the event log)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from libs.contracts.permissions import MANAGER, Permission
from libs.testkit.databases import DatabaseServer
from services.sales.domain.denominations import denominations_of
from tests.integration.sales.shift_shop import PRICES_MINOR, Shop, answered, open_shop

AMPLE_MINOR = 1_000_000
EXAMPLES = 12
STEPS = 14


@contextmanager
def shop_in_a_thread(server: DatabaseServer) -> Iterator[tuple[BlockingPortal, Shop]]:
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(open_shop(server)) as shop:
        yield portal, shop


class EventLog:
    """The totals of a shift, added up from its events alone, by other rules than the service's own."""

    def __init__(self, events: list[dict[str, Any]]) -> None:
        self.documents: Counter[str] = Counter()
        self.amounts: Counter[str] = Counter()
        self.tenders: Counter[str] = Counter()
        self.taxes: Counter[tuple[str, int]] = Counter()
        self.bases: Counter[tuple[str, int]] = Counter()
        self.goods: Counter[str] = Counter()
        self.discount_minor = self.rounding_minor = self.cash_minor = self.euro_minor = 0
        self.numbers: list[int] = []
        for event in events:
            if event["type"] == "sale_completed":
                self._document(event)
            elif event["type"] == "cash_moved":
                self.cash_minor += -event["amount_minor"] if event["kind"] == "cash_out" else event["amount_minor"]
                self.amounts[event["kind"]] += event["amount_minor"]

    def _document(self, document: dict[str, Any]) -> None:
        self.numbers.append(document["number"])
        self.documents[document["kind"]] += 1
        self.amounts[document["kind"]] += document["total_minor"]
        self.rounding_minor += document["rounding_minor"]
        for line in document["lines"]:
            self.goods["sold" if line["quantity_milli"] > 0 else "returned"] += line["gross_minor"]
            self.discount_minor += line["net_minor"] - line["gross_minor"]
            for tax in line["taxes"]:
                self.taxes[tax["code"], tax["rate_ppm"]] += tax["tax_minor"]
                self.bases[tax["code"], tax["rate_ppm"]] += tax["base_minor"]
        for tender in document["tenders"]:
            self.tenders[tender["kind"]] += tender["amount_minor"]
            if tender["kind"] == "cash":
                self.cash_minor -= tender["change_minor"]
                if tender["foreign_currency"] is None:
                    self.cash_minor += tender["given_minor"]
                else:
                    self.euro_minor += tender["foreign_minor"]


class ShiftHistory(RuleBasedStateMachine):
    """A shift of one cashier, who is a manager too, so that everything may happen in it."""

    portal: BlockingPortal
    shop: Shop

    def __init__(self) -> None:
        super().__init__()
        self.anna = self._do(self.shop.cashier(permissions=MANAGER, cash_out_minor=10**9))
        self.shift_id: str = self._do(self.anna.opens(float_minor=50_000))["shift_id"]
        self.sold: list[dict[str, Any]] = []
        self.returned: Counter[str] = Counter()

    def _do(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        async def run() -> Any:
            return await coroutine

        return self.portal.call(run)

    def _post(self, path: str, body: dict[str, Any], status: int = 201) -> Any:
        return answered(self._do(self.anna.post(path, body, f"key-{uuid4()}")), status)

    def _sell(self, lines: list[dict[str, Any]], *tenders: dict[str, Any]) -> None:
        self.sold.append(self._do(self.anna.sells(lines, *tenders)))

    goods = st.lists(
        st.fixed_dictionaries(
            {
                "code": st.sampled_from(sorted(PRICES_MINOR)),
                "quantity": st.integers(1, 4).map(str),
                "discount_percent": st.sampled_from(["0", "5", "7.5", "10"]),
                "discount_reason": st.just("Short date"),
            }
        ),
        min_size=1,
        max_size=3,
    )

    @rule(lines=goods)
    def sells_for_cash(self, lines: list[dict[str, Any]]) -> None:
        self._sell(lines, {"kind": "cash", "given_minor": AMPLE_MINOR})

    @rule(lines=goods, euros=st.integers(1, 4))
    def sells_for_foreign_notes_and_cash(self, lines: list[dict[str, Any]], euros: int) -> None:
        # At most 17.00 PLN of at least 4.05: either the notes cover it, or cash does the rest.
        foreign = {"kind": "cash", "foreign_currency": "EUR", "foreign_minor": euros * 100}
        gross = sum(int(line["quantity"]) * PRICES_MINOR[line["code"]][0] for line in lines)
        if gross * 9 // 10 > euros * 425 + 5:
            self._sell(lines, foreign, {"kind": "cash", "given_minor": AMPLE_MINOR})

    @rule(lines=goods, kind=st.sampled_from(["voucher", "bank_transfer", "cheque"]), amount=st.integers(1, 400))
    def sells_for_something_else_and_cash(self, lines: list[dict[str, Any]], kind: str, amount: int) -> None:
        other = {"kind": kind, "amount_minor": amount, "reference": "R-1"}
        self._sell(lines, other, {"kind": "cash", "given_minor": AMPLE_MINOR})

    @precondition(lambda self: self.sold)
    @rule(which=st.integers(0, 100), with_more=st.booleans())
    def takes_one_piece_back(self, which: int, with_more: bool) -> None:
        document = self.sold[which % len(self.sold)]
        line = document["lines"][which % len(document["lines"])]
        if self.returned[line["line_id"]] == line["quantity_milli"]:
            return
        back = {
            "code": line["product_code"],
            "quantity": "-1",
            "returns": {"sale_id": document["sale_id"], "line_id": line["line_id"], "reason": "changed mind"},
        }
        if with_more:
            self._do(self._exchange(back))
        elif all(tender["kind"] == "cash" and not tender["foreign_currency"] for tender in document["tenders"]):
            self._do(self._refund(back))
        else:
            return
        self.returned[line["line_id"]] += 1_000

    async def _exchange(self, back: dict[str, Any]) -> None:
        dearer = {"code": "wine", "quantity": "2"}
        await self.anna.sells([back, dearer], {"kind": "cash", "given_minor": AMPLE_MINOR})

    async def _refund(self, back: dict[str, Any]) -> None:
        # A refusal says how much is due back; cash is paid out in coins that exist.
        refusal = (await self.anna.tries_to_sell([back])).json()
        due_minor = refusal["due_minor"]
        given_minor = -((2 - due_minor) // 5 * 5)
        await self.anna.sells([back], {"kind": "cash", "given_minor": given_minor})

    @precondition(lambda self: self.sold)
    @rule(which=st.integers(0, 100))
    def voids_a_sale(self, which: int) -> None:
        document = self.sold[which % len(self.sold)]
        if any(self.returned[line["line_id"]] for line in document["lines"]):
            return
        self._post(f"/sales/{document['sale_id']}/void", {"reason": "wrong customer"})
        self.sold.remove(document)

    @rule(kind=st.sampled_from(["cash_in", "cash_out"]), amount_minor=st.integers(1, 2_000))
    def moves_cash(self, kind: str, amount_minor: int) -> None:
        body = {"kind": kind, "currency": "PLN", "amount_minor": amount_minor, "reason": "bank"}
        self._post(f"/shifts/{self.shift_id}/cash-movements", body)

    @rule()
    def opens_the_drawer(self) -> None:
        self._post(f"/shifts/{self.shift_id}/drawer-openings", {"reason": "jammed"})

    @invariant()
    def x_report_equals_the_event_log(self) -> None:
        report = answered(self._do(self.anna.get(f"/shifts/{self.shift_id}/x-report")), 200)
        self.agrees_with_events(report)

    def agrees_with_events(self, report: dict[str, Any]) -> None:
        log = EventLog(self._do(self.shop.events(self.shift_id)))
        assert {one["kind"]: one["count"] for one in report["documents"] if one["count"]} == dict(log.documents)
        assert all(log.amounts[one["kind"]] == one["amount_minor"] for one in report["documents"])
        assert all(log.amounts[one["kind"]] == one["amount_minor"] for one in report["drawer"])
        assert report["document_count"] == len(log.numbers)
        if log.numbers:
            assert (report["first_number"], report["last_number"]) == (min(log.numbers), max(log.numbers))
        assert report["tendered_minor"] == report["total_minor"] == sum(log.tenders.values())
        assert {one["kind"]: one["amount_minor"] for one in report["tenders"]} == dict(log.tenders)
        assert {(tax["code"], tax["rate_ppm"]): tax["tax_minor"] for tax in report["taxes"]} == dict(log.taxes)
        assert {(tax["code"], tax["rate_ppm"]): tax["base_minor"] for tax in report["taxes"]} == dict(log.bases)
        assert all(log.goods[one["kind"]] == one["amount_minor"] for one in report["lines"])
        assert report["discount_minor"] == log.discount_minor
        assert report["rounding_minor"] == log.rounding_minor
        assert report["cash"]["expected_minor"] == log.cash_minor
        assert sum(cash["expected_minor"] for cash in report["foreign"]) == log.euro_minor
        assert report["differences"] == []

    def teardown(self) -> None:
        """Count what the events say is there: the Z finds no variance, and equals them too."""
        log = EventLog(self._do(self.shop.events(self.shift_id)))
        counts = [{"currency": "PLN", "denominations": _notes("PLN", log.cash_minor)}]
        counts += [{"currency": "EUR", "denominations": _notes("EUR", log.euro_minor)}]
        z = self._post(f"/shifts/{self.shift_id}/close", {"counts": counts}, 200)
        assert z["cash"]["variance_minor"] == 0
        assert [cash["variance_minor"] for cash in z["foreign"]] in ([], [0])
        self.agrees_with_events(z)


def _notes(currency: str, amount_minor: int) -> list[dict[str, int]]:
    notes = []
    for value_minor in denominations_of(currency):
        count, amount_minor = divmod(amount_minor, value_minor)
        notes.append({"value_minor": value_minor, "count": count})
    return notes


def test_totals_of_a_shift_equal_its_event_log_whatever_happens(postgres_server: DatabaseServer) -> None:
    with shop_in_a_thread(postgres_server) as (portal, shop):
        office = shop.person(None, "Office", frozenset({Permission.SALES_CONFIGURE}))
        answered(portal.call(office.asks, "PUT", "/exchange-rates/PLN/EUR", {"rate": "4.25"}), 200)
        machine = type("ShiftHistoryHere", (ShiftHistory,), {"portal": portal, "shop": shop})
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=EXAMPLES,
                stateful_step_count=STEPS,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )


def test_the_event_log_of_the_test_is_not_blind() -> None:
    """An event more or less is noticed, so the state machine cannot pass by comparing nothing."""
    moved = {"type": "cash_moved", "kind": "cash_out", "amount_minor": 70}
    assert EventLog([moved]).cash_minor == -70
    assert EventLog([moved, moved]).amounts["cash_out"] == 140
