"""Probabilities of rare events, from attempts that went on until enough of them had succeeded."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from agentlab.stats.estimate import Estimate

FEWEST = 10
"""Draws from which an interval of a mean evidence is given."""


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


def pooled_attempts(successes: Sequence[int], attempts: Sequence[int], wanted: int) -> Estimate:
    """The probability of a success from several draws, each of which stopped at `wanted` successes or at a cap.

    Without a cap reached, all draws together are one that stopped at all the successes. Otherwise the value is the
    mean of the draws' own estimates, which needs `wanted` of 2 or more, and the limits are binomial.
    """
    total, tried = sum(successes), sum(attempts)
    censored = any(count < wanted for count in successes)
    limits = inverse_limits(total, tried, censored)
    if not censored:
        value = inverse_estimate(total, tried, total)
        notes = () if value is not None else ("one success gives no unbiased estimate; raise accept or draws",)
        return Estimate(value, limits.low, limits.high, n=len(attempts), notes=notes)
    estimates = [inverse_estimate(s, k, wanted) for s, k in zip(successes, attempts, strict=True)]
    known = [value for value in estimates if value is not None]
    if len(known) == len(estimates):
        return Estimate(fmean(known), limits.low, limits.high, n=len(estimates))
    note = "some draws reached their cap and others stopped at their only success: the share is biased upward"
    return Estimate(total / tried, limits.low, limits.high, n=len(estimates), notes=(note,))


def mean_evidence(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The mean of independent unbiased estimates of one probability or evidence, as from several populations.

    The interval is Student's t around the logarithm of the mean with its jackknife standard error (Miller 1974), since
    estimates of small probabilities are skewed to the right. `bench/coverage_rare.py` checks how often it covers.
    """
    mean, size = fmean(values), len(values)
    if mean == 0:
        note = "no population reached the event: its probability is too small for this number of particles"
        return Estimate(0.0, n=size, notes=(note,))
    if size < FEWEST:
        return Estimate(mean, n=size, notes=(f"an interval needs {FEWEST} draws, and there are {size}",))
    if sum(value > 0 for value in values) == 1:
        return Estimate(mean, n=size, notes=("only one draw reached the event, so there is no interval",))
    from agentlab.stats.interval import t_quantile  # scipy is slow to import, and inference needs none of it

    without = [math.log(max(math.fsum(values) - value, math.ulp(0.0)) / (size - 1)) for value in values]
    center = fmean(without)
    se = math.sqrt((size - 1) / size * math.fsum((value - center) ** 2 for value in without))
    spread = t_quantile(size - 1, confidence) * se
    return Estimate(mean, mean * math.exp(-spread), mean * math.exp(spread), n=size)
