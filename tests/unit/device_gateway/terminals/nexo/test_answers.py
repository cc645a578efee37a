"""What a nexo response says of the operation; a wrong answer is in doubt, never an error."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from device_gateway.domain.card_operations import Approved, CardOperation, Declined, NotFound, Slips, Unknown
from device_gateway.drivers.terminal.nexo import answers
from libs.contracts.terminals import CardFacts, CardReferences, SchemeTotal

_SALE = CardOperation(
    operation_id=UUID(int=1), action="purchase", currency="EUR", amount_minor=1234, reference="R000000001"
)
_INQUIRY = replace(_SALE, action="inquiry", reference="R000000002", sent_reference="R000000001", sent_amount_minor=1234)
_SUCCESS = {"Result": "Success"}


def _failure(condition: str | None) -> dict[str, Any]:
    return {"Response": {"Result": "Failure", "ErrorCondition": condition}}


def _paid(authorised: object = Decimal("12.34"), result: str = "Success", currency: str = "EUR") -> dict[str, Any]:
    return {
        "Response": {"Result": result},
        "POIData": {"POITransactionID": {"TransactionID": "T1", "TimeStamp": "2026-03-02T11:00:00.000Z"}},
        "PaymentResult": {
            "AmountsResp": {"Currency": currency, "AuthorizedAmount": authorised},
            "PaymentInstrumentData": {
                "CardData": {"MaskedPan": "443056 **** 1234", "PaymentBrand": "visa", "EntryMode": ["Contactless"]}
            },
            "PaymentAcquirerData": {
                "AcquirerPOIID": "TERM1",
                "AcquirerTransactionID": {"TransactionID": "RRN1", "TimeStamp": "2026-03-02T11:00:00.000Z"},
                "ApprovalCode": "123456",
            },
        },
    }


def _slip(qualifier: str, *texts: str, signature: bool = False) -> dict[str, Any]:
    return {
        "DocumentQualifier": qualifier,
        "RequiredSignatureFlag": signature,
        "OutputContent": {"OutputFormat": "Text", "OutputText": [{"Text": text} for text in texts]},
    }


def test_an_approval_tells_amount_card_references_and_slips() -> None:
    body = _paid() | {
        "PaymentReceipt": [
            _slip("CashierReceipt", "name=Total&value=12.34&key=total", "Signature:", signature=True),
            _slip("CustomerReceipt", "name=Thank%20you&key=thanks"),
        ]
    }

    assert answers.outcome_of_payment(body, _SALE) == Approved(
        1234,
        CardFacts(masked_number="443056****1234", scheme="visa", entry_mode="Contactless"),
        CardReferences(
            terminal_id="TERM1",
            approval_code="123456",
            retrieval_reference="RRN1",
            transaction_id="T1",
            transaction_time=datetime(2026, 3, 2, 11, tzinfo=UTC),
        ),
        Slips(
            ("Thank you",),
            ("Total                      12.34", "Signature:", "", "X_______________________"),
            signature_required=True,
        ),
    )


def test_a_whole_card_number_is_masked_everywhere() -> None:
    body = _paid() | {"PaymentReceipt": [_slip("CustomerReceipt", "PAN 4111111111111111")]}
    body["PaymentResult"]["PaymentInstrumentData"]["CardData"]["MaskedPan"] = "4111111111111111"
    result = answers.outcome_of_payment(body, _SALE)

    assert isinstance(result, Approved)
    assert result.card is not None
    assert result.card.masked_number == "411111******1111"
    assert "4111111111111111" not in repr(result)


def _with_shares(authorised: str, **shares: object) -> dict[str, Any]:
    body = _paid(Decimal(authorised))
    body["PaymentResult"]["AmountsResp"] |= shares
    return body


def test_cash_back_and_tip_are_what_the_terminal_names() -> None:
    asked = replace(_SALE, cash_back_minor=500, tip_minor=100)
    told = answers.outcome_of_payment(
        _with_shares("12.34", CashBackAmount=Decimal("5.00"), TipAmount=Decimal("1.00")), asked
    )
    silent = answers.outcome_of_payment(_paid(), asked)

    assert isinstance(told, Approved)
    assert (told.cash_back_minor, told.tip_minor) == (500, 100)
    assert isinstance(silent, Approved)
    assert (silent.cash_back_minor, silent.tip_minor) == (None, None)


def test_more_than_asked_is_approved_only_by_what_the_tip_grew() -> None:
    asked = replace(_SALE, tip_minor=100)
    larger = answers.outcome_of_payment(_with_shares("13.84", TipAmount=Decimal("2.50")), asked)

    assert isinstance(larger, Approved)
    assert (larger.amount_minor, larger.tip_minor) == (1384, 250)
    assert isinstance(answers.outcome_of_payment(_with_shares("13.85", TipAmount=Decimal("2.50")), asked), Unknown)
    assert isinstance(
        answers.outcome_of_payment(_with_shares("13.84", TipAmount=Decimal("2.50")), replace(asked, tip_minor=200)),
        Unknown,
    )


@pytest.mark.parametrize(
    "shares", [{"TipAmount": Decimal("-1.00")}, {"CashBackAmount": Decimal("12.35")}, {"TipAmount": "much"}]
)
def test_shares_that_make_no_sense_leave_it_in_doubt(shares: dict[str, object]) -> None:
    assert isinstance(answers.outcome_of_payment(_with_shares("12.34", **shares), _SALE), Unknown)


def test_a_raised_reservation_is_approved_for_what_it_grew_by() -> None:
    increment = replace(_SALE, action="increment", held_minor=5000)
    inquiry = replace(_INQUIRY, sent_action="increment", held_minor=5000)
    results = [answers.outcome_of_payment(_paid(Decimal("62.34")), asked) for asked in (increment, inquiry)]

    assert [result.amount_minor for result in results if isinstance(result, Approved)] == [1234, 1234]
    assert isinstance(answers.outcome_of_payment(_paid(Decimal("49.99")), increment), Unknown)


def test_the_number_of_instalments_is_the_terminals_and_else_the_one_that_was_asked() -> None:
    asked = replace(_SALE, instalments=6)
    told = _paid()
    told["PaymentResult"]["Instalment"] = {"TotalNbOfPayments": 3}
    strange = _paid()
    strange["PaymentResult"]["Instalment"] = {"TotalNbOfPayments": 1000}
    results = [answers.outcome_of_payment(body, asked) for body in (told, _paid(), strange)]

    assert [result.card.instalments for result in results if isinstance(result, Approved) and result.card] == [3, 6, 6]


def test_where_the_customer_signs_the_merchants_slip_has_a_line_for_it() -> None:
    bare = _paid() | {"PaymentReceipt": [_slip("CashierReceipt", "Please sign", signature=True)]}
    ruled = _paid() | {"PaymentReceipt": [_slip("CashierReceipt", "____________", signature=True)]}
    results = [answers.outcome_of_payment(body, _SALE) for body in (bare, ruled)]

    assert [result.slips for result in results if isinstance(result, Approved)] == [
        Slips((), ("Please sign", "", "X_______________________"), signature_required=True),
        Slips((), ("____________",), signature_required=True),
    ]


def test_a_partial_approval_is_for_the_amount_it_names() -> None:
    result = answers.outcome_of_payment(_paid(Decimal("5.00"), "Partial"), _SALE)

    assert isinstance(result, Approved)
    assert result.amount_minor == 500
    assert isinstance(answers.outcome_of_payment(_paid(None, "Partial"), _SALE), Unknown)


@pytest.mark.parametrize("condition", list(answers.CERTAIN_REFUSALS))
def test_these_conditions_say_that_no_money_moved(condition: str) -> None:
    assert answers.outcome_of_payment(_failure(condition), _SALE) == Declined(
        condition, answers.CERTAIN_REFUSALS[condition]
    )


@pytest.mark.parametrize("condition", ["InProgress", "UnreachableHost", "SomethingNew", None])
def test_these_conditions_and_unknown_ones_leave_it_in_doubt(condition: str | None) -> None:
    assert isinstance(answers.outcome_of_payment(_failure(condition), _SALE), Unknown)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Response": "Success"},
        {"Response": {"Result": "Perhaps"}},
        _paid(Decimal("12.35")),
        _paid(Decimal("-1.00")),
        _paid(Decimal("12.345")),
        _paid("much"),
        _paid(currency="USD"),
    ],
)
def test_a_wrong_answer_is_in_doubt(body: dict[str, Any]) -> None:
    assert isinstance(answers.outcome_of_payment(body, _SALE), Unknown)


def test_a_reversal_is_for_what_it_names_or_what_was_asked() -> None:
    full = answers.outcome_of_reversal({"Response": _SUCCESS}, _SALE)
    part = answers.outcome_of_reversal({"Response": _SUCCESS, "ReversedAmount": Decimal("5.00")}, _SALE)
    unasked = answers.outcome_of_reversal(
        {"Response": _SUCCESS, "ReversedAmount": Decimal("5.00")}, replace(_SALE, amount_minor=0)
    )

    assert [result.amount_minor for result in (full, part, unasked) if isinstance(result, Approved)] == [1234, 500, 500]


def _repeated(category: str, service_id: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "Response": _SUCCESS,
        "RepeatedMessageResponse": {
            "MessageHeader": {"MessageCategory": category, "ServiceID": service_id},
            "RepeatedResponseMessageBody": {f"{category}Response": body},
        },
    }


def test_an_inquiry_finds_the_stored_answer() -> None:
    approved = answers.outcome_of_status(_repeated("Payment", "R000000001", _paid()), _INQUIRY, "Payment")
    declined = answers.outcome_of_status(
        _repeated("Payment", "R000000001", _failure("UnreachableHost")), _INQUIRY, "Payment"
    )

    assert isinstance(approved, Approved)
    assert approved.amount_minor == 1234
    assert declined == Declined("UnreachableHost", "The terminal reports UnreachableHost.")


def test_an_inquiry_tells_in_progress_from_not_found() -> None:
    assert isinstance(answers.outcome_of_status(_failure("InProgress"), _INQUIRY, "Payment"), Unknown)
    assert isinstance(answers.outcome_of_status(_failure("NotFound"), _INQUIRY, "Payment"), NotFound)
    assert isinstance(answers.outcome_of_status(_failure("Busy"), _INQUIRY, "Payment"), Unknown)
    assert isinstance(answers.outcome_of_status({}, _INQUIRY, "Payment"), Unknown)


def test_the_stored_answer_to_another_request_is_not_ours() -> None:
    for category, service_id in (("Payment", "R000000009"), ("Reversal", "R000000001")):
        body = _repeated(category, service_id, _paid())
        assert isinstance(answers.outcome_of_status(body, _INQUIRY, "Payment"), Unknown)


def test_totals_are_by_scheme_with_refunds_apart() -> None:
    def total(kind: str, count: object, sum_: object) -> dict[str, Any]:
        return {"TransactionType": kind, "TransactionCount": count, "TransactionAmount": sum_}

    body = {
        "Response": _SUCCESS,
        "TransactionTotals": [
            {
                "CardBrand": "visa",
                "PaymentCurrency": "EUR",
                "PaymentTotals": [
                    total("Debit", 3, Decimal("30.00")),
                    total("ReverseDebit", "1", "10.00"),
                    total("Credit", 1, Decimal("5.50")),
                ],
            }
        ],
    }
    result = answers.outcome_of_reconciliation(body)

    assert isinstance(result, Approved)
    assert result.totals == (
        SchemeTotal(scheme="visa", sale_count=2, sale_minor=2000, refund_count=1, refund_minor=550),
    )


def _full_body() -> dict[str, Any]:
    """A body that has everything that any response may have."""
    paid = _paid() | {"PaymentReceipt": [_slip("CustomerReceipt", "name=Total&value=12.34&key=total")]}
    paid["PaymentResult"]["AmountsResp"] |= {"CashBackAmount": Decimal("2.00"), "TipAmount": Decimal("0.00")}
    paid["PaymentResult"]["Instalment"] = {"TotalNbOfPayments": 2}
    total = {"TransactionType": "Debit", "TransactionCount": 1, "TransactionAmount": Decimal("12.34")}
    return (
        paid
        | {
            "ReversedAmount": Decimal("12.34"),
            "TransactionTotals": [{"CardBrand": "visa", "PaymentCurrency": "EUR", "PaymentTotals": [total]}],
            "PaymentAccountStatus": {"CurrentBalance": Decimal("5.00"), "Currency": "EUR"},
            "POIStatus": {"GlobalStatus": "OK"},
        }
        | {key: value for key, value in _repeated("Payment", "R000000001", paid).items() if key != "Response"}
    )


def _places(value: object, here: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every part of a body."""
    inner: list[tuple[str | int, object]] = []
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    return [here, *(place for key, held in inner for place in _places(held, (*here, key)))]


