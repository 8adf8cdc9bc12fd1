"""The smallest paired difference a design can detect, before anything is spent.

A task's mean difference over R draws has variance `V = between^2 + 2 within^2 (1 - correlation) / R`: `within` is the
SD of one arm's outcome over draws of one task, `between` the SD of the true difference from task to task (task by arm).
With `w = between` and `s = within` this is Miller (2024, arXiv 2411.00640), eq. 9, with t in the place of z.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from scipy import special

from agentlab.stats.contrasts.fewest import FEWEST_TASKS


@dataclass(frozen=True, slots=True)
class OutcomeNoise:
    """What blurs a difference, as SDs in the measure's units. Raises ValueError for what cannot be."""

    within: float
    """Of one arm's outcome over draws of one task, the judge's noise included."""
    between: float
    """Of the true difference from task to task: task by arm."""
    correlation: float = 0.0
    """Of the two arms' outcomes over draws of a task; shared random numbers make it positive."""

    def __post_init__(self) -> None:
        if self.within < 0 or self.between < 0 or not -1 <= self.correlation <= 1:
            raise ValueError("SDs are at least 0, a correlation lies between -1 and 1")

    def variance(self, draws: int) -> float:
        """Of a task's mean difference over so many draws."""
        return self.between**2 + 2 * self.within**2 * (1 - self.correlation) / draws


@dataclass(frozen=True, slots=True)
class Detectable:
    """Smallest differences found with the given power. None where a design allows no test."""

    new_tasks: float | None
    """With the task-level t on G - 1 degrees of freedom; None under 6 tasks. `paired` finds somewhat fewer of them (75
    of 100 at 10 tasks where t finds 80), as it makes room for skewness."""
    limit: float | None
    """The same with endless draws: only more tasks get below it."""
    these_tasks: float | None
    """For the very tasks at hand, on G (R - 1) degrees of freedom, in each replicate; None with one draw."""


def detectable(
    tasks: int, draws: int, noise: OutcomeNoise, alpha: float = 0.05, power: float = 0.8, replicates: int = 1
) -> Detectable:
    """Smallest detectable `|a - b|` of `tasks` x `draws` pairs in a two-sided test, in each of the `replicates` of a
    loop, whose weights are taken as given."""
    if tasks < 1 or draws < 1 or replicates < 1:
        raise ValueError(f"{tasks} tasks, {draws} draws and {replicates} replicates: all are at least 1")
    total, between = noise.variance(draws * replicates), noise.between
    enough = tasks >= FEWEST_TASKS
    shift = smallest_shift(tasks - 1, alpha, power) if enough else 0.0
    inside, within = tasks * replicates * (draws - 1), total - between**2
    return Detectable(
        new_tasks=shift * math.sqrt(total / tasks) if enough else None,
        limit=shift * between / math.sqrt(tasks) if enough else None,
        these_tasks=smallest_shift(inside, alpha, power) * math.sqrt(within / tasks) if inside else None,
    )


def power_of(
    effect: float, tasks: int, draws: int, noise: OutcomeNoise, alpha: float = 0.05, replicates: int = 1
) -> tuple[float | None, float | None]:
    """Chance that a difference of `effect` is found: for new tasks, and for these tasks; None without a test."""
    between, inside = noise.variance(draws * replicates), tasks * replicates * (draws - 1)
    like = _power(effect, math.sqrt(between / tasks), tasks - 1, alpha) if tasks >= FEWEST_TASKS else None
    within = between - noise.between**2
    return like, _power(effect, math.sqrt(within / tasks), inside, alpha) if inside else None


def tasks_needed(
    effect: float, draws: int, noise: OutcomeNoise, alpha: float = 0.05, power: float = 0.8
) -> tuple[int, int] | None:
    """Fewest new tasks with which a difference of `effect` is found: at so many draws, and at endless ones.

    At least 6; None where it takes more than a million.
    """
    if effect <= 0:
        raise ValueError(f"effect {effect}: the difference to be found is above 0")
    fewest = [_fewest(effect, math.sqrt(v), alpha, power) for v in (noise.variance(draws), noise.between**2)]
    return None if fewest[0] is None or fewest[1] is None else (fewest[0], fewest[1])


def _fewest(effect: float, sd: float, alpha: float, power: float) -> int | None:
    low, high = FEWEST_TASKS - 1, FEWEST_TASKS
    while _power(effect, sd / math.sqrt(high), high - 1, alpha) < power:
        low, high = high, high * 2
        if high > 1_000_000:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        enough = _power(effect, sd / math.sqrt(middle), middle - 1, alpha) >= power
        low, high = (low, middle) if enough else (middle, high)
    return high


def _power(effect: float, se: float, df: float, alpha: float) -> float:
    return 1.0 if se == 0 else _reached(abs(effect) / se, df, float(special.stdtrit(df, 1 - alpha / 2)))


def _reached(shift: float, df: float, critical: float) -> float:
    """`P(|T'| > critical)` for `T' ~ noncentral t(df, shift)`, `shift >= 0`."""
    below, above = float(special.nctdtr(df, shift, -critical)), 1 - float(special.nctdtr(df, shift, critical))
    # Far out scipy's series ends in NaN, where one tail is empty and the other is all.
    return (0.0 if math.isnan(below) else below) + (1.0 if math.isnan(above) else above)


def smallest_shift(df: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """The noncentrality `c`, in standard errors, at which a two-sided t test on `df` degrees of freedom has `power`.

    Solves `P(|T'| > t_(df, 1 - alpha/2)) = power` for `T' ~ noncentral t(df, c)`; tends to `z_(1-alpha/2) + z_power`.
    """
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha {alpha} and power {power}: 0 < alpha < power < 1")
    # scipy.special alone: scipy.stats would take longer to import than all the rest of a plan takes.
    critical = float(special.stdtrit(df, 1 - alpha / 2))
    return smallest(lambda shift: _reached(shift, df, critical), critical + 1.0, power)


def smallest(power_at: Callable[[float], float], high: float, power: float) -> float:
    """Where a power that rises from 0 on comes to `power`; `high` is where it may be."""
    low = 0.0
    while power_at(high) < power:
        low, high = high, high * 1.5
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if power_at(middle) < power else (low, middle)
    return high
