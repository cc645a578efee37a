"""What ZVT's numbers mean: result codes, and what the terminal shows while it works.

Numbers [S]: PA00P015 13.08, chapter 10 (error messages) and table 17 (intermediate statuses); the words are ours.
"""

from __future__ import annotations

OK = 0x00
CANCELLED = 0x6C
NOT_REGISTERED = 0x6B
WRONG_CURRENCY = 0x6F
FUNCTION_NOT_POSSIBLE = 0x83
BUSY = frozenset({0x9C, 0xA0})
"""The terminal is at something else: ask again later."""

IN_DOUBT = frozenset({0x7D, 0x9B, 0xA1, 0xF1, 0xFA, 0xFB, 0xFF})
"""The host may have been reached, or the terminal itself failed: only its last receipt tells."""

_FROM_THE_HOST = range(0x01, 0x64)
"""Codes of the authorisation system, the same in decimal: it has answered, and that is a refusal."""
_WRONG_PIN = 55

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
    WRONG_CURRENCY: "The terminal does not take this currency.",
    0x71: "The card has not enough credit.",
    0x72: "The card's chip does not work.",
    0x73: "The card's data are wrong.",
    0x74: "The terminal has used up its keys: have it serviced.",
    0x75: "The terminal does not trust the text it was to show.",
    0x76: "The terminal does not take this card.",
    0x77: "The terminal cannot close its day now.",
    0x78: "The card has expired.",
    0x79: "The card is not yet valid.",
    0x7A: "The terminal does not know this card.",
    0x7B: "The card's chip must be read: insert it, do not swipe it.",
    0x7C: "The card's chip must be read: insert it, do not swipe it.",
    0x7D: "The terminal's way to its host does not work.",
    0x7E: "The card's chip must be read: insert it, do not swipe it.",
    FUNCTION_NOT_POSSIBLE: "The terminal does not support this function.",
    0x85: "The terminal has no key for this card.",
    0x89: "The terminal's keypad is defective.",
    0x9A: "The terminal did not understand the request.",
    0x9B: "The connection to the host failed.",
    0x9C: "The terminal is busy: wait a moment.",
    0xA0: "The terminal is not ready.",
    0xA1: "The host does not answer.",
    0xA3: "The terminal has no connection to its host.",
    0xA5: "The terminal's security rules do not allow this.",
    0xB1: "The terminal's memory is full.",
    0xB2: "The terminal's journal is full: close its day.",
    0xB4: "This transaction has been reversed already.",
    0xB5: "This transaction cannot be reversed.",
    0xB7: "The amount is too high for the pre-authorisation.",
    0xB8: "The pre-authorisation failed.",
    0xBF: "The terminal's power supply is too weak.",
    0xC0: "The terminal's card lock is defective.",
    0xC1: "The merchant's card in the terminal is locked.",
    0xC2: "The terminal must be examined first: run a diagnosis.",
    0xC3: "The amount is above the terminal's limit.",
    0xC4: "The terminal must load its card profiles first: run a diagnosis.",
    0xC5: "The terminal does not support this way of paying.",
    0xC6: "The terminal does not take this currency.",
    0xC8: "The amount is too small.",
    0xC9: "The amount is above the terminal's limit.",
    0xCB: "The terminal does this in EUR only.",
    0xCC: "The terminal's printer is not ready.",
    0xCD: "Cash-back is not possible with this card.",
    0xD2: "This function is not allowed for this card.",
    0xDC: "A card is still in the terminal.",
    0xDD: "The terminal could not give the card back.",
    0xDE: "The terminal could not take the card in.",
    0xE0: "The terminal is being maintained from afar.",
    0xE2: "The terminal's card reader does not answer.",
    0xE3: "The terminal's shutter is closed.",
    0xE4: "The terminal must be activated first.",
    0xE7: "The terminal does not know these goods.",
    0xE8: "The terminal has no table of goods.",
    0xE9: "The card is not allowed for these goods.",
    0xEA: "The card is not allowed: run a diagnosis of the terminal.",
    0xEB: "The terminal cannot check the PIN of this card.",
    0xEC: "The terminal cannot check a PIN.",
    0xED: "The terminal's keypad is defective.",
    0xF0: "The terminal must close its day first.",
    0xF1: "The terminal reports an error of an offline payment.",
    0xF5: "The terminal must be set up by its operator first.",
    0xF6: "The terminal must be set up by its operator first.",
    0xFA: "The terminal could not send its offline payments.",
    0xFB: "The terminal's record of its payments is damaged.",
    0xFC: "A part of the terminal is missing or defective.",
    0xFE: "The terminal does not know this till.",
    0xFF: "The terminal reports a system error.",
}


def reason(code: int) -> str:
    """What a result code means, as a sentence for the till."""
    if code == _WRONG_PIN:
        return "Wrong PIN."
    if code in _FROM_THE_HOST:
        return f"The card's bank declined (its code {code:02d})."
    return RESULTS.get(code, f"The terminal reports {code:02X}.")


def is_certain(code: int) -> bool:
    """Whether a code other than 00 says that certainly no money moved: it is known, and not one of those in doubt."""
    return code in _FROM_THE_HOST or (code in RESULTS and code not in IN_DOUBT)


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
    0x11: ("balance", "The terminal shows what is on the card"),
    0x12: ("processing_failed", "The terminal reports a fault"),
    0x13: ("not_accepted", "Payment is not possible"),
    0x14: ("not_accepted", "Not enough credit"),
    0x15: ("enter_pin", "Wrong PIN"),
    0x16: ("not_accepted", "The card's limit is not sufficient"),
    0x17: ("wait", "Please wait"),
    0x18: ("not_accepted", "PIN entered wrong too often"),
    0x19: ("card_refused", "The card's data are wrong"),
    0x1A: ("wait", "The terminal is being serviced"),
    0x1C: ("approved", "Approved"),
    0x1D: ("declined", "Declined"),
}
_AND_REMOVE_CARD = 0x40
"""From 41 to 5D the terminal shows the same as 40 lower, and that the card is to be removed."""
_REMOVE_CARD = 0x4B


def shown(status: int) -> tuple[str, str]:
    """Stage and text of an intermediate status, for the till's screen."""
    if status > _AND_REMOVE_CARD and status != _REMOVE_CARD and status - _AND_REMOVE_CARD in _SHOWN:
        stage, text = _SHOWN[status - _AND_REMOVE_CARD]
        return stage, f"{text}. Remove the card"
    return _SHOWN.get(0x0B if status == _REMOVE_CARD else status, ("wait", "Look at the terminal"))
