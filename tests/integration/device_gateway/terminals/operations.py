"""Card operations as the tests ask for them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from uuid import uuid4

from device_gateway.domain.card_operations import Approved, CardOperation, OperationResult
from device_gateway.drivers.interface import Terminal
from libs.contracts.terminals import CardReferences, TerminalAction

_references = count(1)
SETTLED_WITHIN_S = 10.0


def operation(
    action: TerminalAction,
    amount_minor: int = 0,
    *,
    original: CardReferences | None = None,
    currency: str = "EUR",
    cash_back_minor: int = 0,
    tip_minor: int = 0,
) -> CardOperation:
    """An operation with a reference of its own."""
    return CardOperation(
        operation_id=uuid4(),
        action=action,
        currency=currency,
        amount_minor=amount_minor,
        reference=f"R{next(_references):09d}",
        cash_back_minor=cash_back_minor,
        tip_minor=tip_minor,
        original=original,
    )


def inquiry_about(sent: CardOperation) -> CardOperation:
    """The inquiry about an operation."""
    return replace(
        sent,
        operation_id=uuid4(),
        action="inquiry",
        reference=f"R{next(_references):09d}",
        sent_action=sent.action,
        sent_reference=sent.reference,
        sent_amount_minor=sent.amount_minor,
    )


def performed(device: Terminal, wanted: CardOperation) -> OperationResult:
    """Perform it; what the terminal shows meanwhile is of no interest."""
    return device.perform(wanted, _ignore)


def approved(device: Terminal, wanted: CardOperation) -> Approved:
    """Perform it; it must be approved."""
    result = performed(device, wanted)
    assert isinstance(result, Approved), result
    return result


def _ignore(stage: str, text: str) -> None:
    """See performed."""


def until(what: Callable[[], bool], within_s: float = SETTLED_WITHIN_S) -> None:
    """Wait until it holds. Raises AssertionError when it does not in time."""
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, f"it did not happen within {within_s:g} s"
        time.sleep(0.005)
