"""Whether a difference is small enough not to matter: two one-sided tests against a margin (Schuirmann 1987).

Each asks whether the difference is beyond one end of `(-margin, margin)`. Both are rejected at a level alpha where the
interval of confidence `1 - 2 alpha` lies within the margin, by whatever method it is made.
"""

from collections.abc import Callable

from agentlab.stats.interval import Interval

LEAST = 1e-9
"""A smaller p is given as this one."""
_STEPS = 40


def equivalence_p(interval: Callable[[float], Interval | None], margin: float) -> float | None:
    """The least alpha, one-sided, at which the difference is within the margin; 1 where it is at none up to one half.

    `interval` gives that of a confidence; None where there is none. Raises ValueError unless the margin is above 0.
    """
    if not margin > 0:
        raise ValueError(f"margin {margin}: it is above 0")

    def within(alpha: float) -> bool:
        limits = interval(1 - 2 * alpha)
        return limits is not None and -margin < limits.low and limits.high < margin

    if interval(0.9) is None:
        return None
    low, high = LEAST, 0.499
    if not within(high):
        return 1.0
    for _ in range(_STEPS):
        middle = (low * high) ** 0.5
        low, high = (low, middle) if within(middle) else (middle, high)
    return high
