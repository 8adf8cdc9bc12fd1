"""Every contrast of a run as one table with all that is known of it, and the views that select from it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.contrasts.compared import contrasts as compared
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.analysis.contrasts.legend import LEGEND
from agentlab.analysis.contrasts.loops import over_loops
from agentlab.analysis.contrasts.notes import interim_notes, scope
from agentlab.analysis.contrasts.short import GROUPS, differences_found, meanings, short
from agentlab.analysis.contrasts.tasks import task_notes
from agentlab.analysis.row import Row, ends, estimated
from agentlab.analysis.unread import differing
from agentlab.errors import AnalysisError
from agentlab.experiment.confounds import phrase
from agentlab.runs.frames import Run
from agentlab.stats.contrasts.effect_size import over_draws, over_tasks
from agentlab.text import pluralize

NAMES = ("role", "name", "measure", "a", "b", "within")
"""The columns that say which contrast it is."""
INTERVALS = ("difference", "these_tasks_low", "these_tasks_high", "new_tasks_low", "new_tasks_high")
DIFFERENCES = ("role", "contrast", "measure", "pairs", *INTERVALS, "p", "holm", "conclusion", "bias")
EFFECTS = (
    *NAMES,
    *("tasks", "scored_a", "scored_b", "dropped", "sign_flip", "d_z", "d_z_low", "d_z_high"),
    *("in_draw_sd", "in_draw_sd_low", "in_draw_sd_high", "largest_task", "difference_without", "without_p"),
    *("margin", "equivalence_p", "equivalence_holm"),
    *("judge_share", "auc", "r", "r_within"),
)
MISSING = (
    *("contrast", "measure", "missing_a", "missing_b", "bounds_low", "bounds_high", "worst_low", "worst_high"),
    *("tipping", "delivered_pairs", "delivered", "delivered_low", "delivered_high"),
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
    within: its levels. measure. paired: whether draws are pairs; tasks, pairs: complete ones; scored_a, scored_b:
    rollouts with a value; dropped: pairs with a missing value and rollouts without a partner. difference with its
    intervals these_tasks, new_tasks; p; holm; conclusion; margin; equivalence_p: that the difference is beyond it,
    equivalence_holm: adjusted; bias: of the judge, that would erase it. sign_flip: the
    exact p of few tasks. largest_task: to which the difference owes most; difference_without, without_p: what is left
    without it. d_z, in_draw_sd: effect sizes with intervals. missing_a, missing_b: values; bounds, worst: what they
    leave of the difference, without and with sampling error; tipping: how far they must lie off to turn the
    conclusion; delivered: the difference over delivered rollouts alone, missing where all were. judge_share, auc: of
    the judge. r, r_within: correlations of the arms. declined_a, declined_b: rollouts. output_tokens, tokens, calls,
    money: what a used for one of b; unit: the one of them that counts; matched: whether it is within a tenth of 1;
    baseline: whether one arm is the other's compute-matched one. identical_calls: a share. interim_analysis: its
    number; planned: whether alpha is spent on it; anytime: whether p and intervals are valid at every look;
    declared_after: interim analyses before the contrast was declared, 0 if it was preregistered. confounds: in what the
    arms differ. What may not be said is missing.
    """
    rows = [_row(contrast) for contrast in compared(run)] if len(run.rollouts) else []
    whole = ("declared_after", "pairs", "delivered_pairs")
    return pd.DataFrame(rows).astype(dict.fromkeys(whole, "Int64") if rows else {})


