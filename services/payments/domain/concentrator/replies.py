"""What a host's reply means: field 39 and the references that came with it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from services.payments.domain.concentrator.message import Message

APPROVED = "00"
OUT_OF_BALANCE = "95"
DUPLICATE = "94"
NOT_FOUND = "25"
ISSUER_DOWN, SYSTEM_ERROR = "91", "96"

REASONS = {
    "01": "The bank wants to be called before it decides.",
    "02": "The bank wants to be called before it decides.",
    "05": "The bank declined.",
    "12": "The bank does not allow this kind of transaction.",
    "13": "The bank does not accept this amount.",
    "14": "The bank does not know this card number.",
    "25": "The bank does not find the original transaction.",
    "30": "The acquirer could not read the message.",
    "41": "The card was reported lost. Keep it if you can.",
    "43": "The card was reported stolen. Keep it if you can.",
    "51": "There is not enough money on the card.",
    "54": "The card has expired.",
    "55": "The PIN was wrong.",
    "57": "This card may not be used for that.",
    "61": "The amount is above the card's limit.",
    "65": "The card was used too often today.",
    "75": "The PIN was wrong too often.",
    "91": "The card's bank cannot be reached. Try again later.",
    "94": "The acquirer has seen this message before.",
    "95": "The totals do not agree with the acquirer's.",
    "96": "The acquirer has a fault. Try again later.",
}


@dataclass(frozen=True, slots=True)
class HostApproved:
    """The host approved. `amount_minor` may be less than was asked (a partial approval)."""

    amount_minor: int | None
    approval_code: str | None
    retrieval_reference: str | None
    additional_amounts: str | None = None


@dataclass(frozen=True, slots=True)
class HostDeclined:
    """The host declined: certainly no money moved."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class HostUncertain:
    """The host answered, but its answer does not say whether money moved: the request is reversed."""

    code: str


@dataclass(frozen=True, slots=True)
class HostSilent:
    """The request left, and no reply came: the host may have acted on it. The request is reversed."""

    reason: str


@dataclass(frozen=True, slots=True)
class HostUnreached:
    """Certainly nothing left: no money moved."""

    reason: str


HostDecision = HostApproved | HostDeclined | HostUncertain
HostOutcome = HostDecision | HostSilent | HostUnreached


def decision_in(
    reply: Message, *, uncertain_codes: Collection[str] = (), partial_codes: Collection[str] = ()
) -> HostDecision:
    """What the reply decides. Which codes are uncertain, and which approve in part, is the acquirer's dialect's."""
    fields = reply.fields
    code = fields.get(39, "")
    if code == APPROVED or code in partial_codes:
        amount = fields.get(4, "")
        return HostApproved(
            amount_minor=int(amount) if amount.isascii() and amount.isdecimal() else None,
            approval_code=fields.get(38, "").strip() or None,
            retrieval_reference=fields.get(37, "").strip() or None,
            additional_amounts=fields.get(54),
        )
    if len(code) != 2 or code in uncertain_codes:
        return HostUncertain(code)
    return HostDeclined(code, REASONS.get(code, f"The bank declined with code {code}."))
