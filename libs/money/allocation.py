"""Splitting an amount into parts whose sum is the amount, to the last minor unit."""

from collections.abc import Sequence


def allocate(amount_minor: int, weights: Sequence[int]) -> list[int]:
    """Split `amount_minor` in proportion to `weights` by largest remainder; the parts always sum to the whole.

    Ties go to the earlier part, so the result is stable. A negative amount is split as the mirror image of
    the positive one. Weights are non-negative; when all are zero the first part takes everything.
    Raises ValueError for no weights or a negative weight.
    """
    if not weights:
        raise ValueError("an amount cannot be split over no parts")
    if any(weight < 0 for weight in weights):
        raise ValueError(f"weights are not negative: {list(weights)}")
    if amount_minor < 0:
        return [-part for part in allocate(-amount_minor, weights)]
    total = sum(weights)
    if total == 0:
        return [amount_minor] + [0] * (len(weights) - 1)
    parts = [amount_minor * weight // total for weight in weights]
    missing = amount_minor - sum(parts)
    if missing:
        by_remainder = sorted(range(len(weights)), key=lambda index: (-(amount_minor * weights[index] % total), index))
        for index in by_remainder[:missing]:
            parts[index] += 1
    return parts