def contrasts(run: Run, measure: str | None = None) -> Analysis:
    """Five views, and a sixth of loops with replicates. `contrasts`: for each contrast and measure the difference, the
    interval and the p on which its conclusion rests (Holm's p for a primary one). `differences`: both intervals and
    both p. `effects`: effect sizes. `arms`: what else differs, by pair of arms. `missing`: what missing values could
    change. `loops`: the same differences over whole loops.

    Raises AnalysisError where no two arms have a task and a draw in common.
    """
    chosen = [c for c in compared(run) if measure in (None, c.measure)]
    if not chosen and not run.measured:
        raise AnalysisError(f"{run.folder} has no measure yet; `agentlab judge {run.folder} --with JUDGE` makes one")
    if not chosen:
        raise AnalysisError(
            f"{run.folder} has only one arm, so there is nothing to compare; run a scenario with a factor"
        )
    table = tabulate(run)
    table = table if measure is None else table[(table["measure"] == measure).to_numpy()].reset_index(drop=True)
    pairs = pd.Series([(c.factor, frozenset((c.a, c.b)), c.within) for c in chosen])
    tables = {
        "contrasts": short(chosen),
        "differences": table[[*DIFFERENCES]],
        "effects": table[[*EFFECTS]],
        "arms": table.loc[~pairs.duplicated(), [*ARMS]].reset_index(drop=True),
        "missing": table[[*MISSING]],
    }
    hidden = {c.measure: c.suppressed for c in chosen if c.suppressed}
    loops, replicated = over_loops(run, chosen)
    if len(loops):
        tables = {"contrasts": tables.pop("contrasts"), "loops": loops, **tables}
    suppressed_notes = (f"{measure}: suppressed: {why}." for measure, why in hidden.items())
    told = (*replicated, *scope(chosen), *differing(run), *suppressed_notes)
    notes = (*told, *interim_notes(run, chosen), *task_notes(run, chosen))
    legend = {**LEGEND, **dict(meanings(chosen, {c.measure: c.better for c in chosen}))}
    shown = 1 + bool(len(loops))
    return Analysis("contrasts", "Contrasts", _says(chosen), tables, notes, shown, _result, GROUPS, legend)


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """How many of them show a difference, primary ones by themselves."""
    kinds = list[tuple[pd.Series, str, str]]()
    for role, rows in tables["contrasts"].groupby("role", sort=False):
        note = " (p not adjusted)" if role == "exploratory" else ""
        kinds.append((rows["conclusion"], f"{role} contrast{note}", f"{role} contrasts{note}"))
    return differences_found(*kinds)


def _says(chosen: Sequence[Contrast]) -> str:
    primary = sum(c.primary is not None for c in chosen)
    tasks, size = max(c.result.tasks for c in chosen), max(c.size for c in chosen)
    rest = pluralize(len(chosen) - primary, "exploratory contrast")
    paired = all(c.paired for c in chosen)
    units = pluralize(size, "pair") if paired else f"{pluralize(size, 'rollout')} of the smaller arm"
    how = "paired by draw" if paired else "unpaired within tasks"
    return f"{primary} primary and {rest}, {how}, on up to {pluralize(tasks, 'task')} and {units}."


def _row(c: Contrast) -> Row:
    result, compared = c.result, c.arms
    these, new = (None, None) if c.suppressed else (result.these_tasks, result.new_tasks)
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
        "paired": c.paired,
        "pairs": result.pairs if c.paired else None,
        "scored_a": c.scored[0],
        "scored_b": c.scored[1],
        "dropped": result.dropped,
        "difference": None if c.suppressed else result.difference,
        **ends("these_tasks", these),
        **ends("new_tasks", new),
        "p": c.p,
        "holm": c.holm,
        "conclusion": c.conclusion,
        "margin": c.margin,
        "equivalence_p": c.equivalence_p,
        "equivalence_holm": c.equivalence_holm,
        "bias": c.bias,
        "sign_flip": None if c.p is None else result.sign_flip,
        **_effects(c),
        **_missing(c),
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
        "anytime": c.interim.spend == "any",
        "declared_after": c.primary and c.primary.after,
        "confounds": phrase(compared.confounds),
    }


def _without_largest(c: Contrast) -> Row:
    left = None if c.p is None else c.result.without_largest
    return {
        "largest_task": left and left.task,
        "difference_without": left and left.difference,
        "without_p": left and left.p,
    }


def _missing(c: Contrast) -> Row:
    """What missing values and rollouts that were not delivered make of it; bounds only where values are missing."""
    missing = c.missing
    count = (0, 0) if missing is None else missing.count
    row: Row = {"missing_a": count[0], "missing_b": count[1]}
    known = None if c.suppressed else missing
    bounds = worst = (None, None)
    if known is not None and sum(count):
        bounds, worst = known.bounds, known.interval or (None, None)
    row |= {"bounds_low": bounds[0], "bounds_high": bounds[1], "worst_low": worst[0], "worst_high": worst[1]}
    delivered = known and known.delivered
    return row | {
        "tipping": c.tipping,
        "delivered_pairs": delivered.pairs if delivered and c.paired else None,
        "delivered": delivered and delivered.difference,
        **ends("delivered", delivered and delivered.tested),
    }


def _effects(c: Contrast) -> Row:
    """The difference beside what varies over tasks, and over draws of one task."""
    result, d_z, in_draw_sd = c.result, None, None
    if result.difference is not None and not c.suppressed and not result.constant:
        if result.new_tasks is not None and result.clusters is None:
            d_z = over_tasks(result.difference, result.new_tasks, result.tasks)
        if result.these_tasks is not None and c.draw_sd is not None:
            in_draw_sd = over_draws(result.difference, result.these_tasks, c.draw_sd)
    return estimated("d_z", d_z) | estimated("in_draw_sd", in_draw_sd) | _without_largest(c)
