"""The requests of nexo Retailer, field by field. Facts: protocols.md C.3."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from uuid import UUID

import pytest

from device_gateway.domain.card_operations import CardOperation
from device_gateway.drivers.terminal.nexo.messages import (
    Parties,
    PaymentAmounts,
    abort,
    payment,
    transaction_status,
    written_time,
)
from device_gateway.drivers.terminal.nexo.requests import CannotBeAsked, categories_of, money_request
from libs.contracts.terminals import CardReferences, TerminalAction

_AT = datetime(2026, 3, 2, 12, 0, 0, 250_000, timezone(timedelta(hours=1)))
_PARTIES = Parties("till-1", "V400m-324688179", "aoife")
_ORIGINAL = CardReferences(transaction_id="T1", transaction_time=datetime(2026, 3, 1, 9, tzinfo=UTC))
_SALE = CardOperation(
    operation_id=UUID(int=1), action="purchase", currency="PLN", amount_minor=6099, reference="R000000001"
)


def test_a_payment_with_cash_back_and_tip_is_this_message() -> None:
    request = payment("R000000001", PaymentAmounts("PLN", 6299, 5000, 200), _AT, _PARTIES)

    assert request.message(_PARTIES) == {
        "SaleToPOIRequest": {
            "MessageHeader": {
                "ProtocolVersion": "3.0",
                "MessageClass": "Service",
                "MessageCategory": "Payment",
                "MessageType": "Request",
                "ServiceID": "R000000001",
                "SaleID": "till-1",
                "POIID": "V400m-324688179",
            },
            "PaymentRequest": {
                "SaleData": {
                    "SaleTransactionID": {"TransactionID": "R000000001", "TimeStamp": "2026-03-02T11:00:00.250Z"},
                    "OperatorID": "aoife",
                },
                "PaymentTransaction": {
                    "AmountsReq": {
                        "Currency": "PLN",
                        "RequestedAmount": Decimal("62.99"),
                        "CashBackAmount": Decimal("50.00"),
                        "TipAmount": Decimal("2.00"),
                    }
                },
            },
        }
    }


def test_instalments_are_equal_monthly_payments_by_credit() -> None:
    request = money_request(replace(_SALE, instalments=6), "reversal", _AT, _PARTIES)

    assert request is not None
    assert request.body["PaymentData"] == {
        "PaymentType": "Instalment",
        "Instalment": {
            "InstalmentType": "EqualInstalments",
            "SequenceNumber": 1,
            "Period": 1,
            "PeriodUnit": "Monthly",
            "TotalNbOfPayments": 6,
        },
    }
    assert request.body["PaymentTransaction"]["TransactionConditions"] == {"DebitPreferredFlag": False}


def test_a_part_is_asked_for_with_purchases_only() -> None:
    purchase = money_request(_SALE, "reversal", _AT, _PARTIES, partial_approval=True)
    reserved = money_request(
        replace(_SALE, action="pre_authorisation"), "reversal", _AT, _PARTIES, partial_approval=True
    )

    assert purchase is not None
    assert reserved is not None
    assert purchase.body["SaleData"]["SaleToAcquirerData"] == "tenderOption=AllowPartialAuthorisation"
    assert "SaleToAcquirerData" not in reserved.body["SaleData"]


def test_a_reservation_is_raised_to_its_new_total() -> None:
    raised = money_request(
        replace(_SALE, action="increment", amount_minor=1000, original=_ORIGINAL, held_minor=5000),
        "reversal",
        _AT,
        _PARTIES,
    )

    assert raised is not None
    assert raised.body["PaymentTransaction"]["AmountsReq"] == {"Currency": "PLN", "RequestedAmount": Decimal("60.00")}


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    assert written_time(_AT) == "2026-03-02T11:00:00.250Z"


def test_status_and_abort_name_our_request() -> None:
    reference = {"MessageCategory": "Payment", "SaleID": "till-1", "ServiceID": "R000000001"}

    assert transaction_status("X1", "Payment", "R000000001", _PARTIES).body == {"MessageReference": reference}
    assert abort("X2", "Payment", "R000000001", _PARTIES).body == {
        "AbortReason": "MerchantAbort",
        "MessageReference": reference,
    }


@pytest.mark.parametrize(
    ("action", "category", "payment_type", "original"),
    [
        ("purchase", "Payment", None, False),
        ("refund", "Reversal", None, True),
        ("refund", "Payment", "Refund", False),
        ("reversal", "Reversal", None, True),
        ("pre_authorisation", "Payment", "FirstReservation", False),
        ("increment", "Payment", "UpdateReservation", True),
        ("completion", "Payment", "Completion", True),
        ("pre_authorisation_cancel", "Reversal", None, True),
    ],
)
def test_each_operation_has_its_request(
    action: TerminalAction, category: str, payment_type: str | None, original: bool
) -> None:
    wanted = replace(_SALE, action=action, original=_ORIGINAL if original else None, held_minor=5000)

    request = money_request(wanted, "reversal", _AT, _PARTIES)

    assert request is not None
    assert (request.category, request.body.get("PaymentData")) == (
        category,
        {"PaymentType": payment_type} if payment_type else None,
    )
    assert request.service_id == "R000000001"
    assert category in categories_of(action)
    if original:
        held = request.body if category == "Reversal" else request.body["PaymentTransaction"]
        assert held["OriginalPOITransaction"] == {
            "POITransactionID": {"TransactionID": "T1", "TimeStamp": "2026-03-01T09:00:00.000Z"}
        }


def test_a_refund_of_a_part_names_the_amount_and_a_reversal_does_not() -> None:
    refund = money_request(replace(_SALE, action="refund", original=_ORIGINAL), "reversal", _AT, _PARTIES)
    reversal = money_request(replace(_SALE, action="reversal", original=_ORIGINAL), "reversal", _AT, _PARTIES)

    assert refund is not None
    assert reversal is not None
    assert refund.body["ReversedAmount"] == Decimal("60.99")
    assert "ReversedAmount" not in reversal.body
    assert reversal.body["ReversalReason"] == "MerchantCancel"


def test_a_refund_may_be_sent_as_a_payment_of_its_type() -> None:
    refund = money_request(replace(_SALE, action="refund", original=_ORIGINAL), "payment", _AT, _PARTIES)

    assert refund is not None
    assert refund.body["PaymentData"] == {"PaymentType": "Refund"}


@pytest.mark.parametrize(
    ("wanted", "says", "code"),
    [
        (replace(_SALE, amount_minor=0), "The amount must be above zero", "amount-not-possible"),
        (replace(_SALE, action="reversal"), "id of the original transaction is not known", "original-not-known"),
        (replace(_SALE, reference="R0000000001"), "must have 1 to 10 characters", None),
        (replace(_SALE, currency="EUX"), "'EUX' is not an ISO 4217 currency code", "currency-not-supported"),
        (
            replace(_SALE, action="increment", original=_ORIGINAL),
            "must be told the new total",
            "held-amount-not-known",
        ),
        (
            replace(_SALE, action="pre_authorisation", instalments=3),
            "cannot take a payment in instalments",
            "instalments-not-supported",
        ),
        (
            replace(_SALE, action="pre_authorisation", cash_back_minor=100),
            "cannot hand out cash-back",
            "cash-back-not-supported",
        ),
    ],
)
def test_what_cannot_be_asked_says_why(wanted: CardOperation, says: str, code: str | None) -> None:
    with pytest.raises(CannotBeAsked, match=says) as refused:
        money_request(wanted, "reversal", _AT, _PARTIES)
    assert refused.value.refusal.reason_code == code
