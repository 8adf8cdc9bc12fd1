"""A number with its interval, whatever it was estimated by."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its two-sided interval. What is None is missing, and `notes` say why."""

    value: float | None
    low: float | None = None
    high: float | None = None
    se: float | None = None
    df: float | None = None
    p: float | None = None
    """Two-sided, of no difference; None for what is not a difference."""
    n: int = 0
    """Tasks, or other clusters, that are independent of each other."""
    notes: tuple[str, ...] = ()
