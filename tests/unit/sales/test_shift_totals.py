"""Running totals, the X and Z made of them, and what they say on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from uuid import UUID, uuid4

import pytest

from services.sales.domain.cash_count import CashCount
from services.sales.domain.completion import contributions_of, document_of
from services.sales.domain.receipt_labels import LANGUAGES
from services.sales.domain.report_labels import REPORT_LABELS
from services.sales.domain.report_text import report_text
from services.sales.domain.reports import Closing, Difference, Premises, ShiftReport, ShiftTotals, x_report, z_report
from services.sales.domain.shift import Shift
from services.sales.domain.tender import Tender, TenderKind, TenderState
from services.sales.domain.totals import Contribution, merged
from services.sales.domain.voiding import void_draft
from tests.unit.sales.documents import (
    Goods,
    card,
    cash,
    document,
    frozen_lines,
    priced_lines,
    sale,
    seller_of,
    store,
)

SHOP = store(language="en", name="Corner Grocery")
ANNA = UUID("0190a000-0000-7000-8000-000000000700")
SHIFT = Shift(
    shift_id=UUID("0190a000-0000-7000-8000-000000000070"),
    store_id=SHOP.store_id,
    till_id=UUID("0190a000-0000-7000-8000-000000000007"),
    staff_id=ANNA,
    staff_name="Anna Kowalska",
    currency="PLN",
    business_date=date(2025, 11, 19),
    opened_at=datetime(2025, 11, 19, 7, 2, tzinfo=UTC),
    first_number=101,
    last_number=153,
)
CLOSED_AT = datetime(2025, 11, 19, 18, 42, tzinfo=UTC)
PREMISES = Premises(SHOP, "07")

TRADED = (
    Contribution("documents", "sale", 50, 1_234_567),
    Contribution("documents", "return", 2, -4_500),
    Contribution("documents", "exchange", 1, 350),
    Contribution("lines", "sold", 312, 1_300_000),
    Contribution("lines", "returned", 3, -5_100),
    Contribution("discount", "promotion", 40, -60_000),
    Contribution("discount", "line_percent", 3, -4_483),
    Contribution("tax", "VAT:230000", 53, 200_000, 869_565),
    Contribution("tax", "VAT:80000", 20, 11_888, 148_964),
    Contribution("tender", "cash", 40, 800_417),
    Contribution("tender", "card", 10, 430_000),
    Contribution("rounding", "cash", 7, 3),
    Contribution("foreign", "EUR", 2, 42_500, 10_000),
    Contribution("drawer", "float", 1, 20_000),
    Contribution("drawer", "cash_in", 1, 5_000),
    Contribution("drawer", "cash_out", 2, 700_000),
    Contribution("drawer", "no_sale", 3, 0),
    Contribution("voided", "sale", 1, 1_299),
)


def closing(*counts: CashCount) -> Closing:
    return Closing(12, counts, ANNA, "Anna Kowalska", None, [], 0)


def x_of(totals: list[Contribution]) -> ShiftReport:
    return x_report(SHIFT, ShiftTotals(totals), PREMISES, CLOSED_AT)


def z_of(totals: list[Contribution], *counts: CashCount) -> ShiftReport:
    return z_report(SHIFT, ShiftTotals(totals), PREMISES, CLOSED_AT, closing(*counts))


def test_rule_24_expected_cash_is_float_and_movements_and_cash_taken_without_what_came_in_foreign_notes() -> None:
    # 200.00 + 50.00 - 7000.00 + 8004.17 + 0.03 - 425.00
    assert ShiftTotals(TRADED).expected_cash_minor == 82_920


def test_expected_cash_of_an_untouched_shift_is_zero() -> None:
    assert ShiftTotals([]).expected_cash_minor == 0


def test_rule_1_cash_that_was_rounded_is_expected_as_the_coins_that_changed_hands() -> None:
    # 12.98 due, 12.98 rounds to 13.00; 20.00 given, 7.00 back: the drawer gains 13.00.
    goods = [Goods("Tea", 1_298)]
    lines = frozen_lines(goods, priced_lines(goods, SHOP))
    sold = document(lines, SHOP, [cash(1_298, 2_000)])
    totals = ShiftTotals(contributions_of(sold))
    assert totals.expected_cash_minor == 1_300
    assert totals.amount("documents") == 1_298
    assert totals.amount("rounding") == 2


def test_rule_16_foreign_notes_are_expected_in_their_own_currency_and_the_change_leaves_the_local_cash() -> None:
    # 80.00 PLN due; 20.00 EUR at 4.25 are 85.00 PLN, 5.00 PLN change is given.
    goods = [Goods("Vase", 8_000)]
    lines = frozen_lines(goods, priced_lines(goods, SHOP))
    euros = Tender(
        uuid4(),
        TenderKind.CASH,
        TenderState.AUTHORIZED,
        amount_minor=8_000,
        given_minor=8_500,
        change_minor=500,
        foreign_currency="EUR",
        foreign_minor=2_000,
        exchange_rate="4.25",
    )
    report = x_of(contributions_of(document(lines, SHOP, [euros])))
    assert report.cash.expected_minor == -500
    assert [(cash.currency, cash.expected_minor) for cash in report.foreign] == [("EUR", 2_000)]
    assert report.tendered_minor == 8_000


def test_rules_14_and_15_tips_and_cash_back_are_lines_of_their_own_and_a_void_takes_them_back() -> None:
    goods = [Goods("Tea", 2_549)]
    lines = frozen_lines(goods, priced_lines(goods, SHOP))
    sold = document(lines, SHOP, [card(2_549, tip_minor=200, cash_back_minor=5_000)])
    report = x_of(contributions_of(sold))
    assert (report.total_minor, report.tendered_minor, report.tax_minor) == (2_549, 2_549, 477)
    assert (report.tip_minor, report.cash_back_minor, report.cash.expected_minor) == (200, 5_000, -5_000)
    assert [(each.kind, each.amount_minor) for each in report.charged] == [("card", 7_749)]
    assert report.differences == ()
    rows = report_text(report).splitlines()
    tenders = rows.index("TENDERS")
    assert rows[tenders + 1 : tenders + 6] == [
        "Card                       1         25.49",
        "Total                                25.49",
        "Tips                       1          2.00",
        "Cash-back                  1         50.00",
        "Charged in all                       77.49",
    ]
    assert "Taken in sales                        0.00" in rows
    assert "Cash-back                           -50.00" in rows
    assert "Expected cash                       -50.00" in rows
    draft = void_draft(
        sold, seller_of(sold), void_sale_id=uuid4(), approved_by=None, reason="Wrong goods", new_id=uuid4
    )
    void = document_of(draft, 4813, CLOSED_AT)
    assert x_of(merged([*contributions_of(sold), *contributions_of(void)])).cash.expected_minor == 0
    assert merged([one for one in [*contributions_of(sold), *contributions_of(void)] if one.kind == "cash_back"]) == [
        Contribution("cash_back", "card", 2, 0)
    ]


def test_a_z_report_of_before_cash_back_can_still_be_read() -> None:
    frozen = z_of(list(TRADED)).model_dump(mode="json")
    for name in ("tips", "tip_minor", "cash_backs", "cash_back_minor", "charged"):
        del frozen[name]
    assert ShiftReport.model_validate(frozen) == z_of(list(TRADED))


def test_x_and_z_right_after_it_differ_only_in_what_the_close_adds() -> None:
    added = {
        "kind", "z_number", "closed_by", "closed_by_name", "approved_by", "cash", "foreign", "missing_numbers",
        "carried_basket_count",
    }  # fmt: skip
    x, z = x_of(list(TRADED)), z_of(list(TRADED), CashCount.of("PLN", [(10_000, 8)], field="counts"))
    assert x.model_dump(exclude=added) == z.model_dump(exclude=added)
    assert x.cash.expected_minor == z.cash.expected_minor == 82_920
    assert (z.cash.counted_minor, z.cash.variance_minor) == (80_000, -2_920)
    assert x.cash.counted_minor is None


def test_rule_24_foreign_notes_that_nobody_counted_are_a_variance_and_so_are_notes_that_nobody_expected() -> None:
    report = z_of(
        list(TRADED),
        CashCount.of("PLN", [], field="counts"),
        CashCount.of("USD", [(2_000, 1)], field="counts"),
    )
    assert [(cash.currency, cash.expected_minor, cash.variance_minor) for cash in report.foreign] == [
        ("EUR", 10_000, -10_000),
        ("USD", 0, 2_000),
    ]


def test_report_of_real_documents_adds_up_and_keeps_returns_apart() -> None:
    goods = [Goods("Bread", 450, "2", tax_category="reduced"), Goods("Wine", 3_999, percent_discount_ppm=100_000)]
    lines = frozen_lines(goods, priced_lines(goods, SHOP))
    sold = document(lines, SHOP, [card(2_000), cash(2_499, 2_500)])
    mirrored = [
        line.model_copy(
            update={
                "quantity_milli": -line.quantity_milli,
                "gross_minor": -line.gross_minor,
                "net_minor": -line.net_minor,
                "total_minor": -line.total_minor,
                "adjustments": (),
                "taxes": tuple(
                    tax.model_copy(update={"base_minor": -tax.base_minor, "tax_minor": -tax.tax_minor})
                    for tax in line.taxes
                ),
            }
        )
        for line in lines[:1]
    ]
    returned = document(mirrored, SHOP)
    report = x_of(merged([*contributions_of(sold), *contributions_of(returned)]))
    assert [(one.kind, one.count, one.amount_minor) for one in report.documents] == [
        ("sale", 1, 4_499),
        ("return", 1, -900),
        ("exchange", 0, 0),
        ("void", 0, 0),
    ]
    assert (report.document_count, report.total_minor, report.tendered_minor) == (2, 3_599, 3_599)
    assert [(one.kind, one.count, one.amount_minor) for one in report.lines] == [
        ("sold", 2, 4_899),
        ("returned", 1, -900),
    ]
    assert [(one.kind, one.count, one.amount_minor) for one in report.discounts] == [("line_percent", 1, -400)]
    # 9.00 at 8 % came and went; 35.99 at 23 % stays: 29.26 + 6.73.
    assert [(tax.rate_ppm, tax.base_minor, tax.tax_minor) for tax in report.taxes] == [
        (230_000, 2_926, 673),
        (80_000, 0, 0),
    ]
    assert report.rounding_minor == 1
    assert report.differences == ()


def test_tax_on_top_of_prices_is_no_difference() -> None:
    american = store(tax_mode="exclusive", currency="USD", cash_rounding_minor=1)
    report = x_of(contributions_of(sale([Goods("Mug", 1_000)], american)))
    assert (report.gross_minor, report.tax_minor, report.total_minor) == (1_000, 230, 1_230)
    assert report.differences == ()


def test_totals_that_contradict_each_other_are_said_aloud() -> None:
    tampered = [replace(one, amount_minor=430_001) if one.key == "card" else one for one in TRADED]
    report = x_of(tampered)
    assert report.differences == (Difference(name="tenders", expected_minor=1_230_417, found_minor=1_230_418),)
    assert "*** DOES NOT ADD UP ***" in report_text(report)


def test_merged_sums_what_has_one_kind_and_key_and_drops_what_adds_nothing() -> None:
    assert merged(
        [
            Contribution("tender", "cash", 1, 500),
            Contribution("tax", "VAT:230000", 1, 93, 407),
            Contribution("tender", "cash", 1, -200),
            Contribution("rounding", "cash", 0, 0),
        ]
    ) == [Contribution("tax", "VAT:230000", 1, 93, 407), Contribution("tender", "cash", 2, 300)]


Z_TEXT = """\
              Corner Grocery
               Z REPORT 12
