"""The history check: what tills were told, compared afterwards with what the system holds.

Each till records every request when it is sent (`invoke`) and what came of it: `ok` with the document's number and
total, `fail` for a definite no, `unknown` when no answer came. Whatever the order of crashes, retries and
duplicates, `violations` then finds out whether the promises held. It only compares: no clock, no I/O.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

SHOWN_NUMBERS = 20


class Outcome(StrEnum):
    """What a till knows of a request: acknowledged, refused, or nothing (yet)."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Answer:
    """What an acknowledgement said: the document's number, its total and what the drawer kept of its cash.

    Amounts are minor units of the store's currency; `cash_minor` is what was given less the change.
    """

    number: int
    total_minor: int
    cash_minor: int


@dataclass(slots=True)
class Request:
    """One request for one sale. `sent` and `returned` count the events of the whole history, to order requests.

    Requests with the same `contents` are repetitions of each other.
    """

    till_id: str
    sale_id: str
    contents: str
    sent: int
    returned: int | None = None
    outcome: Outcome = Outcome.UNKNOWN
    answer: Answer | None = None


class History:
    """Records requests as they happen. One event loop or thread writes to it."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._events = 0

    def invoke(self, till_id: str, sale_id: str, contents: str = "") -> Request:
        """A request is about to be sent; until told otherwise its outcome is unknown."""
        request = Request(till_id, sale_id, contents, self._next())
        self.requests.append(request)
        return request

    def ok(self, request: Request, answer: Answer) -> None:
        """The sale was acknowledged."""
        request.returned, request.outcome, request.answer = self._next(), Outcome.OK, answer

    def fail(self, request: Request) -> None:
        """The request was refused for good: this request has had no effect."""
        request.returned, request.outcome = self._next(), Outcome.FAIL

    def unknown(self, request: Request) -> None:
        """No answer came: the sale may exist or not, now or later."""
        request.returned = self._next()

    def count(self, outcome: Outcome) -> int:
        """How many requests ended so."""
        return sum(request.outcome is outcome for request in self.requests)

    def _next(self) -> int:
        self._events += 1
        return self._events


@dataclass(frozen=True, slots=True)
class Document:
    """A sale as one place holds it; `effects` says how often it took effect there."""

    sale_id: str
    till_id: str
    number: int
    total_minor: int
    cash_minor: int | None = None
    effects: int = 1


@dataclass(frozen=True, slots=True)
class TillState:
    """What the system says of a till in the end: its continuity, and the X report of its one shift."""

    till_id: str
    through_number: int
    held_count: int
    missing_count: int
    report_documents: int
    report_total_minor: int
    float_minor: int
    expected_cash_minor: int


@dataclass(frozen=True, slots=True)
class FinalState:
    """What is there when all is quiet. `remaining` counts, by place, what should have drained or died nowhere."""

    stored: Sequence[Document]
    heard: Sequence[Document]
    tills: Sequence[TillState]
    remaining: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken promise: a stable `kind`, and a sentence with the ids to look for."""

    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


def violations(history: History, final: FinalState) -> list[Violation]:
    """Every promise that the history and the final state break; empty when all of them held."""
    return [
        *_acknowledged(history, final.stored, "sales"),
        *_acknowledged(history, final.heard, "the subscriber"),
        *_answers_agree(history),
        *_repetitions_are_answered(history),
        *_unacknowledged(history, final.stored),
        *_repeated(final.stored, "sales"),
        *_repeated(final.heard, "the subscriber"),
        *_same_documents(final),
        *_numbers(final),
        *_real_time_order(history),
        *_totals(final),
        *_drained(final.remaining),
    ]


def _acknowledged(history: History, held: Sequence[Document], place: str) -> Iterator[Violation]:
    """Every acknowledged sale is there, as it was acknowledged."""
    by_id = {document.sale_id: document for document in held}
    for request in history.requests:
        if request.answer is None:
            continue
        document = by_id.get(request.sale_id)
        if document is None:
            yield Violation("lost", f"sale {request.sale_id} of till {request.till_id} is not in {place}")
        elif (document.till_id, document.number, document.total_minor) != (
            request.till_id,
            request.answer.number,
            request.answer.total_minor,
        ):
            yield Violation("altered", f"{request} is in {place} as {document}")


def _answers_agree(history: History) -> Iterator[Violation]:
    """However often a sale is sent, its acknowledgements are the same."""
    answers: dict[str, Answer] = {}
    for request in history.requests:
        if request.answer is not None and answers.setdefault(request.sale_id, request.answer) != request.answer:
            yield Violation(
                "contradiction",
                f"sale {request.sale_id} was answered {answers[request.sale_id]} and {request.answer}",
            )


def _repetitions_are_answered(history: History) -> Iterator[Violation]:
    """A sale that was acknowledged is acknowledged again, whenever the same request comes once more."""
    acknowledged: dict[tuple[str, str], int] = {}
    for request in history.requests:
        if request.answer is not None and request.returned is not None:
            key = (request.sale_id, request.contents)
            acknowledged[key] = min(request.returned, acknowledged.get(key, request.returned))
    for request in history.requests:
        known = acknowledged.get((request.sale_id, request.contents))
        if request.outcome is Outcome.FAIL and known is not None and known < request.sent:
            yield Violation("refused-again", f"{request} was acknowledged before")


