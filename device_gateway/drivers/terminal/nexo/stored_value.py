"""Gift cards by nexo's StoredValue messages: requests as JSON values, answers as values. Pure.

`Reserve | Activate | Load | Unload | Reverse | Duplicate` and the account's fields as in protocols.md C.3.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from device_gateway.drivers.terminal.nexo.exact_json import WrongAmount, amount, minor_units

StoredValueAction = Literal["Reserve", "Activate", "Load", "Unload", "Reverse", "Duplicate"]
IdentificationType = Literal["PAN", "ISOTrack2", "BarCode", "AccountNumber", "PhoneNumber"]
EntryMode = Literal["RFID", "Keyed", "Manual", "File", "Scanned", "MagStripe", "ICC", "Contactless"]


@dataclass(frozen=True, slots=True)
class StoredValueAccount:
    """A gift card: its number, what kind of number that is, and how it was read."""

    number: str
    identified_by: IdentificationType = "BarCode"
    entry_mode: EntryMode = "Scanned"

    def as_json(self) -> dict[str, Any]:
        """StoredValueAccountID."""
        return {
            "StoredValueAccountType": "GiftCard",
            "IdentificationType": self.identified_by,
            "StoredValueID": self.number,
            "EntryMode": [self.entry_mode],
        }


@dataclass(frozen=True, slots=True)
class StoredValueOrder:
    """One thing to do with a gift card, in minor units of the currency.

    `reserves` is the terminal's id of the transaction that `Activate` follows, that `Reverse` undoes, or whose answer
    `Duplicate` asks for again.
    """

    action: StoredValueAction
    currency: str
    amount_minor: int
    account: StoredValueAccount | None = None
    original_transaction_id: str | None = None


class WrongOrder(ValueError):
    """The order lacks what its action needs; the text says what."""


def stored_value_request(order: StoredValueOrder, sale_data: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a StoredValueRequest. Raises WrongOrder."""
    _check(order)
    data: dict[str, Any] = {
        "StoredValueTransactionType": order.action,
        "Currency": order.currency,
        "ItemAmount": amount(order.amount_minor, order.currency),
    }
    if order.account is not None:
        data["StoredValueAccountID"] = order.account.as_json()
    if order.original_transaction_id is not None:
        data["OriginalPOITransaction"] = {"POITransactionID": {"TransactionID": order.original_transaction_id}}
    return {"SaleData": dict(sale_data), "StoredValueData": [data]}


def _check(order: StoredValueOrder) -> None:
    if order.amount_minor < 0 or (order.action in ("Load", "Unload") and order.amount_minor == 0):
        raise WrongOrder(f"{order.action} of a gift card needs an amount above zero, not {order.amount_minor}.")
    if order.action in ("Reverse", "Duplicate"):
        if order.original_transaction_id is None:
            raise WrongOrder(f"{order.action} of a gift card needs the terminal's id of the first transaction.")
    elif order.account is None:
        raise WrongOrder(f"{order.action} of a gift card needs the card's number.")


@dataclass(frozen=True, slots=True)
class StoredValueDone:
    """The host did it. `balance_minor` is what is on the card now, None if it was not told."""

    transaction_id: str | None
    amount_minor: int
    balance_minor: int | None


@dataclass(frozen=True, slots=True)
class StoredValueRefused:
    """The host did nothing; the reason is the protocol's error condition and its words."""

    reason_code: str
    reason: str


@dataclass(frozen=True, slots=True)
class StoredValueUnclear:
    """The answer does not say for certain what happened: ask by TransactionStatus."""

    reason: str


StoredValueAnswer = StoredValueDone | StoredValueRefused | StoredValueUnclear


def read_stored_value_response(body: Mapping[str, Any], order: StoredValueOrder) -> StoredValueAnswer:
    """What a StoredValueResponse says of the order. A wrong answer is unclear, never an error."""
    response = _mapping(body.get("Response"))
    match response.get("Result"):
        case "Success":
            return _done(body, order)
        case "Failure" if response.get("ErrorCondition") not in (None, "InProgress", "UnreachableHost"):
            return StoredValueRefused(str(response["ErrorCondition"]), str(response.get("AdditionalResponse") or ""))
        case _:
            return StoredValueUnclear("The answer does not say how it ended.")


def _done(body: Mapping[str, Any], order: StoredValueOrder) -> StoredValueAnswer:
    results = body.get("StoredValueResult")
    if not isinstance(results, list) or len(results) != 1 or not isinstance(results[0], Mapping):
        return StoredValueUnclear("The answer names not exactly one result.")
    result = results[0]
    if result.get("StoredValueTransactionType") != order.action or result.get("Currency") != order.currency:
        return StoredValueUnclear("The answer is of another action or currency.")
    account = _mapping(result.get("StoredValueAccountStatus"))
    try:
        done_minor = minor_units(result.get("ItemAmount"), order.currency)
        balance = account.get("CurrentBalance")
        balance_minor = None if balance is None else minor_units(balance, order.currency)
    except WrongAmount as error:
        return StoredValueUnclear(f"The answer names a wrong amount: {error}.")
    identification = _mapping(_mapping(body.get("POIData")).get("POITransactionID"))
    number = identification.get("TransactionID")
    return StoredValueDone(number if isinstance(number, str) else None, done_minor, balance_minor)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
