"""What ZVT's numbers mean: result codes, and what the terminal shows while it works.

Codes with behaviour are those of protocols.md C.2; the words for the others, and the list of what the terminal shows
beyond 04, 05, 0A, 0E and 1D, are from memory [M], not tried on a device.
"""

from __future__ import annotations

OK = 0x00
CANCELLED = 0x6C
NOT_REGISTERED = 0x6B
BUSY = frozenset({0x9C, 0xA0})
"""The terminal is at something else: ask again later. 9C is from memory."""

IN_DOUBT = frozenset({0x9B, 0xA1, 0xFF})
"""The host may have been reached, or the terminal itself failed: only its last receipt tells."""

RESULTS = {
    0x64: "The card cannot be read.",
    0x65: "The card has no usable data.",
    0x66: "The terminal could not process the card.",
    0x67: "This function is not allowed for girocard and Maestro.",
    0x68: "This function is not allowed for this card.",
    0x6A: "The terminal's turnover memory is full: close its day.",
    NOT_REGISTERED: "The terminal does not know this till: it is not registered.",
    CANCELLED: "Cancelled at the terminal, or nobody presented a card in time.",
    0x6E: "The card is blocked.",
    0x6F: "The terminal does not take this currency.",
    0x71: "The card has not enough credit.",
    0x72: "The card's chip does not work.",
    0x73: "The card's data are wrong.",
    0x77: "The terminal cannot close its day now.",
    0x78: "The card has expired.",
    0x79: "The card is not yet valid.",
    0x7A: "The terminal does not know this card.",
    0x7D: "The card needs another way of reading.",
    0x83: "The terminal does not support this function.",
    0x85: "The terminal has no key for this card.",
    0x9B: "The connection to the host failed.",
    0x9C: "The terminal is busy: wait a moment.",
    0xA0: "The terminal is not ready.",
    0xA1: "The host does not answer.",
    0xA3: "The terminal has no connection to its host.",
    0xB1: "The terminal's memory is full.",
    0xB2: "The terminal's journal is full: close its day.",
    0xB4: "This transaction has been reversed already.",
    0xB5: "This transaction cannot be reversed.",
    0xB7: "The amount is too high for the pre-authorisation.",
    0xB8: "The pre-authorisation failed.",
    0xC3: "The amount is above the terminal's limit.",
    0xC5: "The terminal does not support this way of paying.",
    0xC6: "The terminal does not take this currency.",
    0xC8: "The amount is too small.",
    0xCC: "The terminal's printer is not ready.",
    0xCD: "Cash-back is not possible with this card.",
    0xDC: "A card is still in the terminal.",
    0xF0: "The terminal must close its day first.",
    0xFF: "The terminal reports a system error.",
}


def reason(code: int) -> str:
    """What a result code means, as a sentence for the till."""
    return RESULTS.get(code, f"The terminal reports {code:02X}.")


def is_certain(code: int) -> bool:
    """Whether a code other than 00 says that certainly no money moved: it is known, and not one of those in doubt."""
    return code in RESULTS and code not in IN_DOUBT


_SHOWN: dict[int, tuple[str, str]] = {
    0x00: ("confirm_amount", "Confirm the amount at the terminal"),
    0x01: ("enter_pin", "Look at the terminal"),
    0x02: ("enter_pin", "Look at the terminal"),
    0x03: ("not_accepted", "Not accepted"),
    0x04: ("wait_for_host", "Waiting for the host"),
    0x05: ("auto_reversal", "The terminal takes the transaction back"),
    0x06: ("post_booking", "The terminal books what is waiting"),
    0x07: ("card_refused", "This card is not admitted"),
    0x08: ("card_refused", "This card is not known"),
    0x09: ("card_refused", "The card has expired"),
    0x0A: ("insert_card", "Insert or tap the card"),
    0x0B: ("remove_card", "Remove the card"),
    0x0C: ("card_refused", "The card cannot be read"),
    0x0D: ("processing_failed", "The terminal could not process the card"),
    0x0E: ("wait", "Please wait"),
    0x0F: ("end_of_day", "The terminal closes its day"),
    0x10: ("card_refused", "Invalid card"),
    0x12: ("processing_failed", "The terminal reports a fault"),
    0x13: ("not_accepted", "Payment is not possible"),
    0x14: ("not_accepted", "Not enough credit"),
    0x15: ("enter_pin", "Wrong PIN"),
    0x17: ("wait", "Please wait"),
    0x18: ("not_accepted", "PIN entered wrong too often"),
    0x1C: ("approved", "Approved"),
    0x1D: ("declined", "Declined"),
}


def shown(status: int) -> tuple[str, str]:
    """Stage and text of an intermediate status, for the till's screen."""
    return _SHOWN.get(status, ("wait", "Look at the terminal"))