==========================================
Till                                    07
Cashier                      Anna Kowalska
Business date                   2025-11-19
Opened                    2025-11-19 08:02
Closed                    2025-11-19 19:42
Documents                        101 - 153
Amounts in                             PLN
------------------------------------------
DOCUMENTS
Sales                     50     12,345.67
Returns                    2        -45.00
Exchanges                  1          3.50
Voids                      0          0.00
Total                     53     12,304.17
------------------------------------------
GOODS
Sold                     312     13,000.00
Brought back               3        -51.00
Discounts on lines, %      3        -44.83
Promotions                40       -600.00
After discounts                  12,304.17
------------------------------------------
TAXES                      Net         Tax
VAT 23 %              8,695.65    2,000.00
VAT 8 %               1,489.64      118.88
Total                             2,118.88
------------------------------------------
TENDERS
Card                      10      4,300.00
Cash                      40      8,004.17
Total                            12,304.17
Cash rounding                         0.03
------------------------------------------
VOIDED
Sales                      1         12.99
------------------------------------------
DRAWER
Float                               200.00
Cash in                    1         50.00
Cash out                   2     -7,000.00
Opened, no sale            3
Taken in sales                    7,579.20
Expected cash                       829.20
  1 x 500.00                        500.00
  3 x 100.00                        300.00
  2 x 10.00                          20.00
