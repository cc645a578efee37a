"""An acquirer's settlement file: CSV rows read one by one, each right or refused with what would be right."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import date

from libs.contracts.refusal import Invalid
from libs.money import Money, currency
from services.payments.domain.card_data import has_card_number

COLUMNS = ("kind", "date", "currency", "amount", "retrieval_reference", "approval_code", "scheme")
REQUIRED = ("kind", "date", "currency", "amount")
KINDS = ("sale", "refund")
_AMOUNT = re.compile(r"^([0-9]{1,12})(?:\.([0-9]{1,4}))?$")
_REFERENCE = re.compile(r"^[A-Za-z0-9 ]{1,40}$")


class FileUnreadable(Invalid):
    """The file as a whole cannot be read; the sentence says what would be right."""

    type = "acquirer-file-unreadable"

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence, field="file")


@dataclass(frozen=True, slots=True)
class AcquirerRow:
    """A row of the file, counted from 2 (the header is line 1). `message` says why it was refused, None if right."""

    row_number: int
    message: str | None
    kind: str | None = None
    day: date | None = None
    currency: str | None = None
    amount_minor: int | None = None
    retrieval_reference: str | None = None
    approval_code: str | None = None
    scheme: str | None = None


def read_acquirer_file(text: str, *, largest_rows: int) -> list[AcquirerRow]:
    """The rows of a CSV file with , or ; between its columns. Raises FileUnreadable for the file as a whole."""
    header_line = text.lstrip("\ufeff").partition("\n")[0]
    delimiter = ";" if header_line.count(";") > header_line.count(",") else ","
    reader = csv.reader(io.StringIO(text.lstrip("\ufeff"), newline=""), delimiter=delimiter)
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check_header(header)
        rows: list[AcquirerRow] = []
        for number, cells in enumerate(reader, start=2):
            if not any(cell.strip() for cell in cells):
                continue
            if len(rows) >= largest_rows:
                raise FileUnreadable(f"The file has more than {largest_rows} rows. Send it in parts.")
            rows.append(_row(number, header, cells))
    except csv.Error as error:
        raise FileUnreadable(f"The file is no CSV: {error}.") from error
    if not rows:
        raise FileUnreadable("The file has a header and no rows.")
    return rows


def _check_header(header: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise FileUnreadable(f"The first line must name the columns; missing: {', '.join(missing)}.")
    if not {"retrieval_reference", "approval_code"} & set(header):
        raise FileUnreadable("The file needs a column retrieval_reference or approval_code to find payments by.")
    unknown = sorted(set(header) - set(COLUMNS))
    if unknown or len(set(header)) != len(header):
        named = ", ".join(repr(name) for name in unknown) or "a column twice"
        raise FileUnreadable(f"The columns are {', '.join(COLUMNS)}; this file has {named}.")


def _row(number: int, header: list[str], cells: list[str]) -> AcquirerRow:
    if len(cells) != len(header):
        return AcquirerRow(number, f"{len(cells)} values instead of {len(header)}")
    values = {name: cell.strip() for name, cell in zip(header, cells, strict=True)}
    try:
        return _read(number, values)
    except ValueError as error:
        return AcquirerRow(number, str(error))


def _read(number: int, values: dict[str, str]) -> AcquirerRow:
    if any(has_card_number(value) for value in values.values()):
        raise ValueError("a value looks like a full card number, which is never stored")
    kind = values["kind"].lower()
    if kind not in KINDS:
        raise ValueError("kind: sale or refund")
    try:
        day = date.fromisoformat(values["date"])
    except ValueError:
        raise ValueError("date: as in 2026-03-02") from None
    money = _money(values["amount"], values["currency"])
    if money.amount_minor <= 0:
        raise ValueError("amount: above zero; the kind says which way it goes")
    reference, code = values.get("retrieval_reference") or None, values.get("approval_code") or None
    if reference is None and code is None:
        raise ValueError("retrieval_reference or approval_code: one of them finds the payment")
    for name, value in (("retrieval_reference", reference), ("approval_code", code)):
        if value is not None and not _REFERENCE.match(value):
            raise ValueError(f"{name}: up to 40 letters and digits")
    scheme = (values.get("scheme") or "")[:40] or None
    return AcquirerRow(number, None, kind, day, money.currency, money.amount_minor, reference, code, scheme)


def _money(amount: str, code: str) -> Money:
    digits = currency(code).digits
    found = _AMOUNT.match(amount)
    fraction = (found[2] or "") if found else ""
    if found is None or len(fraction) > digits:
        raise ValueError(f"amount: a decimal number with at most {digits} decimals, such as 12.50 in EUR")
    return Money(int(found[1] + fraction.ljust(digits, "0")), code)
