"""Pauses between attempts: doubled each time up to a limit, with jitter so that many do not come back at once."""

from __future__ import annotations

from random import Random

# Not the one of the module, which tests seed and watch.
_chance = Random()  # noqa: S311 - jitter, not a secret


def pause_s(failures: int, *, first_s: float, limit_s: float) -> float:
    """The pause after the `failures`-th failure in a row (from 1): half to all of the exponential step."""
    # Bounded exponent: a broker that is away for a week must not overflow a float.
    step = min(first_s * 2.0 ** min(failures - 1, 32), limit_s)
    return _chance.uniform(step / 2, step)