Counted cash                        820.00
Variance: SHORT                      -9.20
------------------------------------------
FOREIGN CASH
EUR
Expected cash                       100.00
  2 x 50.00                         100.00
Counted cash                        100.00
Variance: exact                       0.00
==========================================
"""


def test_z_report_reads_well_on_42_columns() -> None:
    report = z_of(
        list(TRADED),
        CashCount.of("PLN", [(1_000, 2), (50_000, 1), (10_000, 3), (1, 0)], field="counts"),
        CashCount.of("EUR", [(5_000, 2)], field="counts"),
    )
    assert report_text(report) == Z_TEXT


def test_x_report_says_when_it_was_printed_and_what_should_be_in_the_drawer_but_no_count() -> None:
    text = report_text(x_of(list(TRADED)))
    assert text.splitlines()[1].strip() == "X REPORT"
    assert "Printed                   2025-11-19 19:42\n" in text
    assert "Expected cash                       829.20\n" in text
    assert "Counted" not in text


def test_close_by_a_manager_for_a_colleague_names_the_manager_on_paper() -> None:
    manager = Closing(12, [CashCount("PLN", ())], uuid4(), "Maria Nowak", None, [(110, 112), (115, 115)], 2)
    text = report_text(z_report(SHIFT, ShiftTotals(TRADED), PREMISES, CLOSED_AT, manager))
    assert "Closed by                      Maria Nowak\n" in text
    assert "Not arrived                      110 - 112\n" in text
    assert "Not arrived                            115\n" in text
    assert "Baskets left open                        2\n" in text


@pytest.mark.parametrize(
    ("language", "row"),
    [
        ("pl-PL", "Razem                     53     12 304,17"),
        ("ru", "Итого                     53     12 304,17"),
        ("mn", "Нийт                      53     12,304.17"),
        ("de", "Summe                     53     12.304,17"),
        ("fr", "Total                     53     12,304.17"),
    ],
)
def test_report_speaks_the_language_of_the_store(language: str, row: str) -> None:
    premises = Premises(store(language=language, name="Sklep"), "07")
    counts = [CashCount("PLN", ())]
    text = report_text(
        z_report(SHIFT, ShiftTotals(TRADED), premises, CLOSED_AT, Closing(1, counts, ANNA, "", None, [], 0))
    )
    assert row in text.splitlines()
    assert max(len(line) for line in text.splitlines()) == 42


def test_a_number_or_name_too_long_for_its_row_is_shown_whole_on_the_next() -> None:
    long_name = replace(SHIFT, staff_name="Anna Maria Katarzyna Kowalska-Brzęczyszczykiewicz")
    huge = [Contribution("documents", "sale", 1_000_000, 9_007_199_254_740_991)]
    rows = report_text(x_report(long_name, ShiftTotals(huge), PREMISES, CLOSED_AT)).splitlines()
    assert max(len(row) for row in rows) == 42
    assert "1000000 90,071,992,547,409.91" in " ".join(" ".join(rows).split())


def test_yen_have_no_decimals_on_paper() -> None:
    shop = store(currency="JPY", language="en")
    report = x_report(
        replace(SHIFT, currency="JPY"), ShiftTotals([Contribution("drawer", "float", 1, 30_000)]), Premises(shop, "1"),
        CLOSED_AT,
    )  # fmt: skip
    assert "Float                               30,000" in report_text(report)


def test_every_label_fits_beside_its_numbers_in_every_language() -> None:
    discounts = [
        Contribution("discount", kind, 12, -1_234_567)
        for kind in REPORT_LABELS["en"].discount_kinds
        if kind != "promotion"
    ]
    counts = [CashCount.of("PLN", [(20_000, 1)], field="counts"), CashCount.of("EUR", [(5_000, 2)], field="counts")]
    manager = Closing(12, counts, uuid4(), "Maria Nowak", uuid4(), [(110, 112)], 1)
    rows = {}
    for language in LANGUAGES:
        premises = Premises(store(language=language), "07")
        on_top = [Contribution("tip", "card", 12, 1_234_567), Contribution("cash_back", "card", 12, 1_234_567)]
        totals = ShiftTotals(merged([*TRADED, *discounts, *on_top]))
        rows[language] = len(report_text(z_report(SHIFT, totals, premises, CLOSED_AT, manager)).splitlines())
    assert set(rows.values()) == {rows["en"]}
