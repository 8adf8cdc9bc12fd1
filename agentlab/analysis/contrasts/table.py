"""Every contrast of a run with all that is known of it: differences, effects, and the arms behind them."""

from collections.abc import Sequence

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.contrasts.compute import matched
from agentlab.analysis.contrasts.contrast import Contrast, scope, verdict
from agentlab.analysis.contrasts.contrast import contrasts as compared
from agentlab.analysis.row import Row, ends, estimated
from agentlab.analysis.summary import looked
from agentlab.errors import AnalysisError
from agentlab.experiment.confounds import phrase
from agentlab.experiment.preregistration import fixed
from agentlab.pairing import PAIRING
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import pair_arms
from agentlab.stats.bounds import bounds, difference
from agentlab.stats.contrasts.effect_size import EffectSize, draw_sd, over_draws, over_tasks
from agentlab.text import pluralize

ABOUT = (
    "difference: a - b, mean over tasks of paired differences; these: draws within these tasks; like: new tasks "
    "(task-level t); p: of the latter, or of these tasks where there are few; holm: adjusted within all primary ones",
    "d_z: the difference in SDs of the tasks' differences; in_draw_sd: in SDs of one arm over draws of a task; both "
    "with 95% intervals by the noncentral t; worst: least and greatest it can be, whatever the missing values are",
    "judge_share: the judge's noise in the variance of a score over draws, missing where it is not separable; "
    "r, r_within: correlation of the arms over all pairs, and with task means taken out",
)


def contrasts(run: Run, measure: str | None = None) -> Analysis:
    """Three tables with a row per contrast and measure, and one per pair of arms, primary ones first.

    Raises AnalysisError where no two arms have a task and a draw in common.
    """
    found = [c for c in compared(run) if measure in (None, c.measure)]
    if not found:
        raise AnalysisError(f"{run.folder} has no two arms to compare; `agentlab run` a scenario with a factor")
    tables = {
        "contrasts": pd.DataFrame([_differences(c) for c in found]),
        "effects": pd.DataFrame([head(c) | _effects(run, c) for c in found]),
        "arms": pd.DataFrame([_arms(c) for c in _pairs(found)]),
    }
    notes = (*ABOUT, *scope(found).split("\n"), *looked(run, found))
    return Analysis("contrasts", "Contrasts", _says(found), tables, notes)


def head(c: Contrast) -> Row:
    """The columns that say which contrast it is."""
    return {"role": c.role, "name": c.name, "measure": c.measure, "a": c.a, "b": c.b, "within": c.within}


def _pairs(found: Sequence[Contrast]) -> list[Contrast]:
    """The first contrast of each pair of arms."""
    first: dict[tuple[str, frozenset[str], str], Contrast] = {}
    for c in found:
        first.setdefault((c.factor, frozenset((c.a, c.b)), c.within), c)
    return list(first.values())


def pair(c: Contrast) -> str:
    """The two levels, and those of the other factors."""
    return f"{c.a} - {c.b}" + (f" ({c.within})" if c.within else "")


def _says(found: Sequence[Contrast]) -> str:
    primary = sum(c.primary is not None for c in found)
    tasks, pairs = max(c.result.tasks for c in found), max(c.result.pairs for c in found)
    rest = pluralize(len(found) - primary, "exploratory contrast")
    size = f"{pluralize(tasks, 'task')} and {pluralize(pairs, 'pair')}"
    return f"{primary} primary and {rest}, paired by draw, on up to {size}."


def _differences(c: Contrast) -> Row:
    r = c.result
    these, like = (None, None) if c.suppressed else (r.these_tasks, r.new_tasks)
    return {
        "role": c.role,
        "contrast": pair(c),
        "measure": c.measure,
        "pairs": r.pairs,
        "difference": None if c.suppressed else r.difference,
        **ends("these", these),
        **ends("like", like),
        "p": c.p,
        "holm": c.holm,
        "verdict": verdict(c),
    }


def _effects(run: Run, c: Contrast) -> Row:
    r, sides = c.result, arms(run, c)
    told: dict[str, EffectSize | None] = {"d_z": None, "in_draw_sd": None}
    if r.difference is not None and not c.suppressed and not r.coupled:
        both = pair_arms(*sides, "value").rows.dropna()
        within = draw_sd(both["task"].to_numpy(), both["value_a"].to_numpy(), both["value_b"].to_numpy())
        if r.new_tasks is not None:
            told["d_z"] = over_tasks(r.difference, r.new_tasks, r.tasks)
        if r.these_tasks is not None and within is not None:
            told["in_draw_sd"] = over_draws(r.difference, r.these_tasks, within)
    row: Row = {"tasks": r.tasks, "dropped": r.dropped, "sign_flip": None if c.p is None else r.sign_flip}
    for name, effect in told.items():
        row |= estimated(name, effect)
    low, high = (None, None) if c.suppressed else _worst(run, c, sides)
    share = {"judge_share": c.judge_share, "auc": c.auc, "r": r.correlation, "r_within": r.correlation_within}
    return {**row, "worst_low": low, "worst_high": high, **share}


def _worst(run: Run, c: Contrast, sides: tuple[pd.DataFrame, pd.DataFrame]) -> tuple[float, float]:
    m = next(m for m in run.measured if m.name == c.measure)
    pluralize = pd.concat([side["value"] for side in sides]).dropna().tolist()
    ends = (*m.range, *m.values.values(), *pluralize)
    one, other = (bounds(side["value"].to_numpy(), min(ends), max(ends), side["task"].tolist()) for side in sides)
    return difference(one, other)


def arms(run: Run, c: Contrast) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both arms' `task`, `draw`, `generation` and `value`, whether a value is missing or not."""
    others = fixed(c.within, run.factors)
    found: list[pd.DataFrame] = []
    for level in (c.a, c.b):
        rows = run.measures
        for factor, wanted in {**others, c.factor: level}.items():
            rows = rows[(rows[factor] == wanted).to_numpy()]
        found.append(rows[[*PAIRING, c.measure]].rename(columns={c.measure: "value"}).astype({"task": "str"}))
    return found[0], found[1]


def _arms(c: Contrast) -> Row:
    ratio = c.ratios[c.unit]
    return {
        "role": c.role,
        "name": c.name,
        "a": c.a,
        "b": c.b,
        "within": c.within,
        "declined_a": c.declined[0],
        "declined_b": c.declined[1],
        **{unit.replace(" ", "_"): one for unit, one in c.ratios.items()},
        "matched": None if ratio is None else matched(ratio),
        "same_calls": c.identical,
        "look": c.look.number,
        "declared_after": c.primary and c.primary.after,
        "differ_in": phrase(c.differs),
    }
