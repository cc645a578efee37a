"""A receipt as blocks for paper, section by section, in the words that `receipt` chose. Pure.

A layout puts the sections in order; the device gateway lays the blocks out for the printer it has.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence

from libs.contracts.printing import (
    LONGEST_TEXT,
    MOST_BLOCKS,
    Block,
    Cell,
    CellsBlock,
    ImageBlock,
    PairBlock,
    QrBlock,
    RuleBlock,
    TextBlock,
)
from libs.contracts.refusal import Conflict
from services.sales.domain.print_sections import Printable, pair, plain, text
from services.sales.domain.receipt import Receipt, ReceiptAmount, ReceiptLine, ReceiptSlip
from services.sales.domain.receipt_labels import LABELS

RECEIPT_SECTIONS = (
    "logo",
    "store",
    "marks",
    "title",
    "lines",
    "sums",
    "total",
    "payments",
    "saved",
    "taxes",
    "footer",
    "code",
    "slips",
)
GIFT_SECTIONS = ("logo", "store", "title", "lines", "note", "code")

_CODE_GROUP = 4
_INDENT = 2
_BLANKS = " " * _INDENT
# What is left of a document's blocks is for everything but the goods.
MOST_GOODS_BLOCKS = MOST_BLOCKS - 500
_TAX_SHARES = (5, 4, 4)


class NoGiftReceipt(Conflict):
    """There is nothing in the document that somebody could be given."""

    type = "no-gift-receipt"


def printable_receipt(receipt: Receipt, logo: bytes | None) -> Printable:
    """The receipt in sections (RECEIPT_SECTIONS); a section without content is empty. `logo` is a PNG."""
    header = receipt.header
    total = receipt.total
    return Printable(
        language=receipt.language,
        title=plain(f"{header.title} {header.number_text}"),
        sections={
            "logo": _logo(logo),
            "store": _store(receipt),
            "marks": tuple(text(f"*** {mark} ***", bold=True, centred=True) for mark in header.marks),
            "title": (
                text(f"{header.title} {header.number_text}", bold=True),
                text(header.completed_text),
                pair(header.till_text, header.cashier_text),
                *(text(reference) for reference in receipt.references),
            ),
            "lines": tuple(_lines(receipt.lines)),
            "sums": tuple(block for amount in receipt.sums for block in _amount(amount)),
            "total": (pair(total.label.upper(), total.text, size=2, bold=True),),
            "payments": tuple(block for amount in (*receipt.payments, *receipt.on_top) for block in _amount(amount)),
            "saved": (pair(receipt.saved.label, receipt.saved.text),) if receipt.saved else (),
            "taxes": _taxes(receipt),
            "footer": tuple(text(line, centred=True) for line in receipt.footer),
            "code": _code(receipt),
            "slips": tuple(block for slip in receipt.slips for block in _slip(slip)),
        },
    )


def printable_gift_receipt(receipt: Receipt, logo: bytes | None) -> Printable:
    """What was bought without what it cost, and the code that a return asks for (GIFT_SECTIONS).

    Raises NoGiftReceipt for a document in which nothing was bought.
    """
    labels = LABELS[receipt.language]
    header = receipt.header
    bought = [line for line in receipt.lines if not line.returned]
    if receipt.kind == "void" or receipt.voided or not bought:
        raise NoGiftReceipt("A gift receipt is for goods that were bought; in this document there are none.")
    return Printable(
        language=receipt.language,
        title=plain(f"{labels.gift_receipt} {header.number_text}"),
        sections={
            "logo": _logo(logo),
            "store": _store(receipt),
            "title": (
                text(f"{labels.gift_receipt} {header.number_text}", bold=True),
                text(header.completed_text),
                text(header.till_text),
            ),
            "lines": tuple(pair(line.name, line.quantity_text) for line in bought),
            "note": (text(labels.gift_note, centred=True),),
            "code": _code(receipt),
        },
    )


def _logo(logo: bytes | None) -> tuple[Block, ...]:
    return () if logo is None else (ImageBlock(png=b64encode(logo)),)


def _store(receipt: Receipt) -> tuple[Block, ...]:
    header = receipt.header
    lines = [*header.address_lines, *([header.tax_number] if header.tax_number else [])]
    return (
        text(header.store_name, size=2, bold=True, centred=True),
        *(text(line, centred=True) for line in lines),
    )


def _lines(lines: Sequence[ReceiptLine]) -> list[Block]:
    """The goods; of a great many, so that the document holds them, each with its quantity and discounts in a block
    each, or, if need be, without its discounts: their sum is shown anyway.
    """
    blocks = [block for line in lines for block in _goods(line)]
    if len(blocks) > MOST_GOODS_BLOCKS:
        blocks = [block for line in lines for block in _goods_together(line)]
    if len(blocks) > MOST_GOODS_BLOCKS:
        blocks = [_goods_together(line)[0] for line in lines]
    return blocks


def _goods_together(line: ReceiptLine) -> list[Block]:
    quantity = f"{line.quantity_text} × {line.unit_price_text}"
    return [
        _stacked(_name(line), quantity, line.gross_text),
        *(_stacked(f"{_BLANKS}{each.label}", each.note, each.text) for each in line.discounts),
    ]


def _stacked(label: str, below: str, right: str) -> PairBlock:
    left = f"{plain(label)}\n{_BLANKS}{plain(below)}" if below else plain(label)
    return PairBlock(left=left[:LONGEST_TEXT], right=plain(right))


def _name(line: ReceiptLine) -> str:
    return f"{line.name} ({', '.join(line.notes)})" if line.notes else line.name


def _goods(line: ReceiptLine) -> list[Block]:
    blocks: list[Block] = [
        text(_name(line)),
        pair(f"{line.quantity_text} × {line.unit_price_text}", line.gross_text, indent=_INDENT),
    ]
    for discount in line.discounts:
        blocks += _amount(discount, indent=_INDENT)
    return blocks


def _amount(amount: ReceiptAmount, indent: int = 0) -> list[Block]:
    blocks: list[Block] = [pair(amount.label, amount.text, indent=indent)]
    if amount.note:
        blocks.append(pair(amount.note, "", indent=indent + _INDENT))
    return blocks


def _slip(slip: ReceiptSlip) -> list[Block]:
    marks = [text(f"*** {mark} ***", bold=True, centred=True) for mark in slip.marks]
    return [RuleBlock(), text(slip.title, bold=True, centred=True), *marks, *slip_rows(slip.lines)]


def slip_rows(lines: Iterable[str]) -> list[Block]:
    """The lines of a slip, each where the terminal put it, in as few blocks as hold them."""
    texts: list[str] = []
    for line in lines:
        if texts and len(texts[-1]) + len(line) < LONGEST_TEXT:
            texts[-1] += f"\n{line}"
        else:
            texts.append(line)
    return [TextBlock(text=each) for each in texts]


def _taxes(receipt: Receipt) -> tuple[Block, ...]:
    if not receipt.taxes:
        return ()
    rows = [_tax_row("", receipt.net_label, receipt.tax_label)]
    rows += [_tax_row(tax.label, tax.net_text, tax.tax_text) for tax in receipt.taxes]
    return (*rows, text(receipt.tax_note))


def _tax_row(label: str, net: str, tax: str) -> CellsBlock:
    first, second, third = _TAX_SHARES
    return CellsBlock(
        cells=(
            Cell(text=plain(label), share=first),
            Cell(text=plain(net), share=second, align="right"),
            Cell(text=plain(tax), share=third, align="right"),
        )
    )


def _code(receipt: Receipt) -> tuple[Block, ...]:
    code = receipt.receipt_code
    spaced = " ".join(code[start : start + _CODE_GROUP] for start in range(0, len(code), _CODE_GROUP))
    return (QrBlock(data=code, caption=spaced),)
