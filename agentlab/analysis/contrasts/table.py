"""Every contrast of a run as one table with all that is known of it, and the views that select from it."""

from collections.abc import Sequence
from functools import lru_cache

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.contrasts.contrast import Contrast, scope
from agentlab.analysis.contrasts.contrast import contrasts as compared
from agentlab.analysis.contrasts.notes import interim_notes
from agentlab.analysis.row import Row, ends, estimated
from agentlab.errors import AnalysisError
from agentlab.experiment.confounds import phrase
from agentlab.pairing import PAIRING
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import pair_arms
from agentlab.stats.bounds import bounds, difference
from agentlab.stats.contrasts.effect_size import draw_sd, over_draws, over_tasks
from agentlab.text import pluralize

ABOUT = (
    "difference: a - b, mean over tasks of paired differences; these tasks: draws within these tasks; new tasks: the "
    "task-level t; p: of the latter, or of these tasks where there are few; holm: adjusted within all "
    "primary ones that are about new tasks, or about these where none is",
    "d_z: the difference in SDs of the tasks' differences; in_draw_sd: in SDs of one arm over draws of a task; both "
    "with 95% intervals by the noncentral t; worst: least and greatest it can be, whatever the missing values are",
    "judge_share: the judge's noise in the variance of a score over draws, missing where it is not separable; "
    "r, r_within: correlation of the arms over all pairs, and with task means taken out",
)
NAMES = ("role", "name", "measure", "a", "b", "within")
"""The columns that say which contrast it is."""
INTERVALS = ("difference", "these_tasks_low", "these_tasks_high", "new_tasks_low", "new_tasks_high")
DIFFERENCES = ("role", "contrast", "measure", "pairs", *INTERVALS, "p", "holm", "conclusion")
EFFECTS = (
    *NAMES,
    *("tasks", "dropped", "sign_flip", "d_z", "d_z_low", "d_z_high"),
    *("in_draw_sd", "in_draw_sd_low", "in_draw_sd_high", "worst_low", "worst_high"),
    *("judge_share", "auc", "r", "r_within"),
)
UNITS = ("output_tokens", "tokens", "calls", "money")
ARMS = (
    *(name for name in NAMES if name != "measure"),
    *("declined_a", "declined_b", *UNITS, "matched", "identical_calls", "interim_analysis", "declared_after"),
    "confounds",
)


@lru_cache(maxsize=1)
def tabulate(run: Run) -> pd.DataFrame:
    """One row per contrast and measure, primary ones first; made once, like a run's frames.

    role: primary or exploratory. name: as the scenario has it. contrast: `a - b`, with `within` if any. factor, a, b,
    within: its levels. measure. tasks, pairs: complete ones; dropped: pairs with a missing value. difference with its
    intervals these_tasks, new_tasks; p; holm; conclusion. sign_flip: the exact p of few tasks. d_z, in_draw_sd: effect
    sizes with intervals. worst_low, worst_high: bounds whatever the missing values are. judge_share, auc: of the judge.
    r, r_within: correlations of the arms. declined_a, declined_b: rollouts. output_tokens, tokens, calls, money: what a
    used for one of b; unit: the one of them that counts; matched: whether it is within a tenth of 1; baseline: whether
    one arm is the other's compute-matched one. identical_calls: a share. interim_analysis: its number; planned: whether
    alpha is spent on it; declared_after: interim analyses before the contrast was declared, 0 if it was preregistered.
    confounds: in what the arms differ. What may not be said is missing.
    """
    rows = [_row(run, contrast) for contrast in compared(run)] if len(run.rollouts) else []
    return pd.DataFrame(rows).astype({"declared_after": "Int64"} if rows else {})


