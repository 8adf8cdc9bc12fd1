"""The mixed model of a contrast: `score ~ arm + (1 + arm | task) + (1 | task:draw)`, fitted by REML with statsmodels.

Slopes of the arm by task are what keeps its error rate: without them every rollout counts as if tasks differed in
nothing but their mean. In a balanced design the estimate is the mean of task differences and its standard error that of
the task-level t, so it is a check; where rollouts are missing it uses also those whose twin is lost. It takes tasks as
independent, so it is not fitted where some share a source.
"""

import math
from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cells import listed
from agentlab.analysis.contrasts.compared import arm_rows
from agentlab.analysis.contrasts.compared import contrasts as compared
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.mixed_fit import Fit, fit
from agentlab.analysis.contrasts.odds import odds
from agentlab.analysis.contrasts.table import NAMES
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row, ends
from agentlab.errors import AnalysisError
from agentlab.pairing import PAIRING
from agentlab.runs.frames import Run
from agentlab.stats.contrasts.paired import FEWEST_TASKS
from agentlab.stats.interval import t_p, t_quantile
from agentlab.text import pluralize

STANDARD_ERRORS = (
    "paired difference: the headline result with its interval for new tasks, which is the one to read where the model "
    "has none; paired se: its standard error; se without: of the model without arm slopes, which is too small"
)
CLUSTERS = (
    "no mixed model: it assumes independent tasks, and some of these share a source; the paired differences "
    "(`contrasts`) and odds ratios take this into account"
)
ODDS = (
    "odds ratio: of a higher score in a than in b on one task, by the cumulative-logit mixed model with arm slopes by "
    "task; difference: what it makes of mean scores; t with tasks (or clusters) - 1 degrees of freedom"
)
MOST = 30
"""Exploratory contrasts that are fitted where none is primary; each takes a tenth of a second or more."""
SAME = 0.02
"""By how much of itself a standard error may miss that of the paired t and still be the same: a singular fit that
misses it by more has no interval."""
LARGEST = 400
"""Rollouts of a task that are fitted: time and memory grow with their square and more."""


def mixed(run: Run, measure: str | None = None) -> Analysis:
    """One row per primary contrast, or per contrast where none is primary; `se_without` leaves the slopes out.

    `odds` is of scores with few levels, such as right or wrong, or points of a rubric. Where tasks are clustered it is
    the only table. Raises AnalysisError where no contrast has 6 tasks with 2 draws.
    """
    chosen = [c for c in compared(run) if measure in (None, c.measure)]
    primary = [c for c in chosen if c.primary]
    rows, variances, ratios, remarks = list[Row](), list[Row](), list[Row](), Remarks()
    fitted = primary or chosen[:MOST]
    for c in fitted:
        name = f"{c.measure}, {c.pair}"
        try:
            table = _table(run, c)
            tasks = _tasks(table)
            if not run.clusters:
                row, other, of_fit = _rows(c, table, tasks)
                rows.append(row)
                variances.append(other)
                for note in of_fit:
                    remarks.add(note, name)
            ratio, of_odds = odds(run, c, table)
        except AnalysisError as why:
            remarks.add(str(why), name)
            continue
        ratios.append(ratio)
        for note in of_odds:
            remarks.add(note, name)
    if not rows and not ratios:
        why = "; ".join([*([CLUSTERS] if run.clusters and fitted else []), *remarks.notes(len(fitted), most=1)])
        raise AnalysisError(why or f"{run.folder} has only one arm, so there is nothing to compare")
    notes = list(remarks.notes(len(fitted)))
    if not primary and len(chosen) > MOST:
        notes.append(
            f"{len(chosen) - MOST} more contrasts are not fitted: declare the important ones under compare.primary"
        )
    made = {"mixed": rows, "odds": ratios, "variances": variances}
    tables = {name: pd.DataFrame(of) for name, of in made.items() if of}
    columns = [STANDARD_ERRORS] * bool(rows) + [ODDS] * bool(ratios)
    notes = [*columns, *([CLUSTERS] if run.clusters else []), *dict.fromkeys(notes)]
    shown = bool(rows) + bool(ratios)
    return Analysis("mixed", "Mixed model", _says(tables, chosen), tables, tuple(notes), shown, _result)


