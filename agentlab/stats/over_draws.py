"""The standard error of a mean of task means, of which only the draws within each task vary.

Where weights were trained several times and each is taken as given, draws vary within the replicates of a task.
"""

import numpy as np

from agentlab.stats.rows import Floats, Ints


def over_draws(values: Floats, codes: Ints, cells: Ints) -> tuple[float, float]:
    """The standard error, and its degrees of freedom by Satterthwaite (1946).

    All have shape (rows,): `codes` of tasks t and `cells` of the replicates c in them, or `codes` again, both numbered
    from 0. Each cell has two rows at least. With G tasks, `se^2 = sum_c v_c / G^2`, `v_c = (n_c / n_t)^2 s_c^2 / n_c`
    and `df = (sum v_c)^2 / sum(v_c^2 / (n_c - 1))`. Both are 0 where no cell varies.
    """
    n_c, n_t = np.bincount(cells), np.bincount(codes)
    task_c = codes[np.unique(cells, return_index=True)[1]]
    squares_c = np.bincount(cells, (values - (np.bincount(cells, values) / n_c)[cells]) ** 2)
    v_c = (n_c / n_t[task_c]) ** 2 * squares_c / (n_c - 1) / n_c
    total, squared = float(v_c.sum()), float((v_c**2 / (n_c - 1)).sum())
    return total**0.5 / len(n_t), total**2 / squared if squared else 0.0
