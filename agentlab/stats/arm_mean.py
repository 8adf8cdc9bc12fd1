"""The mean of one arm on a bounded scale, with intervals inside it for these tasks and for new tasks.

A score between 0 and 1 with mean m has a variance of at most `m (1 - m)`, that of a right-or-wrong answer (Bhatia and
Davis 2000, Am. Math. Mon. 107, 353-357). So a standard error is worth `m (1 - m) / se^2` answers, and the interval is
that of Clopper and Pearson for so many (Korn and Graubard 1998, Survey Methodol. 24, 193-201; compared with others by
Franco, Little, Louis and Slud 2019, J. Surv. Stat. Methodol. 7, 334-364).
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.estimate import Estimate
from agentlab.stats.interval import t_quantile
from agentlab.stats.over_draws import over_draws
from agentlab.stats.rows import Bools, Floats, Ints, codes_of, rows
from agentlab.stats.task_mean import task_mean
from agentlab.text import pluralize

CHANCE = "for new tasks, the standard error over draws is used, because the one over tasks happens to be smaller"


@dataclass(frozen=True, slots=True)
class ArmMean:
    """A mean of task means, once with what draws add to it, once with what tasks and draws add."""

    these_tasks: Estimate
    new_tasks: Estimate
    """Never narrower than `these_tasks`: new tasks vary by all that draws of a task do."""


def arm_mean(
    values: ArrayLike,
    tasks: Sequence[Hashable],
    clusters: Mapping[Any, Hashable] | None = None,
    range: tuple[float, float] = (0.0, 1.0),
    level: float = 0.95,
    replicates: Sequence[Hashable] | None = None,
) -> ArmMean:
    """Of values of shape (rows,) within `range`, NaN where one is missing; `clusters` has one for each task, if any.
    `replicates`, shape (rows,), says which training each row is of, where the arm was trained several times.

    'These tasks' takes the variance over draws of a task, or of a replicate in it, as `over_draws` does. It is worth
    at least as many answers as there are draws, and as 'new tasks' is worth, so one draw of a task is enough for it.
    'New tasks' takes the standard error of `task_mean`, or that over draws if by chance this is larger; it needs 6
    tasks, and 6 clusters. Where all scores are at one end of the range the draws are the answers, and for new tasks the
    tasks or clusters. Raises ValueError for a value outside the range.
    """
    shares, there = _shares(values, tasks, range)
    if not len(shares):
        nothing = Estimate(None, notes=("no value",))
        return ArmMean(nothing, nothing)
    kept = list(compress(tasks, there))
    of_task, labels = rows(codes_of(kept), fewest=1), list(dict.fromkeys(kept))
    cells = of_task.codes if replicates is None else codes_of(zip(kept, compress(replicates, there), strict=True))
    mean_t, error = of_task.mean(shares), _over_draws(shares, of_task.codes, cells)
    units = codes_of(clusters[label] for label in labels) if clusters else None
    mean, draws = float(mean_t.mean()), len(labels) ** 2 / float((1 / of_task.counts_t).sum())
    spread = mean * (1 - mean)
    fresh, count, notes = _of_new_tasks(mean_t, units, spread, error, level)
    answers = max(draws, fresh or 0.0, 0.0 if error is None else error.worth(spread, level))
    low, width = min(range), abs(range[1] - range[0])
    at, these, new = (
        tuple(low + width * share for share in ends)
        for ends in ((mean,), share_limits(mean, answers, level), share_limits(mean, fresh, level))
    )
    return ArmMean(Estimate(*at, *these, n=len(labels)), Estimate(*at, *new, n=count, notes=notes))


def _shares(values: ArrayLike, tasks: Sequence[Hashable], range: tuple[float, float]) -> tuple[Floats, Bools]:
    """The values that are there as shares of the range, and which rows they are of."""
    x, low, high = np.asarray(values, dtype=np.float64), min(range), max(range)
    there = np.isfinite(x)
    if x.ndim != 1 or len(tasks) != len(x):
        raise ValueError(f"values of shape {x.shape} for {len(tasks)} rows: one value per row is needed")
    if low == high or np.any((x[there] < low) | (x[there] > high)):
        raise ValueError(f"a value lies outside the range from {low} to {high}")
    return (x[there] - low) / (high - low), there


@dataclass(frozen=True, slots=True)
class StandardError:
    """A standard error with its degrees of freedom."""

    se: float
    df: float

    def worth(self, spread: float, level: float) -> float:
        """Answers of variance `spread`, less what the t distribution takes for so few degrees of freedom."""
        normal = float(special.ndtri((1 + level) / 2))
        return spread / self.se**2 * (normal / t_quantile(self.df, level)) ** 2


def _over_draws(shares: Floats, codes: Ints, cells: Ints) -> StandardError | None:
    """None where a task or replicate has one draw, or no draw differs from the others of its task or replicate."""
    if np.bincount(cells).min() < 2:
        return None
    error = StandardError(*over_draws(shares, codes, cells))
    return error if error.se > 1e-15 else None


def _of_new_tasks(
    mean_t: Floats, units: Ints | None, spread: float, error: StandardError | None, level: float
) -> tuple[float | None, int, tuple[str, ...]]:
    """Answers that the mean is worth for new tasks, or None with the reason; with the number of tasks or clusters."""
    count = len(mean_t) if units is None else int(units.max()) + 1
    if count < FEWEST_TASKS:
        of = pluralize(count, "task") if units is None else f"{pluralize(count, 'cluster')} of tasks"
        return None, count, (f"{of}: too few for conclusions about new tasks (at least {FEWEST_TASKS} are needed)",)
    over = task_mean(mean_t, units)
    if spread <= 1e-12:
        return count, count, ()
    se = max(over.se, 0.0 if error is None else error.se)
    if se <= 1e-12:
        return None, count, ("no interval for new tasks: every task has the same value",)
    return StandardError(se, over.df).worth(spread, level), count, (CHANCE,) if se > over.se else ()


def share_limits(mean: float, answers: float | None, level: float) -> tuple[float, ...]:
    """Clopper and Pearson's limits of a share, for `mean * answers` right ones; empty without answers."""
    if answers is None:
        return ()
    right, tail = min(max(mean, 0.0), 1.0) * answers, (1 - level) / 2
    wrong = answers - right
    low = float(special.betaincinv(right, wrong + 1, tail)) if right > 1e-9 else 0.0
    return low, float(special.betaincinv(right + 1, wrong, 1 - tail)) if wrong > 1e-9 else 1.0
