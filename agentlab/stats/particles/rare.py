"""Probabilities of rare events, from attempts that went on until enough of them had succeeded."""

from dataclasses import dataclass


def inverse_estimate(successes: int, attempts: int, wanted: int) -> float | None:
    """An unbiased estimate, from 0 to 1, of the probability of a success, when attempts stopped at `wanted` successes.

    (r - 1) / (K - 1) if the r-th success came at attempt K, and the share of successes if a cap came before (Girshick,
    Mosteller and Savage 1946). None if one success was wanted and found: there is no unbiased estimate then.
    """
    if successes < wanted:
        return successes / attempts
    return (wanted - 1) / (attempts - 1) if wanted > 1 else None


@dataclass(frozen=True, slots=True)
class Limits:
    """An interval for a probability."""

    low: float
    high: float


def inverse_limits(successes: int, attempts: int, censored: bool, confidence: float = 0.95) -> Limits:
    """The exact interval after inverse sampling: attempts stopped at a success, or (`censored`) at a cap.

    Negative-binomial limits, as beta quantiles (Clopper and Pearson 1934; Lui 1995); binomial ones if censored. It
    covers at least with `confidence`.
    """
    from scipy.stats import beta  # slow to import, and inference needs only the estimate

    tail, failures = (1 - confidence) / 2, attempts - successes
    low = float(beta.ppf(tail, successes, failures + 1)) if successes else 0.0
    above = successes + 1 if censored else successes
    high = float(beta.ppf(1 - tail, above, failures)) if failures else 1.0
    return Limits(low, high)
