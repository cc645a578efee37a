"""The slips in a nexo response. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from device_gateway.domain.card_operations import Slips
from libs.telemetry.redaction import redact_text

_WIDTH = 32
_LONGEST_LINE = 200
_MOST_LINES = 200
_LINE_TO_SIGN_ON = "X" + "_" * 23
_SHORTEST_RULE = "_" * 8


def read_slips(body: Mapping[str, Any]) -> Slips:
    """Merchant's (`CashierReceipt`) and customer's (`CustomerReceipt`, `SaleReceipt`) slip; what is no text is left
    out, and no line shows a whole card number. Where the customer is to sign, the merchant's has a line for it.
    """
    receipts = body.get("PaymentReceipt")
    merchant: list[str] = []
    customer: list[str] = []
    signature = False
    for receipt in receipts if isinstance(receipts, list) else ():
        if not isinstance(receipt, Mapping):
            continue
        lines = _lines(receipt.get("OutputContent"))
        if receipt.get("DocumentQualifier") == "CashierReceipt":
            merchant += lines
        else:
            customer += lines
        signature = signature or receipt.get("RequiredSignatureFlag") is True
    merchant = merchant[:_MOST_LINES]
    if signature and merchant and not any(_SHORTEST_RULE in line for line in merchant):
        merchant += ["", _LINE_TO_SIGN_ON]
    return Slips(tuple(customer[:_MOST_LINES]), tuple(merchant), signature)


def _lines(content: object) -> list[str]:
    texts: list[str] = []
    for output in content if isinstance(content, list) else (content,):
        held = output.get("OutputText") if isinstance(output, Mapping) else None
        for line in held if isinstance(held, list) else ():
            text = line.get("Text") if isinstance(line, Mapping) else None
            if isinstance(text, str):
                texts.append(redact_text(_readable(text[:_LONGEST_LINE])))
    return texts


def _readable(text: str) -> str:
    """Adyen writes a line as `name=Total&value=10.99&key=totalAmount` [M]; others write the line itself."""
    fields = parse_qs(text) if "=" in text else {}
    if not fields or not fields.keys() <= {"name", "value", "key"}:
        return text.rstrip()
    name, value = (fields.get(field, [""])[0] for field in ("name", "value"))
    return f"{name} {value.rjust(max(0, _WIDTH - len(name) - 1))}".rstrip()