def _with(body: Any, place: tuple[str | int, ...], wrong: object) -> Any:
    if not place:
        return wrong
    copy = body.copy()
    copy[place[0]] = _with(body[place[0]], place[1:], wrong)
    return copy


_WRONG: tuple[object, ...] = (
    None,
    True,
    -1,
    10**30,
    Decimal("1E+999999"),
    Decimal("0.001"),
    "",
    "x" * 1000,
    "4111111111111111",
    [],
    [1],
    [[]],
    [{}],
    {},
    {"x": [{}]},
)


@pytest.mark.parametrize("place", [place for place in _places(_full_body()) if place], ids=str)
def test_nothing_wrong_at_any_place_of_an_answer_breaks_the_reading(place: tuple[str | int, ...]) -> None:
    for wrong in _WRONG:
        body = _with(_full_body(), place, wrong)
        outcomes = (
            answers.outcome_of_payment(body, _SALE),
            answers.outcome_of_reversal(body, _SALE),
            answers.outcome_of_status(body, _INQUIRY, "Payment"),
            answers.outcome_of_reconciliation(body),
            answers.outcome_of_balance(body, "EUR"),
            answers.outcome_of_diagnosis(body),
        )
        assert all(isinstance(outcome, Approved | Declined | Unknown | NotFound) for outcome in outcomes)
        charged = outcomes[0]
        assert not isinstance(charged, Approved) or 0 <= charged.amount_minor <= _SALE.amount_minor
