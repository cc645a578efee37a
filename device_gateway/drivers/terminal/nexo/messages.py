"""The requests of nexo Retailer as values that become JSON (protocols.md C.3). Pure: ids and times are handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from device_gateway.drivers.terminal.nexo.exact_json import amount
from libs.contracts.terminals import CardReferences

PROTOCOL_VERSION = "3.0"
REQUEST, RESPONSE = "SaleToPOIRequest", "SaleToPOIResponse"
LONGEST_SERVICE_ID = 10
ALLOW_PARTIAL_APPROVAL = "tenderOption=AllowPartialAuthorisation"


@dataclass(frozen=True, slots=True)
class Parties:
    """Who talks to whom: the till's `sale_id`, the terminal's `poi_id`, and who operates the till, if that is told."""

    sale_id: str
    poi_id: str
    operator_id: str | None = None


@dataclass(frozen=True, slots=True)
class NexoRequest:
    """A request: its category (`Payment`), its body, and its own id, which the terminal keeps for 48 hours."""

    category: str
    service_id: str
    body: Mapping[str, Any]
    message_class: str = "Service"

    def header(self, parties: Parties) -> dict[str, Any]:
        """The message header."""
        return {
            "ProtocolVersion": PROTOCOL_VERSION,
            "MessageClass": self.message_class,
            "MessageCategory": self.category,
            "MessageType": "Request",
            "ServiceID": self.service_id,
            "SaleID": parties.sale_id,
            "POIID": parties.poi_id,
        }

    def message(self, parties: Parties) -> dict[str, Any]:
        """The whole message."""
        return {REQUEST: {"MessageHeader": self.header(parties), f"{self.category}Request": dict(self.body)}}


@dataclass(frozen=True, slots=True)
class PaymentAmounts:
    """What is asked for, in minor units. `total_minor` includes cash-back and tip [S: docs.adyen.com, Cashback; Fusion,
    data model, RequestedAmount].
    """

    currency: str
    total_minor: int
    cash_back_minor: int = 0
    tip_minor: int = 0

    def as_json(self) -> dict[str, Any]:
        """AmountsReq."""
        parts = {"CashBackAmount": self.cash_back_minor, "TipAmount": self.tip_minor}
        return {
            "Currency": self.currency,
            "RequestedAmount": amount(self.total_minor, self.currency),
            **{name: amount(minor, self.currency) for name, minor in parts.items() if minor},
        }


def payment(
    service_id: str,
    amounts: PaymentAmounts,
    at: datetime,
    parties: Parties,
    *,
    payment_type: str | None = None,
    original: CardReferences | None = None,
    instalments: int | None = None,
    partial_approval: bool = False,
) -> NexoRequest:
    """Charge a card, in so many monthly `instalments` if any; with a `payment_type` another use of it: `Refund`,
    `FirstReservation`, `UpdateReservation`, `Completion`. `original` is the transaction it builds on.
    `partial_approval` asks for what a card has that has less [S: docs.adyen.com, Partial payments].
    """
    transaction: dict[str, Any] = {"AmountsReq": amounts.as_json()}
    if original is not None and original.transaction_id:
        transaction["OriginalPOITransaction"] = original_transaction(original)
    data = sale_data(service_id, at, parties)
    if partial_approval:
        data["SaleToAcquirerData"] = ALLOW_PARTIAL_APPROVAL
    body: dict[str, Any] = {"SaleData": data, "PaymentTransaction": transaction}
    if instalments is not None:
        transaction["TransactionConditions"] = {"DebitPreferredFlag": False}
        body["PaymentData"] = {"PaymentType": "Instalment", "Instalment": _instalment(instalments)}
    elif payment_type is not None:
        body["PaymentData"] = {"PaymentType": payment_type}
    return NexoRequest("Payment", service_id, body)


def _instalment(payments: int) -> dict[str, Any]:
    """Equal monthly payments, the first of them now [S: docs.adyen.com, Installments in Brazil; values as Adyen's own
    plug-in for Magento 2 sends them].
    """
    return {
        "InstalmentType": "EqualInstalments",
        "SequenceNumber": 1,
        "Period": 1,
        "PeriodUnit": "Monthly",
        "TotalNbOfPayments": payments,
    }


def reversal(
    service_id: str,
    original: CardReferences,
    at: datetime,
    parties: Parties,
    *,
    reversed_amount: PaymentAmounts | None = None,
    reason: str = "MerchantCancel",
) -> NexoRequest:
    """Undo a transaction, or give `reversed_amount` of it back: a refund to the original card.

    Raises ValueError if the terminal's id of the original transaction is not known.
    """
    data = sale_data(service_id, at, parties)
    body: dict[str, Any] = {"OriginalPOITransaction": original_transaction(original), "ReversalReason": reason}
    if reversed_amount is not None:
        body["ReversedAmount"] = amount(reversed_amount.total_minor, reversed_amount.currency)
        data["SaleToAcquirerData"] = f"currency={reversed_amount.currency}"
    return NexoRequest("Reversal", service_id, body | {"SaleData": data})


def transaction_status(service_id: str, category: str, sent_service_id: str, parties: Parties) -> NexoRequest:
    """Ask what became of a request of ours."""
    reference = {"MessageCategory": category, "SaleID": parties.sale_id, "ServiceID": sent_service_id}
    return NexoRequest("TransactionStatus", service_id, {"MessageReference": reference})


def last_slip(service_id: str) -> NexoRequest:
    """Ask for the slips of the last transaction [M]."""
    body = {"ReceiptReprintFlag": True, "DocumentQualifier": ["CashierReceipt", "CustomerReceipt"]}
    return NexoRequest("TransactionStatus", service_id, body)


def abort(service_id: str, category: str, sent_service_id: str, parties: Parties) -> NexoRequest:
    """Ask the terminal to stop a request of ours."""
    reference = {"MessageCategory": category, "SaleID": parties.sale_id, "ServiceID": sent_service_id}
    return NexoRequest("Abort", service_id, {"AbortReason": "MerchantAbort", "MessageReference": reference})


def reconciliation(service_id: str) -> NexoRequest:
    """End the terminal's day and ask for its totals."""
    return NexoRequest("Reconciliation", service_id, {"ReconciliationType": "SaleReconciliation"})


