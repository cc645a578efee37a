from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from services.sales.domain.tender import Tender
from services.sales.domain.till_devices import cash_reason, drawer_opening_id, receipt_job_id, z_report_job_id
from tests.unit.sales.documents import Goods, card, cash, document, frozen_lines, priced_lines, store

ID = UUID("0190a000-0000-7000-8000-0000000000aa")


def test_what_follows_from_a_document_has_the_same_id_for_ever() -> None:
    assert receipt_job_id(ID) == UUID("7521b696-a44f-5215-a135-f7d4c292f024")
    assert z_report_job_id(ID) == UUID("afd88b64-9922-5ba2-971f-017c0bda335c")
    assert drawer_opening_id(ID) == UUID("1fa0d889-8dc7-55bd-bdae-3e91b2e1caf2")
    assert receipt_job_id(uuid4()) != receipt_job_id(ID)


@pytest.mark.parametrize(
    ("quantity", "tenders", "reason"),
    [
        ("1", [cash(1_000, 2_000)], "cash_sale"),
        ("1", [cash(1_000, 1_000)], "cash_sale"),
        ("1", [card(400), cash(600, 1_000)], "cash_sale"),
        ("1", [card(1_000)], None),
        ("-1", [cash(-1_000, -1_000)], "cash_refund"),
        ("-1", [card(-1_000)], None),
    ],
)
def test_the_drawer_opens_when_cash_moves(quantity: str, tenders: list[Tender], reason: str | None) -> None:
    goods = [Goods("Tea", 1_000, quantity)]
    lines = frozen_lines(goods, priced_lines(goods, store()))
    assert cash_reason(document(lines, store(), tenders)) == reason
