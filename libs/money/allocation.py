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


def round_to_sum(target: int, numerators: Sequence[int], denominator: int) -> list[int]:
    """Round each numerator/denominator to a whole number so that the results sum to `target` exactly.

    Every result is its exact value rounded towards zero or one away from it; those with the largest remainder in
    the direction that is missing are moved, ties going to the earlier one. Signs may be mixed, and the result for
    the negated input is the negated result. Raises ValueError unless `target` is less than one from the exact sum
    or equals it rounded, which is when such a rounding is sure to exist.
    """
    parts = [numerator // denominator if numerator >= 0 else -(-numerator // denominator) for numerator in numerators]
    missing = target - sum(parts)
    if not missing:
        return parts
    sign = 1 if missing > 0 else -1
    remainders = [sign * (numerator - part * denominator) for numerator, part in zip(numerators, parts, strict=True)]
    movable = sorted((index for index, rest in enumerate(remainders) if rest > 0), key=lambda i: (-remainders[i], i))
    if len(movable) < abs(missing):
        raise ValueError(f"{target} is too far from the sum of the parts, {sum(numerators)}/{denominator}")
    for index in movable[: abs(missing)]:
        parts[index] += sign
    return parts
