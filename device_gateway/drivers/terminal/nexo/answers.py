"""From a nexo response to what became of the operation. Pure: a wrong answer is `Unknown`, never an error."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from device_gateway.domain.card_operations import Approved, CardOperation, Declined, NotFound, Slips, Unknown
from device_gateway.domain.masked_number import masked_number
from device_gateway.drivers.terminal.nexo.exact_json import WrongAmount, minor_units, whole_number
from device_gateway.drivers.terminal.nexo.slips import read_slips
from libs.contracts.terminals import CardFacts, CardReferences, SchemeTotal
from libs.contracts.values import LARGEST_MINOR
from libs.telemetry.redaction import redact_text

Body = Mapping[str, Any]
_LONGEST_REASON = 500
_MOST_INSTALMENTS = 99
Outcome = Approved | Declined | Unknown

CERTAIN_REFUSALS = {
    "Aborted": "Cancelled from the till.",
    "Busy": "The terminal is busy: wait a moment.",
    "Cancel": "Cancelled at the terminal, or nobody presented a card in time.",
    "DeviceOut": "A part of the terminal is out of order.",
    "InsertedCard": "A card is still in the terminal.",
    "InvalidCard": "The terminal does not take this card.",
    "LoggedOut": "The till is not signed on at the terminal.",
    "MessageFormat": "The terminal did not understand the request.",
    "NotAllowed": "The terminal does not allow this now.",
    "NotFound": "The terminal does not know the original transaction.",
    "PaymentRestriction": "This card may not pay for these goods.",
    "Refusal": "The host declined.",
    "UnavailableDevice": "A part of the terminal is not available.",
    "UnavailableService": "The terminal does not offer this.",
    "WrongPIN": "Wrong PIN.",
}
"""Error conditions that say that no money moved. `InProgress` and `UnreachableHost` do not, nor what is not here."""


def part(body: object, *names: str) -> Body:
    """The mapping under these names, empty where there is none."""
    for name in names:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body if isinstance(body, Mapping) else {}


def text_at(body: Body, name: str) -> str | None:
    """The text of a field without a readable card number; None if it is no text or empty."""
    value = body.get(name)
    return redact_text(value)[:_LONGEST_REASON] or None if isinstance(value, str) else None


def outcome_of_payment(body: Body, operation: CardOperation, *, repeated: bool = False) -> Outcome:
    """What a PaymentResponse says. `repeated`: the terminal gives the stored answer again, so it is final even where
    the first one left doubt.
    """
    refusal = _refusal(body, repeated=repeated)
    if refusal is not None:
        return refusal
    amounts = part(body, "PaymentResult", "AmountsResp")
    if amounts.get("Currency", operation.currency) != operation.currency:
        return Unknown(f"The terminal answered in {amounts.get('Currency')!r}, not in {operation.currency}.")
    asked = _asked(operation)
    if amounts.get("AuthorizedAmount") is None and part(body, "Response").get("Result") == "Partial":
        return Unknown("The terminal approved a part and does not say how much.")
    try:
        told = _amount_at(amounts, "AuthorizedAmount", operation.currency)
        cash_back_minor = _amount_at(amounts, "CashBackAmount", operation.currency)
        tip_minor = _amount_at(amounts, "TipAmount", operation.currency)
    except WrongAmount as error:
        return Unknown(f"The terminal names a wrong amount: {error}.")
    approved_minor = asked if told is None else told - _held_before(operation)
    if not 0 <= (cash_back_minor or 0) + (tip_minor or 0) <= max(approved_minor, 0):
        return Unknown("The terminal names more cash-back and tip than it approved: look at its slip.")
    # The customer may have added to the tip, at the terminal.
    most_minor = asked + max(0, (tip_minor or 0) - operation.tip_minor)
    outcome = _approved(body, approved_minor, most_minor, operation.instalments)
    if isinstance(outcome, Unknown):
        return outcome
    return replace(outcome, cash_back_minor=cash_back_minor, tip_minor=tip_minor)


def outcome_of_reversal(body: Body, operation: CardOperation, *, repeated: bool = False) -> Outcome:
    """What a ReversalResponse says; see outcome_of_payment."""
    refusal = _refusal(body, repeated=repeated)
    if refusal is not None:
        return refusal
    asked = _asked(operation)
    try:
        given_back = minor_units(body["ReversedAmount"], operation.currency) if "ReversedAmount" in body else asked
    except WrongAmount as error:
        return Unknown(f"The terminal names a wrong amount: {error}.")
    return _approved(body, given_back, asked)


def outcome_of_status(body: Body, operation: CardOperation, category: str) -> Outcome | NotFound:
    """What a TransactionStatusResponse says of the operation that an inquiry is about."""
    response = part(body, "Response")
    if response.get("Result") == "Failure":
        match response.get("ErrorCondition"):
            case "NotFound":
                return NotFound("The terminal knows no such request: it may be sent again.")
            case "InProgress":
                return Unknown("The terminal is still at it.")
            case condition:
                return Unknown(f"The terminal cannot say what became of it ({condition}).")
    if response.get("Result") != "Success":
        return Unknown("The terminal's answer does not say what became of it.")
    repeated = part(body, "RepeatedMessageResponse")
    header = part(repeated, "MessageHeader")
    if header.get("ServiceID") != operation.sent_reference or header.get("MessageCategory") != category:
        return Unknown("The terminal repeated the answer to another request.")
    held = part(repeated, "RepeatedResponseMessageBody", f"{category}Response")
    if category == "Reversal":
        return outcome_of_reversal(held, operation, repeated=True)
    return outcome_of_payment(held, operation, repeated=True)


def outcome_of_reconciliation(body: Body) -> Outcome:
    """The totals of a ReconciliationResponse by scheme: sales less reversed sales, refunds less reversed refunds."""
    refusal = _refusal(body, repeated=False)
    if refusal is not None:
        return refusal
    rows = body.get("TransactionTotals")
    try:
        totals = _totals(rows if isinstance(rows, list) else [])
    except ValueError as error:
        return Unknown(f"The terminal's day is closed, but its totals cannot be read: {error}.")
    return Approved(0, totals=totals, slips=read_slips(body))


def outcome_of_balance(body: Body, currency: str) -> Outcome:
    """What is on the card, as the approved amount."""
    refusal = _refusal(body, repeated=False)
    if refusal is not None:
        return refusal
    account = part(body, "PaymentAccountStatus")
    if account.get("Currency") != currency:
        return Unknown(f"The balance is not told in {currency}.")
    try:
        return Approved(minor_units(account.get("CurrentBalance"), currency), _card(account))
    except WrongAmount as error:
        return Unknown(f"The balance cannot be read: {error}.")


def outcome_of_diagnosis(body: Body) -> Outcome:
    """How the terminal is, in its own words."""
    refusal = _refusal(body, repeated=False)
    if refusal is not None:
        return refusal
    return Approved(0, text=text_at(part(body, "POIStatus"), "GlobalStatus") or "OK")


def _refusal(body: Body, *, repeated: bool) -> Declined | Unknown | None:
    """Why a response is no success; None if it is one."""
    response = part(body, "Response")
    result = response.get("Result")
    if result in ("Success", "Partial"):
        return None
    condition = text_at(response, "ErrorCondition")
    if result != "Failure" or condition is None:
        return Unknown("The terminal's answer does not say how it ended.")
    certain = condition in CERTAIN_REFUSALS or (repeated and condition != "InProgress")
    words = CERTAIN_REFUSALS.get(condition, f"The terminal reports {condition}.")
    more = text_at(response, "AdditionalResponse")
    reason = f"{words} {more}" if more else words
    return Declined(condition, reason, read_slips(body)) if certain else Unknown(reason)


def _amount_at(amounts: Body, name: str, currency: str) -> int | None:
    """An amount, never negative, or None where it is not told. Raises WrongAmount."""
    told = amounts.get(name)
    minor = None if told is None else minor_units(told, currency)
    if minor is not None and minor < 0:
        raise WrongAmount(f"{told!r} is below zero")
    return minor


def _held_before(operation: CardOperation) -> int:
    """What a reservation held before it was raised: the terminal answers with the new total [S: Fusion]."""
    raises = "increment" in (operation.action, operation.sent_action)
    return (operation.held_minor or 0) if raises else 0


def _approved(body: Body, approved_minor: int, asked_minor: int, instalments: int | None = None) -> Approved | Unknown:
    # A reversal may be asked for without an amount: then the terminal knows how much.
    if approved_minor < 0 or approved_minor > (asked_minor or LARGEST_MINOR):
        return Unknown("The terminal names another amount than it was asked for: look at its slip.")
    slips: Slips = read_slips(body)
    return Approved(approved_minor, _card(part(body, "PaymentResult"), instalments), _references(body), slips)


def _asked(operation: CardOperation) -> int:
    """The amount of the operation itself, or of the one that an inquiry is about."""
    return operation.amount_minor if operation.sent_amount_minor is None else operation.sent_amount_minor


def _card(body: Body, asked_instalments: int | None = None) -> CardFacts | None:
    card = part(body, "PaymentInstrumentData", "CardData")
    told = card.get("MaskedPan", card.get("MaskedPAN"))
    number = masked_number(told) if isinstance(told, str) else None
    modes = card.get("EntryMode")
    mode = modes[0] if isinstance(modes, list) and modes else modes
    scheme = text_at(card, "PaymentBrand")
    entry_mode = mode if isinstance(mode, str) else None
    instalments = _instalments(body, asked_instalments)
    if not (number or scheme or instalments):
        return None
    return CardFacts(masked_number=number, scheme=scheme, entry_mode=entry_mode, instalments=instalments)


def _instalments(body: Body, asked: int | None) -> int | None:
    """In how many payments it is paid, as the terminal says; as was asked where it does not."""
    told = part(body, "Instalment").get("TotalNbOfPayments")
    try:
        number = asked if told is None else whole_number(told)
    except WrongAmount:
        return asked
    return number if number is not None and 1 <= number <= _MOST_INSTALMENTS else asked


def _references(body: Body) -> CardReferences:
    poi = part(body, "POIData", "POITransactionID")
    acquirer = part(body, "PaymentResult", "PaymentAcquirerData")
    return CardReferences(
        terminal_id=text_at(acquirer, "AcquirerPOIID"),
        approval_code=text_at(acquirer, "ApprovalCode"),
        retrieval_reference=text_at(part(acquirer, "AcquirerTransactionID"), "TransactionID"),
        transaction_id=_identification(poi),
        transaction_time=_time(poi.get("TimeStamp")),
    )


def _identification(poi: Body) -> str | None:
    """The terminal's own id, as it is: a reversal must name it exactly, so nothing is redacted from it."""
    value = poi.get("TransactionID")
    return value if isinstance(value, str) and value else None


def _time(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None


def _totals(rows: list[Any]) -> tuple[SchemeTotal, ...]:
    counts: dict[tuple[str, str], int] = defaultdict(int)
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for row in rows:
        held = part({"row": row}, "row")
        scheme = text_at(held, "CardBrand") or text_at(held, "PaymentInstrumentType") or "other"
        totals = held.get("PaymentTotals")
        for total in totals if isinstance(totals, list) else ():
            line = part({"total": total}, "total")
            key = scheme, text_at(line, "TransactionType") or ""
            counts[key] += whole_number(line.get("TransactionCount"))
            sums[key] += minor_units(line.get("TransactionAmount"), text_at(held, "PaymentCurrency") or "")
    return tuple(
        SchemeTotal(
            scheme=scheme,
            sale_count=counts[scheme, "Debit"] - counts[scheme, "ReverseDebit"],
            sale_minor=sums[scheme, "Debit"] - sums[scheme, "ReverseDebit"],
            refund_count=counts[scheme, "Credit"] - counts[scheme, "ReverseCredit"],
            refund_minor=sums[scheme, "Credit"] - sums[scheme, "ReverseCredit"],
        )
        for scheme in sorted({scheme for scheme, _ in sums})
    )
