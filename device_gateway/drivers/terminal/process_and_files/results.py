"""What the files that a program left say became of an operation. Pure: bytes in, outcome out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, tzinfo

from device_gateway.domain.card_operations import Approved, CardOperation, Declined, OperationResult, Slips, Unknown
from device_gateway.domain.masked_number import masked_number
from device_gateway.drivers.terminal.process_and_files.dialect import Dialect, Reference
from libs.contracts.terminals import CardFacts, CardReferences

_LINE_END = re.compile(r"\r\n|\n|\r")
_TIME = re.compile(r"^[0-9]{14}$")


@dataclass(frozen=True, slots=True)
class ResultFiles:
    """The contents of the files, None for one that is not there.

    `finished`: the program ended by itself. If it was killed, or nobody saw its end, the last line of a file may be cut
    short and is not believed.
    """

    outcome: bytes | None
    slip: bytes | None
    finished: bool


def outcome_in(
    files: ResultFiles, operation: CardOperation, dialect: Dialect, *, encoding: str, zone: tzinfo
) -> OperationResult:
    """Read the outcome. The exit code plays no part: the sources say that it cannot be trusted.

    `operation` is the one that the files are of; `zone` is that of the terminal's clock.
    """
    if operation.action == "last_slip" and not files.outcome:
        # The sources do not say whether a code comes with it: the slip is what was asked for.
        return _reprinted(_slip_lines(files, encoding))
    if not files.outcome:
        return Unknown("The terminal's program left no result. Look at the terminal's own last slip.")
    lines = _whole_lines(files.outcome, encoding, files.finished)
    match = re.match(dialect.outcome_pattern, lines[0]) if lines else None
    if match is None:
        return Unknown("The terminal's program left a damaged result. Look at the terminal's own last slip.")
    code, text = match["code"], match["text"].strip()
    if code in dialect.uncertain_codes:
        return Unknown(f"The terminal says {code} {text}".strip() + ": it does not know itself what became of it.")
    slip = _slip_lines(files, encoding)
    slips = _slips(slip)
    if code not in dialect.approved_codes:
        known = dialect.reasons.get(code, f"The terminal declined with code {code}.")
        return Declined(reason_code=code, reason=known if code in dialect.reasons else text or known, slips=slips)
    if operation.action == "last_slip":
        return _reprinted(slip)
    told = {name: lines[at].strip() for name, at in dialect.outcome_lines.items() if at < len(lines)}
    for name, pattern in dialect.slip_patterns.items():
        found = re.search(pattern, "\n".join(slip))
        if found and not told.get(name):
            told[name] = found[1]
    card = masked_number(told.get("masked_number", ""))
    return Approved(
        amount_minor=operation.amount_minor,
        card=CardFacts(masked_number=card) if card else None,
        references=_references(told, zone),
        slips=slips,
        text=text,
    )


def _whole_lines(data: bytes, encoding: str, finished: bool) -> list[str]:
    lines = _LINE_END.split(data.decode(encoding, "replace"))
    # The piece after the last line end is empty, or a line that may not have been written to its end.
    return lines if finished else lines[:-1]


def _slip_lines(files: ResultFiles, encoding: str) -> list[str]:
    return _LINE_END.split(files.slip.decode(encoding, "replace")) if files.slip else []


def _reprinted(lines: list[str]) -> OperationResult:
    slips = _slips(lines)
    if slips == Slips():
        return Declined("no_slip", "The terminal has no last slip.")
    return Approved(amount_minor=0, slips=slips)


def _slips(lines: list[str]) -> Slips:
    """The slip for both: the sources do not say how a file with two copies parts them."""
    kept = [line.rstrip() for line in lines]
    while kept and not kept[-1]:
        kept.pop()
    return Slips(customer=tuple(kept), merchant=tuple(kept))


def _references(told: dict[Reference, str], zone: tzinfo) -> CardReferences:
    return CardReferences(
        terminal_id=told.get("terminal_id") or None,
        trace=told.get("trace") or None,
        receipt_number=told.get("receipt_number") or None,
        approval_code=told.get("approval_code") or None,
        retrieval_reference=told.get("retrieval_reference") or None,
        transaction_time=_time(told.get("transaction_time", ""), zone),
    )


def _time(text: str, zone: tzinfo) -> datetime | None:
    if not _TIME.match(text):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=zone)
    except ValueError:
        return None
