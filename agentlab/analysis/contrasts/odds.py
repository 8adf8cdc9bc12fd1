"""The companion of a contrast on scores of few levels: the odds of a higher score in one arm than in the other."""

import numpy as np
import pandas as pd

from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.row import Row
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.stats.contrasts.cumulative_logit import CumulativeLogit, cumulative_logit
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.interval import t_p, t_quantile
from agentlab.text import pluralize

MOST_LEVELS = 10
"""Different scores, up to which they are taken as levels in order."""


def odds(run: Run, c: Contrast, table: pd.DataFrame) -> tuple[Row, tuple[str, ...]]:
    """A row and its remarks, of columns `task`, `arm` (+1/2 for a, -1/2 for b) and `value`, none missing.

    odds_ratio: of a higher score in a than in b on one task; difference: of mean scores over tasks, with 95 % intervals
    by t; p of no difference. Raises AnalysisError for more than ten different scores, and for what has no odds ratio.
    """
    levels = np.unique(table["value"].to_numpy(dtype=np.float64))
    if len(levels) > MOST_LEVELS:
        raise AnalysisError(f"no odds ratio: {len(levels)} different scores, and the limit is {MOST_LEVELS}")
    both = table.groupby("task")["arm"].transform("nunique") == 2
    counted = table[both.to_numpy(dtype=bool)].groupby(["task", "arm", "value"]).size().unstack(fill_value=0)
    tasks = [str(task) for task in counted.index.unique("task")]
    sides = [counted.xs(arm, level="arm").to_numpy(dtype=np.float64) for arm in (0.5, -0.5)]
    codes = cluster_codes(run.clusters, tasks)
    clusters = len(tasks) if codes is None else len(set(codes.tolist()))
    if clusters < len(tasks) and clusters < FEWEST_TASKS:
        raise AnalysisError(f"no odds ratio: {pluralize(clusters, 'cluster')} of tasks, and it needs {FEWEST_TASKS}")
    counts, values = np.stack(sides, axis=1), counted.columns.to_numpy(dtype=np.float64)
    try:
        fit = cumulative_logit(counts, values, codes)
    except ValueError as why:
        raise AnalysisError(f"no odds ratio: {why}") from None
    if not fit.converged:
        raise AnalysisError("no odds ratio: the fit did not converge")
    remarks = ["the fit of the odds ratio is singular: a variance is 0"] if fit.singular else []
    a, b = ((counts * values).sum(axis=2) / counts.sum(axis=2)).mean(axis=0).tolist()
    if abs(fit.difference - (observed := a - b)) > fit.difference_se:
        remarks.append(
            f"one odds ratio does not describe these scores: it makes a difference of {fit.difference:+.3f}, where the "
            f"means differ by {observed:+.3f}; rely on the paired difference (`contrasts`)"
        )
    return _row(c, fit, len(tasks), len(levels)), tuple(remarks)


def _row(c: Contrast, fit: CumulativeLogit, tasks: int, levels: int) -> Row:
    t = t_quantile(fit.df, 0.95)
    odds_ends = np.exp(fit.log_odds + np.array([-t, t]) * fit.log_odds_se)
    return {
        "contrast": c.pair,
        "measure": c.measure,
        "odds_ratio": float(np.exp(fit.log_odds)),
        "odds_ratio_low": float(odds_ends[0]),
        "odds_ratio_high": float(odds_ends[1]),
        "p": t_p(fit.log_odds / fit.log_odds_se, fit.df),
        "difference": fit.difference,
        "difference_low": fit.difference - t * fit.difference_se,
        "difference_high": fit.difference + t * fit.difference_se,
        "task_sd": fit.task_sd,
        "slope_sd": fit.slope_sd,
        "levels": levels,
        "tasks": tasks,
        "fit": "singular" if fit.singular else "regular",
    }