def balance_inquiry(service_id: str) -> NexoRequest:
    """Read a card and ask what is on it."""
    return NexoRequest("BalanceInquiry", service_id, {})


def diagnosis(service_id: str, *, hosts: bool = True) -> NexoRequest:
    """Ask how the terminal is, and its `hosts`."""
    return NexoRequest("Diagnosis", service_id, {"HostDiagnosisFlag": hosts})


def login(service_id: str, at: datetime, parties: Parties, software_version: str) -> NexoRequest:
    """Sign the till on, where the terminal wants that."""
    body = {
        "DateTime": written_time(at),
        "OperatorLanguage": "en",
        "SaleSoftware": {
            "ManufacturerID": "Tillstream",
            "ApplicationName": "Tillstream device gateway",
            "SoftwareVersion": software_version,
            "CertificationCode": "none",
        },
    }
    if parties.operator_id:
        body["OperatorID"] = parties.operator_id
    return NexoRequest("Login", service_id, body)


def sale_data(service_id: str, at: datetime, parties: Parties) -> dict[str, Any]:
    """SaleData: our own reference of the transaction, which is the message's id too, and who operates the till."""
    data: dict[str, Any] = {"SaleTransactionID": {"TransactionID": service_id, "TimeStamp": written_time(at)}}
    if parties.operator_id:
        data["OperatorID"] = parties.operator_id
    return data


def original_transaction(original: CardReferences) -> dict[str, Any]:
    """OriginalPOITransaction. Raises ValueError without the terminal's transaction id."""
    if not original.transaction_id:
        raise ValueError("the terminal's id of the original transaction is not known")
    identification: dict[str, Any] = {"TransactionID": original.transaction_id}
    if original.transaction_time is not None:
        identification["TimeStamp"] = written_time(original.transaction_time)
    return {"POITransactionID": identification}


def written_time(at: datetime) -> str:
    """A point in time as nexo writes it: 2026-03-02T11:00:00.000Z."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
