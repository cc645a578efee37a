"""Slips of terminals: how much of them is kept, and where they stand on a receipt."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any
from uuid import UUID, uuid4

import pytest

from libs.contracts.sales import SaleCompleted
from libs.contracts.tenders import LONGEST_SLIP_LINE, MOST_SLIP_LINES
from services.sales.domain.completion import document_of
from services.sales.domain.receipt import card_name, make_receipt
from services.sales.domain.receipt_text import receipt_text
from services.sales.domain.slip import MerchantSlips, SlipCause, TenderSlips, slip_keys, slip_lines
from services.sales.domain.voiding import void_draft
from services.sales.receipt_message import receipt_message
from services.sales.receipt_page import receipt_page
from tests.unit.sales.documents import AT, Goods, card, cash, document, frozen_lines, priced_lines, seller_of, store

SLIP = ("    CORNER GROCERY", "VISA  **** 0119", "", "TOTAL          77.49", "APPROVED")


def paid_by_card(**changes: Any) -> SaleCompleted:
    """A sale of 25.49 by a card that also paid a tip of 2.00 and cash-back of 50.00, in instalments."""
    goods = [Goods("Tea", 2_549)]
    facts: dict[str, Any] = {
        "reference": "4711",
        "tip_minor": 200,
        "cash_back_minor": 5_000,
        "instalments": 3,
        "scheme": "visa",
        "masked_number": "476173******0119",
        "approval_code": "4711",
    }
    tender = card(2_549, **{**facts, **changes})
    return document(frozen_lines(goods, priced_lines(goods, store())), store(), [tender], sale_id=UUID(int=9))


def slips_of(sold: SaleCompleted, *lines: str, **changes: Any) -> TenderSlips:
    facts: dict[str, Any] = {
        "tender_id": sold.tenders[0].tender_id,
        "cause": SlipCause.AUTHORIZED,
        "sale_id": sold.sale_id,
        "customer": lines or SLIP,
        "merchant": ("FOR THE SHOP", *SLIP),
        "signature_required": False,
        "came_at": datetime(2025, 11, 19, 13, 2, 55, tzinfo=UTC),
    }
    return TenderSlips(**{**facts, **changes})


TEXT_EN = """\
TOTAL                            25,49 PLN
Card                                 25,49
  VISA **** 0119 · 4711 · Instalments: 3
Tip                                   2,00
Cash-back                            50,00
Charged to the card                  77,49
"""
SLIP_EN = """\
------------------------------------------
           Card · Customer copy
            *** DUPLICATE ***
    CORNER GROCERY
VISA  **** 0119