def contrasts(run: Run, measure: str | None = None) -> Analysis:
    """Three views: differences and effects by contrast and measure, and arms by pair.

    Raises AnalysisError where no two arms have a task and a draw in common.
    """
    chosen = [c for c in compared(run) if measure in (None, c.measure)]
    if not chosen:
        raise AnalysisError(f"{run.folder} has no two arms to compare; `agentlab run` a scenario with a factor")
    table = tabulate(run)
    table = table if measure is None else table[(table["measure"] == measure).to_numpy()].reset_index(drop=True)
    pairs = pd.Series([(c.factor, frozenset((c.a, c.b)), c.within) for c in chosen])
    tables = {
        "contrasts": table[[*DIFFERENCES]],
        "effects": table[[*EFFECTS]],
        "arms": table.loc[~pairs.duplicated(), [*ARMS]].reset_index(drop=True),
    }
    notes = (*ABOUT, *scope(chosen), *interim_notes(run, chosen))
    return Analysis("contrasts", "Contrasts", _says(chosen), tables, notes)


def _says(chosen: Sequence[Contrast]) -> str:
    primary = sum(c.primary is not None for c in chosen)
    tasks, pairs = max(c.result.tasks for c in chosen), max(c.result.pairs for c in chosen)
    rest = pluralize(len(chosen) - primary, "exploratory contrast")
    size = f"{pluralize(tasks, 'task')} and {pluralize(pairs, 'pair')}"
    return f"{primary} primary and {rest}, paired by draw, on up to {size}."


def _row(run: Run, c: Contrast) -> Row:
    result, sides, compared = c.result, values(run, c), c.arms
    these, new = (None, None) if c.suppressed else (result.these_tasks, result.new_tasks)
    low, high = (None, None) if c.suppressed else _worst(run, c, sides)
    return {
        "role": c.role,
        "name": c.name,
        "contrast": c.pair,
        "factor": c.factor,
        "a": c.a,
        "b": c.b,
        "within": c.within,
        "measure": c.measure,
        "tasks": result.tasks,
        "pairs": result.pairs,
        "dropped": result.dropped,
        "difference": None if c.suppressed else result.difference,
        **ends("these_tasks", these),
        **ends("new_tasks", new),
        "p": c.p,
        "holm": c.holm,
        "conclusion": c.conclusion,
        "sign_flip": None if c.p is None else result.sign_flip,
        **_effects(c, sides),
        "worst_low": low,
        "worst_high": high,
        "judge_share": c.judge_share,
        "auc": c.auc,
        "r": result.correlation,
        "r_within": result.correlation_within,
        "declined_a": c.declined[0],
        "declined_b": c.declined[1],
        **dict(zip(UNITS, compared.compute.values(), strict=True)),
        "unit": compared.unit,
        "matched": compared.matched,
        "baseline": compared.baseline,
        "identical_calls": compared.identical_calls,
        "interim_analysis": c.interim.number,
        "planned": c.interim.planned,
        "declared_after": c.primary and c.primary.after,
        "confounds": phrase(compared.confounds),
    }


def _effects(c: Contrast, sides: tuple[pd.DataFrame, pd.DataFrame]) -> Row:
    """The difference beside what varies over tasks, and over draws of one task."""
    result, d_z, in_draw_sd = c.result, None, None
    if result.difference is not None and not c.suppressed and not result.constant:
        both = pair_arms(*sides, "value").rows.dropna()
        within = draw_sd(both["task"].to_numpy(), both["value_a"].to_numpy(), both["value_b"].to_numpy())
        if result.new_tasks is not None:
            d_z = over_tasks(result.difference, result.new_tasks, result.tasks)
        if result.these_tasks is not None and within is not None:
            in_draw_sd = over_draws(result.difference, result.these_tasks, within)
    return estimated("d_z", d_z) | estimated("in_draw_sd", in_draw_sd)


def _worst(run: Run, c: Contrast, sides: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[float, float]:
    m = next(m for m in run.measured if m.name == c.measure)
    seen = pd.concat([side["value"] for side in sides]).dropna().tolist()
    limits = (*m.range, *m.values.values(), *seen)
    first, second = (
        bounds(side["value"].to_numpy(), min(limits), max(limits), side["task"].tolist()) for side in sides
    )
    return difference(first, second)


def values(run: Run, c: Contrast) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both arms' `task`, `draw`, `generation` and `value`, whether a value is missing or not."""
    rows, columns = run.measures, [*PAIRING, c.measure]
    a, b = (
        rows.loc[(rows["condition"] == name).to_numpy(), columns]
        .rename(columns={c.measure: "value"})
        .astype({"task": "str"})
        for name in c.conditions
    )
    return a, b
