"""The receipt: what it says, in which language, on which width."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from libs.contracts.sales import SaleCompleted
from libs.money import Unit
from libs.pricing import ProductSelector, Promotion, PromotionKind
from services.sales.domain.columns import COLUMNS, width
from services.sales.domain.completion import Seller, document_of
from services.sales.domain.receipt import Receipt, make_receipt
from services.sales.domain.receipt_labels import LABELS, LANGUAGES, Language, language_for
from services.sales.domain.receipt_text import receipt_text
from services.sales.domain.tender import Tender, TenderKind, TenderState
from services.sales.domain.voiding import void_draft
from services.sales.receipt_page import code_picture, receipt_page
from tests.unit.sales.documents import AT, Goods, card, cash, document, frozen_lines, priced_lines, sale, store

SALE_ID = UUID("0190a000-0000-7000-8000-0000000000aa")


def shopping() -> SaleCompleted:
    """Weighed and counted goods, a discount by hand, a promotion, two rates, card and rounded cash with change."""
    goods = [
        Goods("Banany", 199, "1.250", Unit.KILOGRAM, "reduced"),
        Goods(
            "Chleb żytni", 649, "2", tax_category="reduced", percent_discount_ppm=75_000, discount_reason="z wczoraj"
        ),
        Goods("Płyn do naczyń", 1299),
    ]
    promotion = Promotion(
        "p1",
        "Czysty listopad",
        PromotionKind.AMOUNT_OFF,
        ProductSelector(product_ids=frozenset({str(goods[2].product_id)})),
        amount_minor=200,
        currency="PLN",
    )
    lines = frozen_lines(goods, priced_lines(goods, store(), [promotion]))
    total_minor = sum(line.total_minor for line in lines)
    assert total_minor == 2_549
    return document(lines, store(), [card(1_000, reference="A1B2C3"), cash(1_549, 2_000)], sale_id=SALE_ID)


TEXT_PL = """\
              Corner Grocery
               ul. Długa 7
             00-238 Warszawa
              NIP 5260250995

Potwierdzenie zakupu Nr 4812
                     19 lis 2025, 14:03:07
Kasa 7                       Obsługa: Anna
------------------------------------------
Banany
  1,250 kg × 1,99                     2,49
Chleb żytni
  2 szt. × 6,49                      12,98
  Rabat 7,5 %                        -0,97
    z wczoraj
Płyn do naczyń
  1 szt. × 12,99                     12,99
  Czysty listopad                    -2,00
------------------------------------------
Wartość towarów                      28,46
Rabaty                               -2,97
SUMA                              25,49 zł
Zaokrąglenie                          0,01
Karta                                10,00
  A1B2C3
Gotówka                              20,00
Reszta                               -4,50
Oszczędzasz                        2,97 zł
------------------------------------------
                          Netto    Podatek
VAT 8 %                   13,43       1,07
VAT 23 %                   8,93       2,06
Ceny zawierają podatek.
------------------------------------------
          Dziękujemy za zakupy.
  Prosimy zachować to potwierdzenie: kod
      będzie potrzebny przy zwrocie.

