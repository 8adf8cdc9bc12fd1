"""How large a paired difference is beside what varies anyway: over tasks, and over draws of one task.

Intervals invert the noncentral t distribution (Steiger & Fouladi 1997; Cumming & Finch 2001).
"""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.estimate import Estimate
from agentlab.stats.interval import Interval
from agentlab.text import pluralize

Array = NDArray[np.float64]


def over_tasks(difference: float, like: Interval, tasks: int, level: float = 0.95) -> Estimate:
    """`d_z = D / sd(d_t)`, the difference in SDs of the tasks' true-and-sampled differences.

    `like` is the 'new tasks' interval of `paired`, so `d_z = D / (se sqrt(G))`. Its interval is that of the
    noncentrality of `t = D / se` on G - 1 degrees of freedom, divided by `sqrt(G)`.
    """
    if tasks < FEWEST_TASKS:
        raise ValueError(f"{pluralize(tasks, 'task')}: an effect size for new tasks needs at least {FEWEST_TASKS}")
    low, high = noncentrality(difference / like.se, like.df, level)
    root = math.sqrt(tasks)
    return Estimate(difference / like.se / root, low / root, high / root)


def over_draws(difference: float, these: Interval, within: float, level: float = 0.95) -> Estimate | None:
    """`D / s_w`, the difference in SDs of one arm's outcome over draws of one task; see `draw_sd`. None if `s_w` is 0.

    `these` is the 'these tasks' interval of `paired`. Its interval is that of the noncentrality of `t = D / se`, times
    `se / s_w`; exact where the task variances are equal, else as good as the Satterthwaite degrees of freedom.
    """
    if within <= 0:
        return None
    low, high = noncentrality(difference / these.se, these.df, level)
    return Estimate(difference / within, low * these.se / within, high * these.se / within)


def draw_sd(*arms: tuple[ArrayLike, ArrayLike]) -> float | None:
    """`s_w`: root of the arms' variance within tasks, pooled over tasks and arms.

    An arm is the labels of its tasks, or of the replicates in them, and its values, both of shape (n,), none missing.
    None without two draws of any.
    """
    squares, df = 0.0, 0
    for tasks, values in arms:
        codes = np.unique(np.asarray(tasks), return_inverse=True)[1]
        x: Array = np.asarray(values, dtype=np.float64)
        means = np.bincount(codes, x) / np.bincount(codes)
        squares += float(((x - means[codes]) ** 2).sum())
        df += len(x) - len(means)
    return math.sqrt(squares / df) if df > 0 else None


def noncentrality(t: float, df: float, level: float = 0.95) -> tuple[float, float]:
    """The `c` for which `t` lies at the upper and at the lower `(1 - level) / 2` point of noncentral t(df, c)."""
    if df <= 0 or not math.isfinite(t):
        raise ValueError(f"t {t} on {df} degrees of freedom: both are finite, and the latter above 0")
    if t < 0:
        low, high = noncentrality(-t, df, level)
        return -high, -low
    tail = (1 - level) / 2
    return _solved(t, df, 1 - tail), _solved(t, df, tail)


def _solved(t: float, df: float, share: float) -> float:
    """The `c` with `P(T'_(df, c) <= t) = share`, which falls as `c` grows; `t >= 0`."""
    spread = 10 + 10 * t / math.sqrt(2 * df)
    low, high = t - spread, t + spread

    def below(c: float) -> float:
        """scipy's is inaccurate far in a tail, where all that counts is which side it is on."""
        probability = float(special.nctdtr(df, c, t))
        return probability if math.isfinite(probability) else float(c < t)

    while below(low) < share:
        low -= spread
    while below(high) > share:
        high += spread
    for _ in range(200):
        middle = (low + high) / 2
        if not low < middle < high or high - low < 1e-10 * max(1.0, abs(t)):
            break
        low, high = (middle, high) if below(middle) > share else (low, middle)
    return (low + high) / 2
