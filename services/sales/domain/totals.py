"""What a document or a drawer movement adds to the running totals of its shift, of which X and Z reports are made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Contribution:
    """An addition to one running total of a shift; also the total itself, once it is read back.

    Amounts are minor units of the shift's currency, signed as in the document. What `kind` and `key` say:

    | kind      | key                                     | amount_minor                        | second_minor  |
    |-----------|-----------------------------------------|-------------------------------------|---------------|
    | documents | sale, return, exchange, void            | the document's total                |               |
    | lines     | sold, returned                          | gross, before discounts             |               |
    | discount  | kind of adjustment                      | the adjustment (a discount is < 0)  |               |
    | tax       | `<code>:<rate_ppm>`                     | tax                                 | net base      |
    | tender    | kind of tender                          | what it counts for in the document  |               |
    | tip       | kind of tender                          | on top of what it counts for        |               |
    | cash_back | kind of tender                          | paid out of the drawer on top       |               |
    | rounding  | cash                                    | given - change - amount             |               |
    | foreign   | currency of the notes taken             | given_minor: their worth in local   | foreign minor |
    | drawer    | float, cash_in, cash_out, no_sale       | what was moved, never negative      |               |
    | voided    | kind of the document that was voided    | that document's total               |               |
    | no_receipt| returned                                | paid for goods without receipt (>0) |               |
    """

    kind: str
    key: str
    count: int
    amount_minor: int
    second_minor: int = 0


def merged(contributions: Iterable[Contribution]) -> list[Contribution]:
    """One contribution per kind and key, ordered by them, without those that add nothing."""
    sums: dict[tuple[str, str], tuple[int, int, int]] = {}
    for one in contributions:
        count, amount, second = sums.get((one.kind, one.key), (0, 0, 0))
        sums[one.kind, one.key] = (count + one.count, amount + one.amount_minor, second + one.second_minor)
    return [Contribution(kind, key, *sums[kind, key]) for kind, key in sorted(sums) if any(sums[kind, key])]
