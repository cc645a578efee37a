"""Gift cards by nexo's StoredValue messages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from device_gateway.drivers.terminal.nexo.stored_value import (
    StoredValueAccount,
    StoredValueAction,
    StoredValueDone,
    StoredValueOrder,
    StoredValueRefused,
    StoredValueUnclear,
    WrongOrder,
    read_stored_value_response,
    stored_value_request,
)

_SALE_DATA = {"SaleTransactionID": {"TransactionID": "R1", "TimeStamp": "2026-03-02T11:00:00.000Z"}}
_CARD = StoredValueAccount("6006490000000001")
_LOAD = StoredValueOrder("Load", "EUR", 2550, _CARD)


@pytest.mark.parametrize("action", ["Reserve", "Activate", "Load", "Unload"])
def test_an_order_for_a_card_names_card_amount_and_action(action: StoredValueAction) -> None:
    assert stored_value_request(StoredValueOrder(action, "EUR", 2550, _CARD), _SALE_DATA) == {
        "SaleData": _SALE_DATA,
        "StoredValueData": [
            {
                "StoredValueTransactionType": action,
                "Currency": "EUR",
                "ItemAmount": Decimal("25.50"),
                "StoredValueAccountID": {
                    "StoredValueAccountType": "GiftCard",
                    "IdentificationType": "BarCode",
                    "StoredValueID": "6006490000000001",
                    "EntryMode": ["Scanned"],
                },
            }
        ],
    }


@pytest.mark.parametrize("action", ["Reverse", "Duplicate"])
def test_undoing_and_repeating_name_the_first_transaction(action: StoredValueAction) -> None:
    order = StoredValueOrder(action, "EUR", 2550, original_transaction_id="T1")

    data = stored_value_request(order, _SALE_DATA)["StoredValueData"][0]
    assert data["OriginalPOITransaction"] == {"POITransactionID": {"TransactionID": "T1"}}


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (StoredValueOrder("Load", "EUR", 0, _CARD), "needs an amount above zero, not 0"),
        (StoredValueOrder("Activate", "EUR", -1, _CARD), "needs an amount above zero, not -1"),
        (StoredValueOrder("Load", "EUR", 1), "needs the card's number"),
        (StoredValueOrder("Reverse", "EUR", 1, _CARD), "needs the terminal's id of the first transaction"),
    ],
)
def test_an_order_that_lacks_something_is_refused(order: StoredValueOrder, says: str) -> None:
    with pytest.raises(WrongOrder, match=says):
        stored_value_request(order, _SALE_DATA)


def _done(**changes: Any) -> dict[str, Any]:
    result = {
        "StoredValueTransactionType": "Load",
        "Currency": "EUR",
        "ItemAmount": Decimal("25.50"),
        "StoredValueAccountStatus": {"CurrentBalance": Decimal("30.00")},
    }
    return {
        "Response": {"Result": "Success"},
        "POIData": {"POITransactionID": {"TransactionID": "T2"}},
        "StoredValueResult": [result | changes],
    }


def test_a_success_tells_amount_and_balance() -> None:
    assert read_stored_value_response(_done(), _LOAD) == StoredValueDone("T2", 2550, 3000)
    assert read_stored_value_response(_done(StoredValueAccountStatus={}), _LOAD) == StoredValueDone("T2", 2550, None)


def test_a_failure_tells_why() -> None:
    body = {"Response": {"Result": "Failure", "ErrorCondition": "Refusal", "AdditionalResponse": "expired"}}

    assert read_stored_value_response(body, _LOAD) == StoredValueRefused("Refusal", "expired")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Response": {"Result": "Failure"}},
        {"Response": {"Result": "Failure", "ErrorCondition": "UnreachableHost"}},
        {"Response": {"Result": "Success"}},
        {"Response": {"Result": "Success"}, "StoredValueResult": [1]},
        _done(StoredValueTransactionType="Unload"),
        _done(Currency="USD"),
        _done(ItemAmount=Decimal("1.234")),
        _done(StoredValueAccountStatus={"CurrentBalance": "lots"}),
    ],
)
def test_an_answer_that_is_not_certain_is_unclear(body: dict[str, Any]) -> None:
    assert isinstance(read_stored_value_response(body, _LOAD), StoredValueUnclear)
