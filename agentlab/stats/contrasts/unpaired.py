"""The difference between two arms on the same tasks whose draws are no pairs.

For these tasks the variance is that of independent samples in every task (Welch 1947; strata as in Cochran 1977, ch. 5,
with the degrees of freedom of Satterthwaite 1946). For new tasks the difference of a task is that of its two means, and
the tasks are what is paired.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from agentlab.stats.contrasts.paired import Paired, paired
from agentlab.stats.interval import Interval, limited, t_interval

Array = NDArray[np.float64]
Cells = Sequence[Array]
"""The values of an arm in one task, by replicate."""


def unpaired(
    tasks: tuple[Sequence[Hashable], Sequence[Hashable]],
    values: tuple[ArrayLike, ArrayLike],
    level: float = 0.95,
    clusters: Mapping[Any, Hashable] | None = None,
    most: float = inf,
    replicates: tuple[Sequence[Hashable], Sequence[Hashable]] | None = None,
) -> Paired:
    """Compares two arms, each given as one task and one value per row, NaN if missing; arms may differ in rows.

    `D = sum_t (mean_at - mean_bt) / G` over the G tasks in which both arms have a value. `these_tasks`:
    `var(D) = sum_t (v_at + v_bt) / G^2` with `v = s^2 / n` of an arm in a task, on
    `(sum v)^2 / sum(v^2 / (n - 1))` degrees of freedom; it takes two values of both arms in every task. With
    `replicates` of either arm's rows, as in `paired`, v is the sum of `(n_c / n)^2 s_c^2 / n_c` over replicates c.
    `new_tasks`, `sign_flip`, `clusters` and `most` are those of `paired` over task means. There are no `pairs` and no
    correlations; `dropped` counts missing values and values of tasks that the other arm lacks. Raises ValueError for
    shapes that do not fit.
    """
    apart = replicates or tuple([0] * len(names) for names in tasks)
    arms = [_cells(*arm) for arm in zip(tasks, values, apart, strict=True)]
    shared = [task for task in arms[0] if task in arms[1]]
    rows = sum(len(names) for names in tasks)
    kept = [[arm[task] for task in shared] for arm in arms]
    used = sum(len(cell) for arm in kept for cells in arm for cell in cells)
    means = [np.array([np.concatenate(cells).mean() for cells in arm]) for arm in kept]
    comparison = paired(shared, [0] * len(shared), means[0], means[1], level, "task", clusters, most)
    # what `paired` says of these tasks is about one pair of means in each
    beyond = comparison.notes if comparison.difference is None else comparison.notes[1:]
    difference = comparison.difference
    these, why = (None, "") if difference is None else _these_tasks(kept, float(difference), level)
    return replace(
        comparison,
        pairs=0,
        dropped=rows - used,
        these_tasks=limited(these, most),
        correlation=None,
        correlation_within=None,
        constant=False,
        notes=tuple(note for note in (why, *beyond) if note),
    )


def _these_tasks(arms: Sequence[Sequence[Cells]], difference: float, level: float) -> tuple[Interval | None, str]:
    both = list(zip(*arms, strict=True))
    single = sum(min(len(cell) for cells in task for cell in cells) < 2 for task in both)
    if single:
        tasks = f"{single} of {len(both)} tasks"
        return None, f"no interval for these tasks: {tasks} have one value of an arm, and two are needed"
    of_arm = [(cell, len(cell) / sum(map(len, cells))) for task in both for cells in task for cell in cells]
    sizes = np.array([len(cell) for cell, _ in of_arm], dtype=np.float64)
    v = np.array([share**2 * cell.var(ddof=1) for cell, share in of_arm]) / sizes
    scale = max(float(np.abs(cell).max()) for cell, _ in of_arm)
    if float(v.sum()) <= (1e-12 * scale) ** 2:
        return None, "no interval for these tasks: no arm's values vary within a task"
    df = float(v.sum() ** 2 / (v**2 / (sizes - 1)).sum())
    return t_interval(difference, float(np.sqrt(v.sum())) / len(both), df, level), ""


def _cells(tasks: Sequence[Hashable], values: ArrayLike, replicates: Sequence[Hashable]) -> dict[Hashable, Cells]:
    """The values of every task that has one, by replicate."""
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or not len(tasks) == len(x) == len(replicates):
        raise ValueError(f"tasks and values differ in length: {len(tasks)}, {x.shape}")
    rows: dict[Hashable, dict[Hashable, list[float]]] = {}
    for task, value, replicate in zip(tasks, x.tolist(), replicates, strict=True):
        if np.isfinite(value):
            rows.setdefault(task, {}).setdefault(replicate, []).append(value)
    return {task: [np.array(cell) for cell in cells.values()] for task, cells in rows.items()}
