"""The smallest paired difference a design can detect, before anything is spent.

A task's mean difference over R draws has variance `V = between^2 + 2 within^2 (1 - correlation) / R`: `within` is the
SD of one arm's outcome over draws of one task, `between` the SD of the true difference from task to task (task by arm).
With `w = between` and `s = within` this is Miller (2024, arXiv 2411.00640), eq. 9, with t in the place of z.
"""

import math
from dataclasses import dataclass

from scipy import special


@dataclass(frozen=True, slots=True)
class Detectable:
    """Smallest differences found with the given power. None where a design allows no test."""

    tasks_like_these: float | None
    """With the task-level t on G - 1 degrees of freedom, as `paired` computes it; None under 6 tasks."""
    limit: float | None
    """The same with endless draws: only more tasks get below it."""
    these_tasks: float | None
    """For the very tasks at hand, on G (R - 1) degrees of freedom; None with one draw."""


def detectable(
    tasks: int,
    draws: int,
    within: float,
    between: float,
    correlation: float = 0.0,
    alpha: float = 0.05,
    power: float = 0.8,
) -> Detectable:
    """Smallest detectable `|a - b|` of `tasks` x `draws` pairs in a two-sided test.

    `correlation` is that of the two arms' outcomes over draws of a task (shared random numbers make it positive).
    """
    if tasks < 1 or draws < 1 or within < 0 or between < 0 or not -1 <= correlation <= 1:
        raise ValueError("tasks and draws are at least 1, SDs at least 0, a correlation between -1 and 1")
    noise = 2 * within**2 * (1 - correlation) / draws
    enough = tasks >= 6
    shift = smallest_shift(tasks - 1, alpha, power) if enough else 0.0
    inside = tasks * (draws - 1)
    return Detectable(
        tasks_like_these=shift * math.sqrt((between**2 + noise) / tasks) if enough else None,
        limit=shift * between / math.sqrt(tasks) if enough else None,
        these_tasks=smallest_shift(inside, alpha, power) * math.sqrt(noise / tasks) if inside else None,
    )


def smallest_shift(df: float, alpha: float = 0.05, power: float = 0.8) -> float:
    """The noncentrality `c`, in standard errors, at which a two-sided t test on `df` degrees of freedom has `power`.

    Solves `P(|T'| > t_(df, 1 - alpha/2)) = power` for `T' ~ noncentral t(df, c)`; tends to `z_(1-alpha/2) + z_power`.
    """
    if not 0 < alpha < power < 1:
        raise ValueError(f"alpha {alpha} and power {power}: 0 < alpha < power < 1")
    # scipy.special alone: scipy.stats would take longer to import than all the rest of a plan takes.
    critical = float(special.stdtrit(df, 1 - alpha / 2))

    def reached(c: float) -> float:
        return 1 - float(special.nctdtr(df, c, critical)) + float(special.nctdtr(df, c, -critical))

    low, high = 0.0, critical + 1.0
    while reached(high) < power:
        low, high = high, high * 1.5
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if not low < middle < high:
            break
        low, high = (middle, high) if reached(middle) < power else (low, middle)
    return high