def _unacknowledged(history: History, stored: Sequence[Document]) -> Iterator[Violation]:
    """What is stored was asked for, and not refused each time it was asked for."""
    outcomes: dict[str, set[Outcome]] = defaultdict(set)
    tills: dict[str, str] = {}
    for request in history.requests:
        outcomes[request.sale_id].add(request.outcome)
        tills[request.sale_id] = request.till_id
    for document in stored:
        found = outcomes.get(document.sale_id)
        if found is None or tills[document.sale_id] != document.till_id:
            yield Violation("phantom", f"nobody asked for {document}")
        elif found == {Outcome.FAIL}:
            yield Violation("refused-yet-sold", f"{document} was refused")


def _repeated(held: Sequence[Document], place: str) -> Iterator[Violation]:
    effects: Counter[str] = Counter()
    for document in held:
        effects[document.sale_id] += document.effects
    for sale_id, count in effects.items():
        if count > 1:
            yield Violation("doubled", f"sale {sale_id} took effect {count} times in {place}")


def _same_documents(final: FinalState) -> Iterator[Violation]:
    """The subscriber holds exactly what sales holds, acknowledged or not."""
    stored = {document.sale_id: document for document in final.stored}
    heard = {document.sale_id: document for document in final.heard}
    for sale_id in stored.keys() - heard.keys():
        yield Violation("not-heard", f"the subscriber lacks {stored[sale_id]}")
    for sale_id in heard.keys() - stored.keys():
        yield Violation("not-stored", f"the subscriber holds {heard[sale_id]}, sales does not")
    for sale_id in stored.keys() & heard.keys():
        here, there = stored[sale_id], heard[sale_id]
        if (here.till_id, here.number, here.total_minor) != (there.till_id, there.number, there.total_minor):
            yield Violation("altered", f"{here} is with the subscriber as {there}")


def _numbers(final: FinalState) -> Iterator[Violation]:
    """Each till's numbers are 1, 2, 3 ... without gap or repetition, and the system knows it."""
    numbers: dict[str, list[int]] = defaultdict(list)
    for document in final.stored:
        numbers[document.till_id].append(document.number)
    for till_id in numbers.keys() - {till.till_id for till in final.tills}:
        yield Violation("continuity", f"there is no answer for till {till_id}, which has sold")
    for till in final.tills:
        held = Counter(numbers[till.till_id])
        double = sorted(number for number, count in held.items() if count > 1)
        if double:
            yield Violation("double-number", f"till {till.till_id} has {_some(double)} more than once")
        gaps = sorted(set(range(1, max(held, default=0) + 1)) - held.keys())
        if gaps:
            yield Violation("gap", f"till {till.till_id} lacks {_some(gaps)}")
        answered = (till.through_number, till.held_count, till.missing_count)
        expected = (max(held, default=0), len(held), len(gaps))
        if answered != expected:
            yield Violation(
                "continuity", f"till {till.till_id}: (through, held, missing) is {expected}, answered {answered}"
            )


def _real_time_order(history: History) -> Iterator[Violation]:
    """A sale that a till began after another of its sales was acknowledged has a higher number."""
    begun: dict[str, Request] = {}
    acknowledged: dict[str, tuple[int, Request]] = {}
    for request in history.requests:
        if request.sale_id not in begun or request.sent < begun[request.sale_id].sent:
            begun[request.sale_id] = request
        if request.answer is not None and request.returned is not None:
            known = acknowledged.get(request.sale_id)
            if known is None or request.returned < known[0]:
                acknowledged[request.sale_id] = (request.returned, request)
    by_till: dict[str, list[tuple[int, int, int]]] = defaultdict(list)
    for sale_id, (returned, request) in acknowledged.items():
        assert request.answer is not None
        by_till[request.till_id].append((begun[sale_id].sent, returned, request.answer.number))
    for till_id, sales in by_till.items():
        yield from _overtaken(till_id, sales)


def _overtaken(till_id: str, sales: Sequence[tuple[int, int, int]]) -> Iterator[Violation]:
    """`sales` are (begun, acknowledged, number)."""
    by_acknowledgement = sorted(sales, key=lambda sale: sale[1])
    finished, highest = 0, 0
    for begun, _, number in sorted(sales):
        while finished < len(sales) and by_acknowledgement[finished][1] < begun:
            highest = max(highest, by_acknowledgement[finished][2])
            finished += 1
        if number < highest:
            yield Violation("order", f"till {till_id} was given number {number} after {highest} was acknowledged")


def _totals(final: FinalState) -> Iterator[Violation]:
    """The running totals are the sums of the documents."""
    by_till: dict[str, list[Document]] = defaultdict(list)
    for document in final.stored:
        by_till[document.till_id].append(document)
    for till in final.tills:
        documents = by_till[till.till_id]
        expected = (len(documents), sum(document.total_minor for document in documents))
        reported = (till.report_documents, till.report_total_minor)
        if reported != expected:
            yield Violation("totals", f"till {till.till_id}: (documents, total) is {expected}, reported {reported}")
        cash = till.float_minor + sum(document.cash_minor or 0 for document in documents)
        if till.expected_cash_minor != cash:
            yield Violation(
                "drawer", f"till {till.till_id}: the drawer holds {cash}, expected is {till.expected_cash_minor}"
            )


def _drained(remaining: Mapping[str, int]) -> Iterator[Violation]:
    for place, count in remaining.items():
        if count:
            yield Violation("not-drained", f"{count} messages are left in {place}")


def _some(numbers: Iterable[int]) -> str:
    shown = list(numbers)
    more = f" and {len(shown) - SHOWN_NUMBERS} more" if len(shown) > SHOWN_NUMBERS else ""
    return ", ".join(map(str, shown[:SHOWN_NUMBERS])) + more