def _says(tables: Mapping[str, pd.DataFrame], chosen: Sequence[Contrast]) -> str:
    """The model, of how many contrasts."""
    first = tables["variances"] if "mixed" in tables else tables["odds"]
    size = f"{pluralize(len(first), 'contrast')} on up to {pluralize(int(first['tasks'].max()), 'task')}"
    if "mixed" not in tables:
        return f"Odds ratios only, for {size}."
    draws = " + (1 | task:draw)" if all(c.paired for c in chosen) else ""
    return f"score ~ arm + (1 + arm | task){draws} for {size}; t with tasks - 1 degrees of freedom."


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The first contrasts by the model that have an interval, and those that have none."""
    if "mixed" not in tables:
        return f"odds ratios: {listed(_named(tables['odds']), 'name', 'odds ratio', most=2)}."
    named = _named(tables["mixed"])
    known, parts = named["low"].notna(), list[str]()
    if known.any():
        parts.append(f"differences by the mixed model: {listed(named[known], 'name', 'estimate', most=2)}")
    for how, rows in named[~known].groupby("fit", sort=False):
        which = ", ".join(rows["name"].str.removesuffix(":").head(2)) + (", …" if len(rows) > 2 else "")
        parts.append(f"the fit of the mixed model is {how} ({which}); see the paired difference in `contrasts`")
    return f"{'; '.join(parts)}."


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """With a column `name` of measure and contrast."""
    return table.assign(name=table["measure"] + ", " + table["contrast"] + ":")


def _rows(c: Contrast, table: pd.DataFrame, tasks: int) -> tuple[Row, Row, tuple[str, ...]]:
    """A row of the first table, a row of the variances, and remarks on the fit."""
    fitted, without_slopes = (fit(table, slopes, c.paired) for slopes in (True, False))
    like = c.result.new_tasks
    holds = fitted.converged and not (fitted.singular and _differs(fitted, like.se if like else math.inf))
    margin = t_quantile(tasks - 1, 0.95) * fitted.se if holds else math.nan
    row: Row = {
        "contrast": c.pair,
        "measure": c.measure,
        "estimate": fitted.estimate,
        "low": fitted.estimate - margin,
        "high": fitted.estimate + margin,
        "p": t_p(fitted.estimate / fitted.se, tasks - 1) if holds else math.nan,
        "se": fitted.se,
        "paired_difference": c.result.difference,
        **ends("paired_difference", like),
        "paired_se": like and like.se,
        "se_without": without_slopes.se,
        "slope_sd": fitted.slope_sd,
        "fit": "not converged" if not fitted.converged else "singular" if fitted.singular else "regular",
    }
    sds = {name: getattr(fitted, name) for name in ("task_sd", "slope_sd", "draw_sd", "residual_sd")}
    more: Row = {name: getattr(c, name) for name in NAMES} | {
        "tasks": tasks,
        "rollouts": len(table),
        **sds,
    }
    return row, more, tuple(_remarks(fitted, like.se if like else math.inf))


def _tasks(table: pd.DataFrame) -> int:
    """How many tasks have both arms. Raises AnalysisError where there are too few, or too many rollouts of a task."""
    # a task with one arm says nothing of the difference, so it is no degree of freedom
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
    return tasks


def _table(run: Run, c: Contrast) -> pd.DataFrame:
    """`task`, `draw`, `arm` and `value`, none missing. Raises AnalysisError where there is nothing to fit."""
    if c.suppressed:
        raise AnalysisError(f"suppressed: {c.suppressed}")
    if c.result.constant:
        raise AnalysisError("every pair of a task differs by the same amount, so there is nothing to fit")
    sides = [arm_rows(run, name)[[*PAIRING, c.measure]] for name in c.conditions]
    both = pd.concat([side.assign(arm=x) for side, x in zip(sides, (0.5, -0.5), strict=True)])
    return both.rename(columns={c.measure: "value"}).astype({"task": "str"}).dropna()


def _differs(fitted: Fit, paired_se: float) -> bool:
    return abs(fitted.se / paired_se - 1) > SAME


def _remarks(fitted: Fit, paired_se: float) -> Iterator[str]:
    if not fitted.converged:
        yield "no interval, because the fit did not converge; rely on the paired difference beside it"
    elif fitted.singular:
        wrong = (
            ", and its standard error is not that of the paired t, so it has no interval; rely on the paired "
            "difference beside it"
            if _differs(fitted, paired_se)
            else ""
        )
        yield f"the fit is singular: a variance is at its boundary{wrong}"
    elif fitted.doubted:
        yield "the fit and its standard error are uncertain; rely on the paired t"
