"""The terminal's language, and nothing else: bytes from an operation, an outcome from bytes. Pure, so it can be tested
with every byte sequence there is.

In a new driver: one function that writes a request, one that reads an answer, one that reads the answer to an inquiry.
Cite the page of the document beside every number.
"""

from __future__ import annotations

from device_gateway.domain.card_operations import CardOperation, NotSent


def request_for(operation: CardOperation) -> bytes | NotSent:
    """The bytes of the request, or why it cannot be asked: then nothing is sent and the reason reaches the till.

    Refuse here what the terminal cannot do: another currency, cash-back, an action it has not, a missing reference of
    the original payment.
    """
    return NotSent(f"This is the template of a driver: it cannot carry out {operation.action.replace('_', ' ')}.")
