"""Slips on paper of their own: the shop's, with room for a signature, and the customer's where no receipt has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from zoneinfo import ZoneInfo

from libs.contracts.identity import StoreChanged
from libs.contracts.printing import Block, CutBlock, FeedBlock, PrintedDocument, RuleBlock
from services.sales.domain.print_sections import pair, plain, text
from services.sales.domain.receipt import card_name, slip_title
from services.sales.domain.receipt_labels import Labels, language_for
from services.sales.domain.receipt_print import slip_rows
from services.sales.domain.receipt_writer import ReceiptWriter
from services.sales.domain.slip import SlipCause, TenderSlips
from services.sales.domain.tender import Tender

_ROWS_TO_SIGN = 3


class SlipSide(StrEnum):
    """Whose slip it is."""

    CUSTOMER = "customer"
    MERCHANT = "merchant"


@dataclass(frozen=True, slots=True)
class PrintedSlips:
    """What is printed, and its title for people who look at the queue."""

    title: str
    document: PrintedDocument


def slip_document(
    slips: TenderSlips,
    tender: Tender,
    store: StoreChanged,
    till_code: str,
    sides: Sequence[SlipSide],
    *,
    copy_mark: bool = False,
) -> PrintedSlips:
    """The slips of these sides in the store's language, each on a piece of paper of its own."""
    language = language_for(store.language)
    writer = ReceiptWriter(language, store.country, store.currency)
    titles = [_title(side, slips, tender, writer.labels) for side in sides]
    blocks: list[Block] = []
    for side, title in zip(sides, titles, strict=True):
        if blocks:
            blocks.append(CutBlock())
        marks = [text(f"*** {writer.labels.copy} ***", bold=True, centred=True)] if copy_mark else []
        blocks += [
            text(store.name, bold=True, centred=True),
            text(title, bold=True, centred=True),
            *marks,
            pair(f"{writer.labels.till} {till_code}", writer.time(slips.came_at.astimezone(ZoneInfo(store.time_zone)))),
            RuleBlock(),
            *_content(side, slips, tender, writer),
        ]
    return PrintedSlips(plain(titles[0]), PrintedDocument(language=language, blocks=tuple(blocks)))


def _title(side: SlipSide, slips: TenderSlips, tender: Tender, labels: Labels) -> str:
    whose = labels.customer_slip if side is SlipSide.CUSTOMER else labels.merchant_slip
    title = slip_title(tender.kind.value, labels, whose)
    return f"{labels.given_back}: {title}" if slips.cause is SlipCause.RELEASED else title


def _content(side: SlipSide, slips: TenderSlips, tender: Tender, writer: ReceiptWriter) -> list[Block]:
    if side is SlipSide.CUSTOMER:
        return slip_rows(slips.customer)
    blocks = slip_rows(slips.to_sign) or _own_words(tender, writer)
    if slips.signature_required:
        blocks += [FeedBlock(rows=_ROWS_TO_SIGN), RuleBlock(), text(writer.labels.signature)]
    return blocks


def _own_words(tender: Tender, writer: ReceiptWriter) -> list[Block]:
    """What is signed where the terminal wants a signature and gave no slip for it."""
    charged_minor = tender.amount_minor + tender.tip_minor + tender.cash_back_minor
    rows = [card_name(tender.scheme, tender.masked_number), tender.approval_code or tender.reference or ""]
    return [
        *(text(row) for row in rows if row),
        pair(writer.labels.charged, writer.money(charged_minor), bold=True),
    ]
