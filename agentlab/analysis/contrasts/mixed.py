"""The mixed model of a contrast: `score ~ arm + (1 + arm | task) + (1 | task:draw)`, fitted by REML with statsmodels.

Slopes of the arm by task are what keeps its error rate: without them every rollout counts as if tasks differed in
nothing but their mean. In a balanced design the estimate is the mean of task differences and its standard error that of
the task-level t, so it is a check; where rollouts are missing it uses also those whose twin is lost.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from statsmodels.regression.mixed_linear_model import (  # pyright: ignore[reportMissingTypeStubs]
    MixedLM,
    VCSpec,
)

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.contrasts.compared import arm_rows
from agentlab.analysis.contrasts.compared import contrasts as compared
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.odds import odds
from agentlab.analysis.contrasts.table import NAMES
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row
from agentlab.errors import AnalysisError
from agentlab.pairing import PAIRING
from agentlab.runs.frames import Run
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.interval import t_p, t_quantile
from agentlab.text import pluralize

ODDS = (
    "odds ratio: of a higher score in a than in b on one task, by the cumulative-logit mixed model with arm slopes by "
    "task; difference: what it makes of mean scores; t with tasks (or clusters) - 1 degrees of freedom"
)
MOST = 30
"""Exploratory contrasts that are fitted where none is primary; each takes a tenth of a second or more."""
LARGEST = 400
"""Rollouts of a task that are fitted: time and memory grow with their square and more."""
BOUNDARY = 1e-4
"""A variance under this share of the residual is at the boundary: the fit is singular."""
Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fit:
    """One fitted model. SDs are in the measure's units."""

    estimate: float
    se: float
    task_sd: float
    slope_sd: float
    """Of the arm's effect from task to task."""
    draw_sd: float
    """Of what both arms of a draw have in common."""
    residual_sd: float
    converged: bool
    singular: bool
    """A variance is 0, or the effect of a task is a function of its mean: the model has more than the data tell."""
    doubted: bool
    """Whether statsmodels warned of anything."""


