"""Slips on paper of their own: the shop's, with room for a signature, and the customer's where no receipt has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from libs.contracts.identity import StoreChanged
from libs.contracts.printing import Block, CutBlock, FeedBlock, PrintedDocument, RuleBlock
from libs.contracts.sales import TenderFacts
from services.sales.domain.print_sections import pair, plain, text
from services.sales.domain.receipt import card_name, slip_title
from services.sales.domain.receipt_labels import Labels, language_for
from services.sales.domain.receipt_print import slip_rows
from services.sales.domain.receipt_writer import ReceiptWriter
from services.sales.domain.slip import SlipCause, TenderSlips

_ROWS_TO_SIGN = 3


class SlipSide(StrEnum):
    """Whose slip it is."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"


@dataclass(frozen=True, slots=True)
class SlipPiece:
    """One side of a tender's slips: a piece of paper."""

    side: SlipSide
    slips: TenderSlips
    tender: TenderFacts


@dataclass(frozen=True, slots=True)
class PrintedSlips:
    """What is printed, and its title for people who look at the queue."""

    title: str
    document: PrintedDocument


def slip_document(
    pieces: Sequence[SlipPiece],
    store: StoreChanged,
    till_code: str,
    *,
    language: str | None = None,
    duplicate: bool = False,
) -> PrintedSlips:
    """One piece or more, cut apart, in `language` if receipts are printed in it, else in the store's."""
    chosen = language_for(language, store.language)
    writer = ReceiptWriter(chosen, store.country, store.currency)
    marks = (text(f"*** {writer.labels.duplicate} ***", bold=True, centred=True),) if duplicate else ()
    blocks: list[Block] = []
    for piece in pieces:
        if blocks:
            blocks.append(CutBlock())
        at = piece.slips.came_at.astimezone(ZoneInfo(store.time_zone))
        blocks += [
            text(store.name, bold=True, centred=True),
            text(_title(piece, writer.labels), bold=True, centred=True),
            *marks,
            pair(f"{writer.labels.till} {till_code}", writer.time(at)),
            RuleBlock(),
            *_content(piece, writer),
        ]
    title = _title(pieces[0], writer.labels)
    return PrintedSlips(plain(title), PrintedDocument(language=chosen, blocks=tuple(blocks)))


def _title(piece: SlipPiece, labels: Labels) -> str:
    whose = labels.customer_slip if piece.side is SlipSide.CUSTOMER else labels.merchant_slip
    title = slip_title(piece.tender.kind, labels, whose)
    return f"{labels.given_back}: {title}" if piece.slips.cause is SlipCause.RELEASED else title


def _content(piece: SlipPiece, writer: ReceiptWriter) -> list[Block]:
    slips = piece.slips
    if piece.side is SlipSide.CUSTOMER:
        return slip_rows(slips.customer)
    blocks = slip_rows(slips.to_sign) or _own_words(piece.tender, writer)
    if slips.signature_required:
        blocks += [FeedBlock(rows=_ROWS_TO_SIGN), RuleBlock(), text(writer.labels.signature)]
    return blocks


def _own_words(tender: TenderFacts, writer: ReceiptWriter) -> list[Block]:
    """What is signed where the terminal wants a signature and gave no slip for it."""
    charged_minor = tender.amount_minor + tender.tip_minor + tender.cash_back_minor
    rows = [card_name(tender.scheme, tender.masked_number), tender.approval_code or tender.reference or ""]
    return [
        *(text(row) for row in rows if row),
        pair(writer.labels.charged, writer.money(charged_minor), bold=True),
    ]