"""


def test_the_text_is_what_the_till_prints() -> None:
    text = receipt_text(make_receipt(shopping(), store()))
    body, _, code = text.rstrip("\n").rpartition("\n")
    assert body + "\n" == TEXT_PL
    assert code.strip() == make_receipt(shopping(), store()).receipt_code


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Receipt No. 4812", "Cash", "TOTAL", "You saved", "Thank you", "25,49 PLN", "2 pc × 6,49")),
        ("pl", ("Potwierdzenie zakupu Nr 4812", "Gotówka", "SUMA", "25,49 zł", "2 szt. × 6,49")),
        ("ru", ("Товарный чек № 4812", "Наличные", "ИТОГО", "Сдача", "25,49 PLN", "1,250 кг × 1,99")),
        ("mn", ("Баримт № 4812", "Бэлэн мөнгө", "НИЙТ ДҮН", "Хариулт", "PLN 25.49", "2 ш × 6.49")),
        ("de", ("Kassenbeleg Nr. 4812", "Bar", "SUMME", "Rückgeld", "25,49 PLN", "2 Stk. × 6,49")),
        ("zh", ("购物小票 单号 4812", "现金", "合计", "找零", "PLN25.49", "2 件 × 6.49")),
    ],
)
def test_a_receipt_speaks_six_languages(language: Language, words: tuple[str, ...]) -> None:
    receipt = make_receipt(shopping(), store(), language=language)
    text = receipt_text(receipt)
    assert receipt.language == language
    for word in words:
        assert word in text
    assert all(width(row) <= COLUMNS for row in text.splitlines())
    assert f'<html lang="{language}">' in receipt_page(receipt)


def test_every_language_has_a_word_for_every_kind() -> None:
    assert set(LABELS) == set(LANGUAGES)
    for labels in LABELS.values():
        assert set(labels.titles) == {"sale", "return", "exchange", "void"}
        assert set(labels.tenders) == {kind.value for kind in TenderKind}
        assert set(labels.units) == {unit.value for unit in Unit}


@pytest.mark.parametrize(
    ("wishes", "language"),
    [
        (("pl",), "pl"),
        (("de-AT",), "de"),
        (("RU_ru",), "ru"),
        ((None, "mn"), "mn"),
        (("fr", "pl"), "pl"),
        (("fr", ""), "en"),
        ((), "en"),
    ],
)
def test_the_language_is_the_first_wish_that_can_be_met(wishes: tuple[str | None, ...], language: str) -> None:
    assert language_for(*wishes) == language


def test_amounts_are_given_in_minor_units_too_and_add_up() -> None:
    document = shopping()
    receipt = make_receipt(document, store())
    assert receipt.total.amount_minor == 2_549
    assert sum(line.net_minor for line in receipt.lines) == 2_549
    rounding, *paid = receipt.payments
    assert rounding.amount_minor == document.rounding_minor == 1
    assert sum(payment.amount_minor for payment in paid) == document.total_minor + document.rounding_minor == 2_550
    assert receipt.saved is not None
    assert receipt.saved.amount_minor == 297


def test_mongolian_money_keeps_the_two_digits_of_the_books() -> None:
    shop = store(country="MN", currency="MNT", language="mn", cash_rounding_minor=1, tax_number="5012345")
    text = receipt_text(make_receipt(sale([Goods("Сүү", 350_000, tax_category="mn")], shop), shop))
    assert "₮" in text
    assert "3,500.00" in text
    assert "НӨАТ 10 %" in text
    assert "НХАТ 2 %" in text


def test_exclusive_taxes_are_added_before_the_total() -> None:
    shop = store(country="US", currency="USD", language="en", tax_mode="exclusive", cash_rounding_minor=1)
    receipt = make_receipt(sale([Goods("Chair", 10_000)], shop), shop)
    assert [(each.label, each.amount_minor) for each in receipt.sums] == [
        ("Subtotal", 10_000),
        ("VAT 23\N{NO-BREAK SPACE}%", 2_300),
    ]
    assert (receipt.total.text, receipt.tax_note) == ("$123.00", "Tax is added to the prices.")


def test_foreign_cash_shows_its_own_amount_and_the_frozen_rate() -> None:
    goods = [Goods("Lamp", 4_000)]
    tender = replace(cash(4_000, 4_300, 5), foreign_currency="EUR", foreign_minor=1_000, exchange_rate="4.3000")
    shop = store(language="en")
    receipt = make_receipt(document(frozen_lines(goods, priced_lines(goods, shop)), shop, [tender]), shop)
    given, change = receipt.payments
    assert (given.label, given.amount_minor, change.label, change.amount_minor) == ("Cash", 4_300, "Change", -300)
    assert given.note == "10,00\N{NO-BREAK SPACE}€ · Rate 4,3000"


def returned(of: SaleCompleted) -> SaleCompleted:
    line = of.lines[2]
    back = line.model_copy(
        update={
            "line_id": uuid4(),
            "quantity_milli": -1000,
            "gross_minor": -line.gross_minor,
            "adjustments": tuple(
                each.model_copy(update={"amount_minor": -each.amount_minor}) for each in line.adjustments
            ),
            "net_minor": -line.net_minor,
            "taxes": (),
            "total_minor": -line.total_minor,
            "returns_sale_id": of.sale_id,
            "returns_line_id": line.line_id,
            "return_reason": "pęknięty",
        }
    )
    return document([back], store(), [cash(-1_099, -1_100)])


def test_a_return_names_its_receipt_and_says_what_was_given_back() -> None:
    receipt = make_receipt(returned(shopping()), store(language="en"))
    assert receipt.header.title == "Return"
    assert receipt.references == (f"From receipt {shopping().receipt_code}",)
    assert receipt.lines[0].notes == ("returned", "Reason: pęknięty")
    assert (receipt.total.label, receipt.total.amount_minor, receipt.total.text) == (
        "Refund",
        -1_099,
        "10,99\N{NO-BREAK SPACE}PLN",
    )
    assert [(each.label, each.amount_minor) for each in receipt.payments] == [
        ("Rounding", -1),
        ("Given back: Cash", -1_100),
    ]
    assert receipt.saved is None


def test_a_void_names_the_receipt_that_it_voids() -> None:
    sold = shopping()
    seller = Seller(
        sold.store_id,
        sold.till_id,
        sold.till_code,
        sold.shift_id,
        sold.staff_id,
        sold.staff_name,
        sold.business_date,
        sold.currency,
        sold.tax_mode,
        sold.tax_rounding,
    )
    draft = void_draft(sold, seller, void_sale_id=uuid4(), approved_by=None, reason="wrong", new_id=uuid4)
    receipt = make_receipt(document_of(draft, 4813, AT), store(language="de"))
    assert receipt.header.title == "Storno"
    assert receipt.references == (f"Storniert Beleg {sold.receipt_code}",)


def test_a_copy_and_a_voided_receipt_are_marked_as_such_everywhere() -> None:
    receipt = make_receipt(shopping(), store(), copy_number=2, voided=True)
    assert receipt.header.marks == ("KOPIA 2", "ANULOWANO")
    assert "*** KOPIA 2 ***" in receipt_text(receipt)
    assert "*** ANULOWANO ***" in receipt_text(receipt)
    page = receipt_page(receipt)
    assert "<li>KOPIA 2</li>" in page
    assert "<li>ANULOWANO</li>" in page
    assert "KOPIA" not in receipt_text(make_receipt(shopping(), store()))


def test_a_name_can_neither_drive_the_printer_nor_write_into_the_page() -> None:
    goods = [Goods("\x1b@<script>alert(1)</script>\u2028 &", 100)]
    shop = store(language="en", name="A & B <b>", receipt_footer="line one\nline two")
    receipt = make_receipt(sale(goods, shop), shop)
    assert "\x1b" not in receipt_text(receipt)
    page = receipt_page(receipt)
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "A &amp; B &lt;b&gt;" in page
    assert receipt.footer[:2] == ("line one", "line two")


def test_wide_and_endless_words_stay_inside_the_columns() -> None:
    goods = [
        Goods("純米大吟醸酒" * 8, 100),
        Goods("Donaudampfschifffahrtsgesellschaftskapitänsmützenband", 100),
        Goods("Cafe\u0301 " * 20, 123_456_789, "9999"),
    ]
    shop = store(name="X" * 100, language="en")
    rows = receipt_text(make_receipt(sale(goods, shop), shop)).splitlines()
    assert max(width(row) for row in rows) <= COLUMNS
    assert width("純米") == 4
    assert width("Cafe\u0301") == 4


def test_a_code_is_drawn_in_the_page_and_as_a_picture() -> None:
    receipt = make_receipt(shopping(), store())
    assert "<svg" in receipt_page(receipt)
    with_picture = receipt_page(receipt, picture="cid:receipt-code")
    assert "<svg" not in with_picture
    assert 'src="cid:receipt-code"' in with_picture
    assert code_picture(receipt.receipt_code).startswith(b"\x89PNG")


def test_a_page_asks_nobody_for_anything() -> None:
    page = receipt_page(make_receipt(shopping(), store()))
    for reach in ("<script", "http-equiv", "<link", "src=", "@import", "url("):
        assert reach not in page


def test_the_receipt_is_equal_for_equal_facts() -> None:
    sold = shopping()
    again = SaleCompleted.parse(sold.body())
    assert make_receipt(again, store()) == make_receipt(sold, store())
    assert isinstance(make_receipt(sold, store()), Receipt)


def test_points_and_vouchers_are_named() -> None:
    goods = [Goods("Lamp", 4_000)]
    shop = store(language="en")
    tenders = [
        Tender(uuid4(), TenderKind.VOUCHER, TenderState.AUTHORIZED, 1_000, reference="V-7"),
        Tender(uuid4(), TenderKind.GIFT_CARD, TenderState.AUTHORIZED, 3_000),
    ]
    receipt = make_receipt(document(frozen_lines(goods, priced_lines(goods, shop)), shop, tenders), shop)
    assert [(each.label, each.note) for each in receipt.payments] == [("Voucher", "V-7"), ("Gift card", "")]
