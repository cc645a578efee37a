"""The messages that the concentrator sends. Each function takes plain values and returns a message (protocols.md D).

Which fields a certain acquirer wants beyond these, or not at all, is its dialect's business, not this file's.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from libs.contracts.refusal import Invalid
from services.payments.domain.concentrator.message import Message
from services.payments.domain.concentrator.numbers import Trace, retrieval_reference
from services.payments.domain.concentrator.sensitive import CardNumber, ChipData, PinBlock, Track2

SIGN_ON, SIGN_OFF, KEY_CHANGE, ECHO = "001", "002", "101", "301"
GOODS, CASH_BACK, REFUND, BALANCE = "000000", "090000", "200000", "310000"
NORMAL, PRE_AUTHORISED = "00", "06"
LARGEST_AMOUNT_MINOR = 999_999_999_999
_CASH_BACK_AMOUNT = "40"
_LONGEST_INSTITUTION = 11

EntryMode = Literal["012", "022", "051", "071"]
"""Field 22: keyed without PIN entry, stripe, chip, contactless chip. Acquirers vary the last digit."""


class AmountWrong(Invalid):
    """An amount cannot be sent to the acquirer."""

    type = "amount-wrong"


@dataclass(frozen=True, slots=True)
class Merchant:
    """Who asks: fields 41, 42, 18, 32, 33 and the currency's ISO 4217 number (49)."""

    terminal_id: str
    merchant_id: str
    category: str
    currency_number: str
    acquirer_id: str | None = None
    forwarding_id: str | None = None

    @property
    def fields(self) -> dict[int, str | None]:
        """The fields that every financial message carries."""
        return {
            18: self.category,
            32: self.acquirer_id,
            33: self.forwarding_id,
            41: f"{self.terminal_id:<8}",
            42: f"{self.merchant_id:<15}",
            49: self.currency_number,
        }


@dataclass(frozen=True, slots=True)
class Card:
    """What was presented: keyed (`number`, `expiry` as YYMM), or read (`track_2`, `chip`), perhaps with a PIN."""

    entry_mode: EntryMode
    number: CardNumber | None = None
    expiry: str | None = None
    track_2: Track2 | None = None
    chip: ChipData | None = None
    pin_block: PinBlock | None = None

    def __post_init__(self) -> None:
        if self.number is None and self.track_2 is None:
            raise Invalid("A card needs its number, or its track 2.", field="card")

    def __repr__(self) -> str:
        return f"<Card {self.routing_number.masked}>"

    @property
    def routing_number(self) -> CardNumber:
        """The number by which the acquirer is chosen."""
        if self.number is not None:
            return self.number
        assert self.track_2 is not None
        return self.track_2.card_number

    @property
    def fields(self) -> dict[int, str | None]:
        """Fields 2, 14, 22, 35, 52 and 55; the number is not repeated where track 2 has it."""
        return {
            2: self.number.reveal() if self.number is not None and self.track_2 is None else None,
            14: self.expiry,
            22: self.entry_mode,
            35: self.track_2.reveal() if self.track_2 else None,
            52: self.pin_block.reveal() if self.pin_block else None,
            55: self.chip.reveal() if self.chip else None,
        }


@dataclass(frozen=True, slots=True)
class Sent:
    """What is kept of a request, stored before it is sent: enough to reverse and to settle it, nothing of the card."""

    mti: str
    processing_code: str
    amount_minor: int
    trace: Trace
    retrieval_reference: str
    condition: str = NORMAL
    approval_code: str | None = None


def network(code: str, trace: Trace, *, terminal_id: str | None = None) -> Message:
    """0800: SIGN_ON, SIGN_OFF, KEY_CHANGE or ECHO."""
    return Message.of("0800", {**trace.fields, 41: f"{terminal_id:<8}" if terminal_id else None, 70: code})


def purchase(merchant: Merchant, card: Card, trace: Trace, amount_minor: int, cash_back_minor: int = 0) -> Message:
    """0200; with cash-back its processing code is 09 and field 54 tells it. The amount includes the cash-back."""
    if not 0 <= cash_back_minor < amount_minor:
        raise AmountWrong("The cash-back must be less than the whole amount.", field="cash_back_minor")
    fields = _financial(merchant, card, trace, amount_minor, CASH_BACK if cash_back_minor else GOODS, NORMAL)
    if cash_back_minor:
        fields[54] = additional_amount(_CASH_BACK_AMOUNT, merchant.currency_number, cash_back_minor)
    return Message.of("0200", fields)