TOTAL          77.49
APPROVED
"""


def test_the_receipt_says_what_the_card_was_charged_and_ends_with_its_slip() -> None:
    sold = paid_by_card()
    shown = receipt_text(make_receipt(sold, store(), language="en", copy_number=2, slips=[slips_of(sold)]))
    assert TEXT_EN in shown
    assert shown.endswith(SLIP_EN)
    assert "DUPLICATE" not in receipt_text(make_receipt(sold, store(), language="en", slips=[slips_of(sold)]))


def test_payments_add_up_to_the_total_without_what_came_on_top() -> None:
    sold = paid_by_card()
    receipt = make_receipt(sold, store(), slips=[slips_of(sold)])
    assert sum(each.amount_minor for each in receipt.payments) == sold.total_minor
    assert [each.amount_minor for each in receipt.on_top] == [200, 5_000, 7_749]


def test_a_void_shows_the_slip_of_its_way_back() -> None:
    sold = paid_by_card()
    draft = void_draft(
        sold, seller_of(sold), void_sale_id=uuid4(), approved_by=None, reason="Wrong goods", new_id=uuid4
    )
    void = document_of(draft, 4813, AT)
    tender_id = sold.tenders[0].tender_id
    assert slip_keys(sold) == [(tender_id, SlipCause.AUTHORIZED)]
    assert slip_keys(void) == [(tender_id, SlipCause.RELEASED)]
    receipt = make_receipt(void, store(), slips=[slips_of(sold, "VOIDED", cause=SlipCause.RELEASED)])
    assert [each.lines for each in receipt.slips] == [("VOIDED",)]
    assert [each.amount_minor for each in receipt.on_top] == [-200, -5_000, -7_749]


def test_a_slip_that_only_the_shop_keeps_is_not_on_the_receipt() -> None:
    sold = paid_by_card()
    assert make_receipt(sold, store(), slips=[slips_of(sold, customer=())]).slips == ()


def test_no_row_of_a_wide_slip_is_wider_than_the_receipt() -> None:
    sold = paid_by_card()
    wide = slips_of(sold, "TERMINAL" + " " * 40 + "50101700", "X" * 80)
    rows = receipt_text(make_receipt(sold, store(), slips=[wide])).splitlines()
    assert rows[-3:] == ["TERMINAL 50101700", "X" * 42, "X" * 38]


def test_the_page_keeps_the_rows_of_a_slip_and_obeys_nothing_in_it() -> None:
    sold = paid_by_card()
    page = receipt_page(make_receipt(sold, store(), slips=[slips_of(sold, "A   B", "<script>alert(1)</script>")]))
    assert "<pre>A   B\n&lt;script&gt;alert(1)&lt;/script&gt;</pre>" in page


def test_the_mail_has_the_slip_in_its_text_and_on_its_page() -> None:
    sold = paid_by_card()
    message = receipt_message(
        make_receipt(sold, store(), slips=[slips_of(sold)]),
        email_id=UUID(int=5),
        sender="receipts@shop.example",
        address="anna@example.org",
        at=AT,
    )
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert isinstance(part, EmailMessage)
        assert "TOTAL          77.49\nAPPROVED" in part.get_content()


@pytest.mark.parametrize(
    ("scheme", "number", "name"),
    [
        ("visa", "476173******0119", "VISA **** 0119"),
        (None, "XXXXXXXXXXXX0119", "**** 0119"),
        ("Girocard", None, "GIROCARD"),
        ("mir", "************", "MIR"),
        (None, None, ""),
    ],
)
def test_rule_22_of_a_card_a_receipt_tells_the_last_four_digits_at_most(
    scheme: str | None, number: str | None, name: str
) -> None:
    assert card_name(scheme, number) == name


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (["", "A", "", "B", " ", ""], ("A", "", "B")),
        (["A\nB\r\nC"], ("A", "B", "C")),
        (["\x1b@VISA\x00"], (" @VISA",)),
        (["A\tB   "], ("A B",)),
        (["x" * 170], ("x" * 80, "x" * 80, "x" * 10)),
        ([], ()),
    ],
    ids=["empty rows around it", "line ends in a line", "control characters", "blanks", "too long a line", "nothing"],
)
def test_a_slip_is_kept_as_lines_that_drive_no_printer(sent: list[str], kept: tuple[str, ...]) -> None:
    assert slip_lines(sent) == kept


def test_no_slip_is_kept_beyond_the_contracts_limits() -> None:
    kept = slip_lines(["x" * 10_000] * 10_000)
    assert len(kept) == MOST_SLIP_LINES
    assert {len(line) for line in kept} == {LONGEST_SLIP_LINE}


def test_the_shops_slip_is_printed_as_the_chain_wants_it() -> None:
    unsigned, signed = slips_of(paid_by_card()), slips_of(paid_by_card(), signature_required=True)
    assert [each.prints_merchant(MerchantSlips.ALWAYS) for each in (unsigned, signed)] == [True, True]
    assert [each.prints_merchant(MerchantSlips.FOR_SIGNATURE) for each in (unsigned, signed)] == [False, True]
    assert [each.prints_merchant(MerchantSlips.NEVER) for each in (unsigned, signed)] == [False, False]


def test_without_a_slip_of_its_own_the_shop_has_the_customers_signed() -> None:
    alone = slips_of(paid_by_card(), merchant=(), signature_required=True)
    assert alone.to_sign == SLIP
    assert slips_of(paid_by_card(), merchant=()).to_sign == ()


def test_two_cards_have_two_slips_on_one_receipt() -> None:
    goods = [Goods("Tea", 2_549)]
    tenders = [card(1_000), cash(549, 549), card(1_000)]
    sold = document(frozen_lines(goods, priced_lines(goods, store())), store(), tenders)
    slips = [slips_of(sold, text, tender_id=tenders[at].tender_id) for text, at in (("FIRST", 0), ("SECOND", 2))]
    shown = receipt_text(make_receipt(sold, store(), language="en", slips=slips))
    heading = "-" * 42 + "\n           Card · Customer copy\n"
    assert shown.endswith(f"{heading}FIRST\n{heading}SECOND\n")
