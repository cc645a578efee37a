"""What a simulated nexo terminal does with a message: its transactions, its ledger, what it remembers. No wire."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from device_gateway.drivers.terminal.nexo.answers import part
from device_gateway.drivers.terminal.nexo.exact_json import WrongAmount, amount, minor_units
from device_gateway.drivers.terminal.nexo.messages import ALLOW_PARTIAL_APPROVAL, PROTOCOL_VERSION, written_time
from device_gateway.drivers.terminal.simulated_ledger import (
    Approve,
    ApprovePart,
    Decline,
    Ledger,
    LedgerEntry,
    MovedKind,
    NoCard,
    Rule,
)

_KINDS: dict[str | None, MovedKind] = {
    None: "charge",
    "Normal": "charge",
    "Instalment": "charge",
    "Refund": "refund",
    "FirstReservation": "reservation",
    "UpdateReservation": "reservation",
    "Completion": "charge",
}
# What a day's end counts them as: the driver takes reversed sales off the sales.
_TRANSACTION_TYPES = {"charge": "Debit", "refund": "Credit", "reversal": "ReverseDebit"}


@dataclass(frozen=True, slots=True)
class Remembered:
    """A request that the terminal was asked, with its answer, and until when it is still at it (monotonic)."""

    category: str
    service_id: str
    answer: Mapping[str, Any]
    busy_until_s: float


@dataclass(frozen=True, slots=True)
class Answered:
    """The body of a response. `moved` marks answers that prove that money moved; `delay_s` comes before it."""

    body: Mapping[str, Any]
    moved: bool = False
    delay_s: float = 0.0


class SimulatedNexoTerminal:
    """Transactions, kept whatever happens to the line. `rules` are for the next cards; then every card is approved.

    `currencies` are those it takes, all if empty. The attributes up to `adds_tip_minor` are faults to order.
    """

    def __init__(
        self,
        masked_pan: str = "443056 **** 1234",
        scheme: str = "visa",
        works_s: float = 0.0,
        *,
        currencies: Collection[str] = (),
        balance_minor: int = 2550,
    ) -> None:
        self.ledger = Ledger()
        self.rules: deque[Rule] = deque()
        self.busy = False
        self.tells_shares = True
        self.wants_signature = False
        self.adds_tip_minor = 0
        self._currencies = currencies
        self._balance_minor = balance_minor
        # What the reservation that a transaction belongs to holds, by the number of its first entry.
        self._held: dict[int, int] = {}
        self._reservation_of: dict[int, int] = {}
        self.masked_pan = masked_pan
        self.scheme = scheme
        self._works_s = works_s
        self._remembered: dict[tuple[str, str], Remembered] = {}
        self._transactions: dict[str, LedgerEntry] = {}
        self._day_began_after = 0

    def respond(self, category: str, service_id: str, body: Mapping[str, Any]) -> Answered:
        """Do what is asked and say so."""
        match category:
            case "TransactionStatus":
                return Answered(self._status(body))
            case "Abort":
                return Answered(self._abort(body))
            case "Reconciliation":
                return Answered(self._reconciled())
            case "BalanceInquiry":
                status = {
                    "CurrentBalance": amount(self._balance_minor, "EUR"),
                    "Currency": "EUR",
                    "PaymentInstrumentData": self._card(),
                }
                return Answered({"Response": _SUCCESS, "PaymentAccountStatus": status})
            case "Diagnosis":
                return Answered({"Response": _SUCCESS, "POIStatus": {"GlobalStatus": "OK"}})
            case "Login":
                return Answered({"Response": _SUCCESS})
            case "Payment" | "Reversal":
                return self._move(category, service_id, body)
            case _:
                return Answered(_failure("UnavailableService"))

    def _move(self, category: str, service_id: str, body: Mapping[str, Any]) -> Answered:
        if self.busy:
            return Answered(_failure("Busy"))
        before = len(self.ledger.entries)
        rule = self.rules.popleft() if self.rules else Approve()
        delay_s = self._works_s
        if isinstance(rule, NoCard):
            delay_s = rule.after_s
            answer = _failure("Cancel")
        elif isinstance(rule, Decline):
            answer = _failure(rule.code)
        else:
            answer = self._paid(body, rule) if category == "Payment" else self._reversed(body)
        remembered = Remembered(category, service_id, answer, time.monotonic() + delay_s)
        self._remembered[category, service_id] = remembered
        return Answered(answer, moved=len(self.ledger.entries) > before, delay_s=delay_s)

    def current_answer(self, category: str, service_id: str) -> Mapping[str, Any]:
        """The answer as it is now: an abort may have changed it."""
        return self._remembered[category, service_id].answer

    def _paid(self, body: Mapping[str, Any], rule: Rule) -> Mapping[str, Any]:
        asked = part(body, "PaymentTransaction", "AmountsReq")
        code = str(asked.get("Currency"))
        payment_type = part(body, "PaymentData").get("PaymentType")
        kind = _KINDS.get(payment_type)
        try:
            asked_minor = minor_units(asked.get("RequestedAmount"), code)
            shares = {name: minor_units(asked.get(name, 0), code) for name in ("CashBackAmount", "TipAmount")}
        except WrongAmount:
            return _failure("MessageFormat")
        if kind is None or asked_minor <= 0:
            return _failure("MessageFormat")
        if self._currencies and code not in self._currencies:
            return _failure("NotAllowed", f"It does not take {code}.")
        if payment_type == "UpdateReservation":
            return self._raised(body, asked_minor, code)
        granted = min(asked_minor, rule.amount_minor) if isinstance(rule, ApprovePart) else asked_minor
        if granted < asked_minor and part(body, "SaleData").get("SaleToAcquirerData") != ALLOW_PARTIAL_APPROVAL:
            return _failure("Refusal")
        if granted < asked_minor:
            shares = {}
        elif payment_type in (None, "Normal", "Instalment"):
            granted += self.adds_tip_minor
            shares["TipAmount"] += self.adds_tip_minor
        entry = self.ledger.add(kind, granted, code, self.scheme)
        if kind == "reservation":
            self._reservation_of[entry.number], self._held[entry.number] = entry.number, granted
        response = _SUCCESS if granted >= asked_minor else {"Result": "Partial"}
        told = {name: amount(minor, code) for name, minor in shares.items() if minor and self.tells_shares}
        return self._approved(response, entry, granted, told, part(body, "PaymentData").get("Instalment"))

    def _raised(self, body: Mapping[str, Any], total_minor: int, code: str) -> Mapping[str, Any]:
        """Raise a reservation to a new total."""
        original = self._original_in(part(body, "PaymentTransaction"))
        root = self._reservation_of.get(original.number) if original else None
        if root is None:
            return _failure("NotFound")
        if total_minor < self._held[root] or self.ledger.is_reversed(root):
            return _failure("NotAllowed")
        entry = self.ledger.add("reservation", total_minor - self._held[root], code, self.scheme)
        self._reservation_of[entry.number], self._held[root] = root, total_minor
        return self._approved(_SUCCESS, entry, total_minor, {}, None)

    def _approved(
        self,
        response: Mapping[str, Any],
        entry: LedgerEntry,
        authorised_minor: int,
        shares: Mapping[str, Any],
        instalment: object,
    ) -> Mapping[str, Any]:
        result: dict[str, Any] = {
            "AmountsResp": {
                "Currency": entry.currency,
                "AuthorizedAmount": amount(authorised_minor, entry.currency),
                **shares,
            },
            "PaymentInstrumentData": self._card(),
            "PaymentAcquirerData": {
                "AcquirerPOIID": "TERM0001",
                "AcquirerTransactionID": {"TransactionID": f"RRN{entry.number:09d}", "TimeStamp": _now()},
                "ApprovalCode": f"{entry.number:06d}",
            },
        }
        if isinstance(instalment, Mapping):
            result["Instalment"] = dict(instalment)
        return {"Response": response, "PaymentResult": result} | self._told(entry)

    def _original_in(self, body: Mapping[str, Any]) -> LedgerEntry | None:
        number = part(body, "OriginalPOITransaction", "POITransactionID").get("TransactionID")
        return self._transactions.get(str(number))

    def _reversed(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        original = self._original_in(body)
        if original is None:
            return _failure("NotFound")
        root = self._reservation_of.get(original.number, original.number)
        whole = self._held.get(root, original.amount_minor)
        given_back = sum(entry.amount_minor for entry in self.ledger.entries if entry.reverses == root)
        try:
            told = body.get("ReversedAmount")
            asked = whole if told is None else minor_units(told, original.currency)
        except WrongAmount:
            return _failure("MessageFormat")
        if asked <= 0 or given_back + asked > whole:
            return _failure("NotAllowed")
        kind: MovedKind = "refund" if told is not None else "reversal"
        if original.kind == "reservation":
            kind = "release"
        entry = self.ledger.add(kind, asked, original.currency, original.scheme, root)
        return {"Response": _SUCCESS, "ReversedAmount": amount(asked, original.currency)} | self._told(entry)

    def _told(self, entry: LedgerEntry) -> dict[str, Any]:
        number = f"T{entry.number:012d}"
        self._transactions[number] = entry
        lines = [
            f"name={entry.kind}&key=kind",
            f"name=Total&value={amount(entry.amount_minor, entry.currency)}&key=total",
            f"name=Card&value={self.masked_pan}&key=pan",
        ]
        return {
            "POIData": {"POITransactionID": {"TransactionID": number, "TimeStamp": _now()}},
            "PaymentReceipt": [
                {
                    "DocumentQualifier": qualifier,
                    "RequiredSignatureFlag": self.wants_signature and qualifier == "CashierReceipt",
                    "OutputContent": {"OutputFormat": "Text", "OutputText": [{"Text": line} for line in lines]},
                }
                for qualifier in ("CashierReceipt", "CustomerReceipt")
            ],
        }

    def _card(self) -> dict[str, Any]:
        card = {"MaskedPan": self.masked_pan, "PaymentBrand": self.scheme, "EntryMode": ["Contactless"]}
        return {"PaymentInstrumentType": "Card", "CardData": card}

    def _status(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = part(body, "MessageReference")
        if reference:
            known = self._remembered.get((str(reference.get("MessageCategory")), str(reference.get("ServiceID"))))
        else:
            known = next(reversed(self._remembered.values()), None)
        if known is None:
            return _failure("NotFound")
        if time.monotonic() < known.busy_until_s:
            return _failure("InProgress")
        repeated = {
            "MessageHeader": {
                "ProtocolVersion": PROTOCOL_VERSION,
                "MessageCategory": known.category,
                "MessageType": "Response",
                "ServiceID": known.service_id,
            },
            "RepeatedResponseMessageBody": {f"{known.category}Response": known.answer},
        }
        return {"Response": _SUCCESS, "RepeatedMessageResponse": repeated}

    def _abort(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Stops what still waits for a card; once money has moved there is nothing to stop."""
        reference = part(body, "MessageReference")
        key = str(reference.get("MessageCategory")), str(reference.get("ServiceID"))
        known = self._remembered.get(key)
        if known is not None and time.monotonic() < known.busy_until_s and known.answer == _failure("Cancel"):
            self._remembered[key] = replace(known, answer=_failure("Aborted"), busy_until_s=0.0)
        return {"Response": _SUCCESS}

    def is_still_at(self, category: str, service_id: str) -> bool:
        """Whether the terminal has not finished with that request."""
        known = self._remembered.get((category, service_id))
        return known is not None and time.monotonic() < known.busy_until_s

    def _reconciled(self) -> Mapping[str, Any]:
        day = self.ledger.entries[self._day_began_after :]
        self._day_began_after = len(self.ledger.entries)
        rows = []
        for scheme, code in sorted({(entry.scheme, entry.currency) for entry in day}):
            here = [entry for entry in day if (entry.scheme, entry.currency) == (scheme, code)]
            moved = {
                told: [entry.amount_minor for entry in here if entry.kind == kind]
                for kind, told in _TRANSACTION_TYPES.items()
            }
            totals = [
                {
                    "TransactionType": kind,
                    "TransactionCount": len(amounts),
                    "TransactionAmount": amount(sum(amounts), code),
                }
                for kind, amounts in moved.items()
            ]
            rows.append({"CardBrand": scheme, "PaymentCurrency": code, "PaymentTotals": totals})
        return {"Response": _SUCCESS, "ReconciliationType": "SaleReconciliation", "TransactionTotals": rows}


_SUCCESS = {"Result": "Success"}


def _failure(condition: str, more: str | None = None) -> Mapping[str, Any]:
    response = {"Result": "Failure", "ErrorCondition": condition}
    return {"Response": response if more is None else {**response, "AdditionalResponse": more}}


def _now() -> str:
    return written_time(datetime.now(UTC))