def mixed(run: Run, measure: str | None = None) -> Analysis:
    """One row per primary contrast, or per contrast where none is primary; `se_without` leaves the slopes out.

    `odds` is of scores with few levels, such as right or wrong, or points of a rubric. Raises AnalysisError where no
    contrast has 6 tasks with 2 draws.
    """
    chosen = [c for c in compared(run) if measure in (None, c.measure)]
    primary = [c for c in chosen if c.primary]
    rows, more, ratios, remarks = list[Row](), list[Row](), list[Row](), Remarks()
    fitted = primary or chosen[:MOST]
    for c in fitted:
        name = f"{c.measure}, {c.pair}"
        try:
            row, other, of_fit = _rows(run, c)
            rows.append(row)
            more.append(other)
            for note in of_fit:
                remarks.add(note, name)
            ratio, of_odds = odds(run, c, _table(run, c))
        except AnalysisError as why:
            remarks.add(str(why), name)
            continue
        ratios.append(ratio)
        for note in of_odds:
            remarks.add(note, name)
    if not rows:
        why = "; ".join(remarks.notes(len(fitted), most=1))
        raise AnalysisError(why or f"{run.folder} has only one arm, so there is nothing to compare")
    notes = list(remarks.notes(len(fitted)))
    if not primary and len(chosen) > MOST:
        notes.append(
            f"{len(chosen) - MOST} more contrasts are not fitted: declare the important ones under compare.primary"
        )
    if run.clusters:
        notes.append("the model assumes independent tasks, and these are not: rely on the paired difference only")
    tables = {"mixed": pd.DataFrame(rows)} | ({"odds": pd.DataFrame(ratios)} if ratios else {})
    tables["variances"] = pd.DataFrame(more)
    draws = " + (1 | task:draw)" if all(c.paired for c in chosen) else ""
    says = (
        f"score ~ arm + (1 + arm | task){draws} for {pluralize(len(rows), 'contrast')} on up to "
        f"{pluralize(int(tables['variances']['tasks'].max()), 'task')}; t with tasks - 1 degrees of freedom."
    )
    about = (
        "paired_se: standard error of the task-level t, which is the headline result; se_without: without arm "
        "slopes, which is too small"
    )
    if run.clusters:
        notes.append(
            "tasks that share a source are clusters for the odds ratio only; the mixed model treats them as independent"
        )
    about_notes = (about, ODDS) if ratios else (about,)
    return Analysis(
        "mixed", "Mixed model", says, tables, (*about_notes, *dict.fromkeys(notes)), 1 + bool(ratios), _result
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The first contrasts by the model."""
    table = tables["mixed"]
    named = table.assign(name=table["measure"] + ", " + table["contrast"] + ":")
    return f"differences by the mixed model: {listed(named, 'name', 'estimate', most=2)}."


def _rows(run: Run, c: Contrast) -> tuple[Row, Row, tuple[str, ...]]:
    """Of the first table, of the second, and what has to be said of the fit."""
    if c.suppressed:
        raise AnalysisError(f"suppressed: {c.suppressed}")
    if c.result.constant:
        raise AnalysisError("every pair of a task differs by the same amount, so there is nothing to fit")
    table = _table(run, c)
    # a task with one arm tells of no difference, and is no degree of freedom of one
    tasks = int((table.groupby("task")["arm"].nunique() == 2).sum())
    if tasks < FEWEST_TASKS or table.groupby(["task", "arm"]).size().max() < 2:
        raise AnalysisError(
            f"the mixed model needs {FEWEST_TASKS} tasks with 2 draws; add tasks or draws, and run again"
        )
    if (largest := int(table.groupby("task").size().max())) > LARGEST:
        raise AnalysisError(
            f"the mixed model is not fitted to {largest:,} rollouts of a task, as its time grows faster than they do; "
            f"it takes {LARGEST:,}. The paired difference needs no limit"
        )
    fitted, without_slopes = (fit(table, slopes, c.paired) for slopes in (True, False))
    margin = t_quantile(tasks - 1, 0.95) * fitted.se
    like = c.result.new_tasks
    row: Row = {
        "contrast": c.pair,
        "measure": c.measure,
        "estimate": fitted.estimate,
        "low": fitted.estimate - margin,
        "high": fitted.estimate + margin,
        "p": t_p(fitted.estimate / fitted.se, tasks - 1),
        "se": fitted.se,
        "paired_se": like and like.se,
        "se_without": without_slopes.se,
        "slope_sd": fitted.slope_sd,
        "fit": "not converged" if not fitted.converged else "singular" if fitted.singular else "regular",
    }
    sds = {
        "task_sd": fitted.task_sd,
        "slope_sd": fitted.slope_sd,
        "draw_sd": fitted.draw_sd,
        "residual_sd": fitted.residual_sd,
    }
    more: Row = {name: getattr(c, name) for name in NAMES} | {
        "tasks": tasks,
        "rollouts": len(table),
        "paired_difference": c.result.difference,
        **sds,
    }
    return row, more, tuple(_remarks(fitted, like.se if like else math.inf))


def _table(run: Run, c: Contrast) -> pd.DataFrame:
    """`task`, `draw`, `arm` and `value`, none missing."""
    sides = [arm_rows(run, name)[[*PAIRING, c.measure]] for name in c.conditions]
    both = pd.concat([side.assign(arm=x) for side, x in zip(sides, (0.5, -0.5), strict=True)])
    return both.rename(columns={c.measure: "value"}).astype({"task": "str"}).dropna()


def _remarks(fitted: Fit, paired_se: float) -> Iterator[str]:
    if not fitted.converged:
        yield "the fit did not converge; rely on the paired t only"
    if fitted.singular:
        smaller = (
            ", and its standard error is smaller than that of the paired t; rely on the paired t"
            if fitted.se < 0.98 * paired_se
            else ""
        )
        yield f"the fit is singular: a variance is at its boundary{smaller}"
    elif fitted.doubted and fitted.converged:
        yield "the fit and its standard error are uncertain; rely on the paired t"


def fit(table: pd.DataFrame, slopes: bool = True, pairs: bool = True) -> Fit:
    """Fits the model to columns `task`, `draw`, `arm` (+1/2 and -1/2) and `value`, none missing.

    Without `slopes` the arm has no effect of its own by task, without `pairs` a draw none that both arms share. Raises
    AnalysisError when statsmodels finds no solution at all.
    """
    exog: Array = np.column_stack([np.ones(len(table)), table["arm"].to_numpy(dtype=np.float64)])
    values = table["value"].to_numpy(dtype=np.float64)
    unit = float(values.std())
    if unit == 0:
        raise AnalysisError("the scores do not vary, so no mixed model can be fitted")
    model: Any = MixedLM(
        (values - values.mean()) / unit,  # statsmodels' thresholds are absolute
        exog,
        groups=table["task"].to_numpy(),
        exog_re=exog if slopes else exog[:, :1],
        exog_vc=_draws(table) if pairs else None,
    )
    optimum, doubted = _optimum(model)
    se, estimate = unit * float(optimum.bse[1]), unit * float(optimum.params[1])
    if not (math.isfinite(se) and math.isfinite(estimate) and se > 0):
        raise AnalysisError("statsmodels finds no standard error: the scores do not vary in the way the model assumes")
    cov: Array = np.atleast_2d(np.asarray(optimum.cov_re, dtype=np.float64)) * unit**2
    draw, residual = (float(optimum.vcomp[0]) if pairs else 0.0) * unit**2, float(optimum.scale) * unit**2
    least = min(float(np.linalg.eigvalsh(cov)[0]), draw if pairs else math.inf)
    return Fit(
        estimate,
        se,
        *(math.sqrt(max(0.0, v)) for v in (cov[0, 0], cov[1, 1] if slopes else 0.0, draw, residual)),
        converged=bool(optimum.converged),
        singular=least < BOUNDARY * residual,
        doubted=doubted,
    )


def _optimum(model: Any) -> tuple[Any, bool]:
    """The fitted model, and whether statsmodels warned of anything.

    Powell's method needs no gradient, which there is none of at the boundary, where the others end in worse optima; but
    on its way it may meet a matrix that has no inverse.
    """
    errors: list[str] = []
    for methods in (["powell"], ["bfgs", "lbfgs", "cg"]):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                fitted: Any = model.fit(reml=True, method=methods)
                fitted.bse  # noqa: B018  # is computed, and may warn, when it is asked for
            except (np.linalg.LinAlgError, ValueError) as error:
                errors.append(str(error))
                continue
        return fitted, bool(caught)
    raise AnalysisError(f"statsmodels could not fit a mixed model ({'; '.join(dict.fromkeys(errors))})")


def _draws(table: pd.DataFrame) -> Any:
    """The draws of each task as a variance component, in the order in which statsmodels has the tasks."""
    of_task = [pd.get_dummies(part["draw"]).to_numpy(dtype=np.float64) for _, part in table.groupby("task", sort=True)]
    names = [[str(i) for i in range(dummies.shape[1])] for dummies in of_task]
    return VCSpec(["draw"], [names], [of_task])