def refund(merchant: Merchant, card: Card, trace: Trace, amount_minor: int, original: Sent | None = None) -> Message:
    """0200 with processing code 20; the original's RRN and approval code where they are known."""
    fields = _financial(merchant, card, trace, amount_minor, REFUND, NORMAL)
    if original is not None:
        fields[37] = original.retrieval_reference
        fields[38] = original.approval_code
    return Message.of("0200", fields)


def pre_authorisation(merchant: Merchant, card: Card, trace: Trace, amount_minor: int) -> Message:
    """0100, condition 06: reserves, pays nothing."""
    return Message.of("0100", _financial(merchant, card, trace, amount_minor, GOODS, PRE_AUTHORISED))


def completion(merchant: Merchant, card: Card | None, trace: Trace, amount_minor: int, original: Sent) -> Message:
    """0220: pays what was reserved. It may be sent again (it is an advice), also when the card is no longer there."""
    fields = _financial(merchant, card, trace, amount_minor, GOODS, PRE_AUTHORISED)
    fields[37] = original.retrieval_reference
    fields[38] = original.approval_code
    fields[90] = original_data(original, merchant)
    return Message.of("0220", fields)


def balance(merchant: Merchant, card: Card, trace: Trace) -> Message:
    """0100 with processing code 31; the reply's field 54 has the amounts."""
    fields = _financial(merchant, card, trace, 0, BALANCE, NORMAL)
    del fields[4]
    return Message.of("0100", fields)


def reversal(
    merchant: Merchant,
    trace: Trace,
    original: Sent,
    *,
    mti: Literal["0400", "0420", "0421"],
    card: Card | None = None,
    remaining_minor: int | None = None,
) -> Message:
    """Undo a request: 0400 asks, 0420 tells, 0421 tells again with the same trace.

    `remaining_minor` is what shall stay charged, for a partial reversal (field 95). The card is given while it is still
    in memory; a reversal out of the store-and-forward queue has none, because none may be stored: field 90 names the
    original.
    """
    if remaining_minor is not None and not 0 < remaining_minor < original.amount_minor:
        raise AmountWrong("What remains must be above zero and below the original amount.", field="remaining_minor")
    fields = _financial(merchant, card, trace, original.amount_minor, original.processing_code, original.condition)
    fields[37] = original.retrieval_reference
    fields[38] = original.approval_code
    fields[52] = fields[55] = None
    fields[90] = original_data(original, merchant)
    if remaining_minor is not None:
        fields[95] = f"{remaining_minor:012d}" + "0" * 30
    return Message.of(mti, fields)


def batch_item(merchant: Merchant, trace: Trace, original: Sent) -> Message:
    """0320: one transaction of the batch, told again because the totals did not agree."""
    fields = _financial(merchant, None, trace, original.amount_minor, original.processing_code, original.condition)
    fields[37] = original.retrieval_reference
    fields[38] = original.approval_code
    fields[90] = original_data(original, merchant)
    return Message.of("0320", fields)


def original_data(original: Sent, merchant: Merchant) -> str:
    """Field 90: type 4, STAN 6, field 7 10, fields 32 and 33 11 each, filled with zeros on the left."""
    named = original.trace.fields
    institutions = (merchant.acquirer_id or "", merchant.forwarding_id or "")
    return original.mti + named[11] + named[7] + "".join(text.rjust(_LONGEST_INSTITUTION, "0") for text in institutions)


def additional_amount(kind: str, currency_number: str, amount_minor: int) -> str:
    """One amount of field 54: account 00, kind, currency, C for a credit or D for a debit, twelve digits."""
    return f"00{kind}{currency_number}{'C' if amount_minor >= 0 else 'D'}{_amount(abs(amount_minor))}"


def _financial(
    merchant: Merchant, card: Card | None, trace: Trace, amount_minor: int, processing_code: str, condition: str
) -> dict[int, str | None]:
    if processing_code != BALANCE and amount_minor <= 0:
        raise AmountWrong("The amount must be above zero.", field="amount_minor")
    return {
        **trace.fields,
        **trace.local_fields,
        **merchant.fields,
        **(card.fields if card else {}),
        3: processing_code,
        4: _amount(amount_minor),
        25: condition,
        37: retrieval_reference(trace.trace_number, trace.at),
    }


def _amount(amount_minor: int) -> str:
    if not 0 <= amount_minor <= LARGEST_AMOUNT_MINOR:
        raise AmountWrong("The amount is too large for the acquirer: twelve digits at most.", field="amount_minor")
    return f"{amount_minor:012d}"
