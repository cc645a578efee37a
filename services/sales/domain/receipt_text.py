"""The receipt as plain text of 42 columns: what an 80 mm printer, a terminal or a text e-mail shows."""

from __future__ import annotations

from collections.abc import Iterable

from services.sales.domain.columns import COLUMNS, RULE, centred, cut, printable, width
from services.sales.domain.receipt import Receipt, ReceiptAmount, ReceiptLine, ReceiptSlip

_INDENT = 2


def receipt_text(receipt: Receipt) -> str:
    """The receipt in lines of at most 42 columns, ending with a line feed."""
    blocks = [
        _head(receipt),
        [row for line in receipt.lines for row in _goods(line)],
        _totals(receipt),
        _taxes(receipt),
        _foot(receipt),
        *(_slip(slip) for slip in receipt.slips),
    ]
    rows: list[str] = []
    for block in blocks:
        if block:
            rows += [*block, RULE]
    return "\n".join(row.rstrip() for row in rows[:-1]) + "\n"


def _head(receipt: Receipt) -> list[str]:
    header = receipt.header
    rows = [centred(header.store_name), *map(centred, header.address_lines)]
    if header.tax_number:
        rows.append(centred(header.tax_number))
    rows.append("")
    rows += [centred(f"*** {mark} ***") for mark in header.marks]
    rows += _pair(f"{header.title} {header.number_text}", header.completed_text)
    rows += _pair(header.till_text, header.cashier_text)
    for reference in receipt.references:
        rows += _wrapped(reference)
    return rows


def _goods(line: ReceiptLine) -> list[str]:
    name = f"{line.name} ({', '.join(line.notes)})" if line.notes else line.name
    rows = _wrapped(name)
    rows += _pair(f"{' ' * _INDENT}{line.quantity_text} × {line.unit_price_text}", line.gross_text)
    for discount in line.discounts:
        rows += _amount(discount, indent=_INDENT)
    return rows


def _totals(receipt: Receipt) -> list[str]:
    rows = [row for amount in receipt.sums for row in _amount(amount)]
    rows += _pair(receipt.total.label.upper(), receipt.total.text)
    for payment in (*receipt.payments, *receipt.on_top):
        rows += _amount(payment)
    if receipt.saved:
        rows += _pair(receipt.saved.label, receipt.saved.text)
    return rows


def _taxes(receipt: Receipt) -> list[str]:
    if not receipt.taxes:
        return []
    rows = [_three("", receipt.net_label, receipt.tax_label)]
    rows += [_three(tax.label, tax.net_text, tax.tax_text) for tax in receipt.taxes]
    return [*rows, *_wrapped(receipt.tax_note)]


def _foot(receipt: Receipt) -> list[str]:
    code = receipt.receipt_code
    rows = [centred(row) for text in receipt.footer for row in _wrapped(text)]
    return [*rows, "", centred(code)]


def _slip(slip: ReceiptSlip) -> list[str]:
    rows = [centred(slip.title), *(centred(f"*** {mark} ***") for mark in slip.marks)]
    for line in slip.lines:
        # As the terminal set it out, unless it is too wide for that.
        rows += [line] if width(line) <= COLUMNS else _wrapped(line)
    return rows


def _amount(amount: ReceiptAmount, indent: int = 0) -> list[str]:
    label = f"{' ' * indent}{amount.label}"
    rows = _pair(label, amount.text)
    if amount.note:
        rows += [f"{' ' * (indent + _INDENT)}{row}" for row in _wrapped(amount.note, COLUMNS - indent - _INDENT)]
    return rows


def _pair(left: str, right: str) -> list[str]:
    """`left` and, at the right edge, `right`; on rows of their own when they do not fit beside each other."""
    left, right = printable(left), printable(right)
    gap = COLUMNS - width(left) - width(right)
    if gap >= 1:
        return [left + " " * gap + right]
    return [*_wrapped(left), " " * max(0, COLUMNS - width(right)) + right]


def _three(label: str, middle: str, right: str) -> str:
    label, middle, right = printable(label), printable(middle), printable(right)
    right_part = " " * max(0, 11 - width(right)) + right
    middle_part = " " * max(0, 14 - width(middle)) + middle
    room = COLUMNS - width(right_part) - width(middle_part)
    label = cut(label, room)
    return label + " " * (room - width(label)) + middle_part + right_part


def _wrapped(text: str, room: int = COLUMNS) -> list[str]:
    """The text broken at spaces, and inside words longer than a row; an indent of the text is kept on each row."""
    text = printable(text)
    indent = " " * (len(text) - len(text.lstrip()))
    rows: list[str] = []
    row = ""
    for word in _pieces(text.split(), room - len(indent)):
        longer = f"{row} {word}" if row else word
        if row and width(longer) > room - len(indent):
            rows.append(indent + row)
            row = word
        else:
            row = longer
    return [*rows, indent + row]


def _pieces(words: Iterable[str], room: int) -> Iterable[str]:
    for word in words:
        rest = word
        while width(rest) > room:
            piece = cut(rest, room)
            yield piece
            rest = rest[len(piece) :]
        yield rest
