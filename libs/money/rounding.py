"""Rounding of integers: half away from zero, the commercial rule, always on the magnitude with the sign put back."""


def divide_rounded(numerator: int, denominator: int) -> int:
    """Return numerator / denominator rounded half away from zero, so that f(-n) == -f(n).

    Raises ZeroDivisionError for a zero denominator.
    """
    if denominator < 0:
        numerator, denominator = -numerator, -denominator
    magnitude = (2 * abs(numerator) + denominator) // (2 * denominator)
    return -magnitude if numerator < 0 else magnitude


def round_to_increment(amount_minor: int, increment_minor: int) -> int:
    """Return the multiple of `increment_minor` nearest to `amount_minor`, halves away from zero.

    The magnitude is rounded and the sign applied after, so a refund rounds to exactly what was paid
    (retail rule 1). Raises ValueError when the increment is not positive.
    """
    if increment_minor <= 0:
        raise ValueError(f"a cash rounding increment is a positive number of minor units, not {increment_minor}")
    return divide_rounded(amount_minor, increment_minor) * increment_minor
