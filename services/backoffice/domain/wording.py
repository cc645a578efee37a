"""What states and kinds are called on the pages, and how much they should catch the eye."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How a state looks: quiet ones need nobody, alarming ones need somebody now."""

    QUIET = "quiet"
    GOOD = "good"
    BUSY = "busy"
    WARNING = "warning"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True)
class Worded:
    """A state in words, with its tone."""

    text: str
    tone: Tone


INTENT_STATES: dict[str, Worded] = {
    "created": Worded("Created", Tone.BUSY),
    "awaiting_confirmation": Worded("Waits for the slip's details", Tone.WARNING),
    "awaiting_card": Worded("Waits for the card", Tone.BUSY),
    "sent": Worded("At the terminal", Tone.BUSY),
    "approved": Worded("Approved", Tone.GOOD),
    "declined": Worded("Declined", Tone.QUIET),
    "unknown": Worded("Outcome unknown", Tone.ALARM),
    "reversing": Worded("Being reversed", Tone.BUSY),
    "reversed": Worded("Reversed", Tone.QUIET),
    "reversal_refused": Worded("Reversal refused", Tone.ALARM),
    "captured": Worded("Taken", Tone.GOOD),
    "voiding": Worded("Being voided", Tone.BUSY),
    "voided": Worded("Voided", Tone.QUIET),
    "part_refunded": Worded("Partly refunded", Tone.GOOD),
    "refunded": Worded("Refunded", Tone.QUIET),
    "authorised": Worded("Held on the card", Tone.GOOD),
    "incrementing": Worded("Hold being raised", Tone.BUSY),
    "incremented": Worded("Held, raised", Tone.GOOD),
    "completing": Worded("Hold being taken", Tone.BUSY),
    "completed": Worded("Hold taken", Tone.GOOD),
    "cancelling": Worded("Hold being given up", Tone.BUSY),
    "cancelled": Worded("Hold given up", Tone.QUIET),
}
TERMINAL_STATES: dict[str, Worded] = {
    "ready": Worded("Ready", Tone.GOOD),
    "attention": Worded("Needs attention", Tone.WARNING),
    "blocked": Worded("Blocked", Tone.ALARM),
    "absent": Worded("Not reachable", Tone.ALARM),
    "misconfigured": Worded("Wrongly set up", Tone.ALARM),
}
SETTLEMENT_STATES: dict[str, Worded] = {
    "requested": Worded("Running", Tone.BUSY),
    "unknown": Worded("Outcome unknown", Tone.ALARM),
    "failed": Worded("Failed", Tone.ALARM),
    "differing": Worded("Has differences", Tone.WARNING),
    "closed": Worded("Closed", Tone.GOOD),
}
BATCH_STATES: dict[str, Worded] = {
    "open": Worded("Totals being told", Tone.BUSY),
    "uploading": Worded("Each item being told", Tone.WARNING),
    "advising": Worded("Totals told once more", Tone.BUSY),
    "closed": Worded("Closed", Tone.GOOD),
}
DIFFERENCE_STATES: dict[str, Worded] = {
    "open": Worded("Open", Tone.ALARM),
    "explained": Worded("Explained", Tone.WARNING),
    "closed": Worded("Closed", Tone.GOOD),
}
STORED_MESSAGE_STATES: dict[str, Worded] = {
    "waiting": Worded("Waiting", Tone.WARNING),
    "refused": Worded("Refused", Tone.ALARM),
    "sent": Worded("Delivered", Tone.GOOD),
}
OPERATION_STATES: dict[str, Worded] = {
    "open": Worded("Waits for an answer", Tone.BUSY),
    "approved": Worded("Approved", Tone.GOOD),
    "declined": Worded("Declined", Tone.QUIET),
    "unknown": Worded("Outcome unknown", Tone.ALARM),
    "not_sent": Worded("Never sent", Tone.QUIET),
    "expired": Worded("Not begun in time", Tone.QUIET),
    "not_found": Worded("Not known to the terminal", Tone.QUIET),
    "reversed": Worded("Reversed", Tone.QUIET),
}
DIFFERENCE_KINDS: dict[str, str] = {
    "sale_totals": "Payments do not agree",
    "refund_totals": "Refunds do not agree",
    "not_ours": "In the acquirer's file only",
    "not_theirs": "Missing in the acquirer's file",
    "batch_uploaded": "The batch's totals did not agree",
    "batch_item_refused": "The acquirer refused an item",
    "batch_out_of_balance": "The batch does not agree, item by item",
}
INTENT_KINDS: dict[str, str] = {
    "purchase": "Payment",
    "refund": "Refund",
    "pre_authorisation": "Hold",
}
LINK_EVENTS: dict[str, str] = {
    "switched_over": "Switched over to the backup",
    "switched_back": "Switched back to the primary",
    "chosen": "Chosen by a person",
    "released": "Left to itself again",
}
TERMINAL_KINDS: dict[str, str] = {
    "wired": "",
    "standalone": "stands alone",
    "concentrated": "by the acquirer link",
}
SLIP_KINDS: dict[str, str] = {"payment": "Payment slip", "void": "Void slip", "refund": "Refund slip"}


def worded(states: dict[str, Worded], state: str) -> Worded:
    """The state in words. A state that a newer service has, and this page does not know, is shown as it is named."""
    return states.get(state) or Worded(plain(state), Tone.QUIET)


def plain(name: str) -> str:
    """A name of the API as words: `pre_authorisation` is "Pre authorisation"."""
    return name.replace("_", " ").capitalize()
