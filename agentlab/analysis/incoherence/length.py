"""Whether what takes longer errs otherwise: by task, within task, and where arms reason more or less."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.components.judge_noise import once, repeats
from agentlab.analysis.components.nested import template
from agentlab.analysis.contrasts.contrast import ALPHA
from agentlab.analysis.incoherence.bucketed import OWN, Rule, grouped, reference_of
from agentlab.analysis.incoherence.drawn import drawn
from agentlab.analysis.incoherence.effort import budgets, effort
from agentlab.analysis.incoherence.halved import half_rows, split_arm
from agentlab.analysis.incoherence.measured import by_measure
from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.analysis.incoherence.repeated import changed, curve
from agentlab.analysis.remarks import Remarks, by_reason
from agentlab.analysis.row import Row
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.text import pluralize

KINDS = ("output_tokens", "reasoning_tokens", "turns", "messages")
"""Columns of `run.rollouts` that are a length."""
CONTEXT = "context"
"""The factor whose levels are contexts of one task."""
DESCRIBES = "Length was not randomized: halves and groups are descriptive and do not show what more length would cause"
SPLIT = (
    "Each half has half of the draws of each task (an odd middle draw is left out), so its estimates are less "
    "precise than those of the whole; variance is the unbiased estimate, ties are split at random, and p comes from "
    "shuffling lengths within tasks, separately for each arm and measure"
)
EFFORT = (
    "effort: a minus b, paired by task; for halves, long minus short within one arm, an association with length that "
    "nobody set; p values are not adjusted for multiple comparisons"
)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is compared with what."""

    lengths: Mapping[str, float]
    """By rollout."""
    rules: Sequence[Rule]
    """By whose lengths tasks are grouped, besides an arm's own."""
    pairs: Sequence[tuple[str, str, str]]
    """Of arms that differ in how much they reason."""
    questions: Mapping[str, str]
    """By task, where tasks put one question in several contexts."""
    contexts: Mapping[str, tuple[str, str]]
    """By condition: the name that it shares with those that differ from it in context only, and its context."""


@dataclass(slots=True)
class _Tables:
    """Rows by table, as they are gathered."""

    halves: list[Row] = field(default_factory=list[Row])
    parts: list[Row] = field(default_factory=list[Row])
    buckets: list[Row] = field(default_factory=list[Row])
    slopes: list[Row] = field(default_factory=list[Row])
    effort: list[Row] = field(default_factory=list[Row])
    ensembles: list[Row] = field(default_factory=list[Row])
    changes: list[Row] = field(default_factory=list[Row])

    def frames(self) -> dict[str, pd.DataFrame]:
        names = ("halves", "parts", "effort", "buckets", "slopes", "ensembles", "changes")
        return {name: pd.DataFrame(rows) for name in names if (rows := getattr(self, name))}


def length(
    run: Run,
    of: str = KINDS[0],
    measure: str | None = None,
    reference: str | None = None,
    by: str | None = None,
) -> Analysis:
    """Bias and variance by length; `of` is output_tokens, reasoning_tokens, turns or messages.

    `reference` names a condition or level by whose lengths tasks are grouped besides each arm's own; `by` a field of
    the tasks whose value is the question that they put in several contexts. Tables: `halves` (short against long draws
    of the same tasks) and `parts` (each half), `effort` (arms that differ in `reasoning`), `buckets` and `slopes`
    (tasks of like length), `ensembles` (averages of draws), `changes` (of answers). Raises AnalysisError for another
    `of`, where all lengths are 0, and where no measure can be decomposed.
    """
    lengths, tables, remarks = _lengths(run, of), _Tables(), Remarks()
    plan = _Plan(
        {str(key): float(value) for key, value in zip(run.rollouts["rollout"].tolist(), lengths, strict=True)},
        [] if reference is None else [reference_of(run, reference, lengths)],
        budgets(run, remarks),
        template(run, by).groups,
        _contexts(run),
    )
    for arms in by_measure(run, measure, remarks, _inseparable):
        _compare(run, plan, arms, tables, remarks)
    frames, count = tables.frames(), run.rollouts["condition"].nunique()
    if not frames:
        raise AnalysisError(f"{run.folder} has nothing to compare by length: {by_reason(remarks.notes(count))}")
    notes = [DESCRIBES, *([SPLIT] if tables.halves else []), *([EFFORT] if tables.effort else [])]
    shown = max(1, sum(name in frames for name in ("halves", "parts", "effort")))
    about = of.replace("_", " ")
    return Analysis(
        "length", f"By length: {about}", _says(tables, about), frames, (*notes, *remarks.notes(count)), shown, _result
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """In how many rows incoherence differs between long and short draws."""
    if "halves" not in tables:
        return "no task could be split into short and long draws."
    table = tables["halves"].dropna(subset=["difference_in_incoherence", "incoherence_p"])
    if table.empty:
        return "no difference in incoherence between long and short draws could be tested."
    apart = table[table["incoherence_p"] <= ALPHA]
    up, size = int((apart["difference_in_incoherence"] > 0).sum()), pluralize(len(table), "comparison")
    which = f": higher in {up:,}, lower in {len(apart) - up:,}" if len(apart) else ""
    return (
        f"incoherence differs between long and short draws in {len(apart):,} of {size}{which} "
        f"(p ≤ {ALPHA}, not adjusted)."
    )


def _lengths(run: Run, of: str) -> "pd.Series[float]":
    if of not in KINDS:
        raise AnalysisError(f"unknown length {of!r}; give one of {', '.join(KINDS)}")
    lengths = run.rollouts[of].astype("float64")
    if unknown := int(lengths.isna().sum()):
        raise AnalysisError(
            f"{run.folder}: {of} is unknown in {pluralize(unknown, 'rollout')}, whose replies had no token counts; "
            f"`length turns` does not need them"
        )
    if not (lengths > 0).any():
        others = [kind for kind in KINDS if (run.rollouts[kind] > 0).any()]
        raise AnalysisError(f"{run.folder} has no {of} in any rollout; it has {', '.join(others) or 'no other length'}")
    return lengths


def _contexts(run: Run) -> dict[str, tuple[str, str]]:
    rows = run.conditions.to_dict("records")
    if CONTEXT not in run.factors:
        return {str(row["condition"]): (str(row["condition"]), "") for row in rows}
    others = [factor for factor in run.factors if factor != CONTEXT]
    return {
        str(row["condition"]): (",".join(f"{name}={row[name]}" for name in others) or "all", str(row[CONTEXT]))
        for row in rows
    }


def _inseparable(run: Run, arms: Sequence[Predictions]) -> str:
    if arms[0].sort not in ("scores", "tests"):
        return ""
    judge = arms[0].measure.judge
    single = all(once(run, judge, arm.table) for arm in arms)
    return repeats(run, judge) or ("each rollout has one judge draw" if single else "")


def _compare(run: Run, plan: _Plan, arms: Sequence[Predictions], tables: _Tables, remarks: Remarks) -> None:
    """All tables of one measure."""
    name = arms[0].measure.name
    draws = {arm.arm: drawn(arm, plan.lengths) for arm in arms}
    split = {arm.arm: arm_halves for arm in arms if (arm_halves := split_arm(arm, draws[arm.arm], remarks))}
    known = {arm.arm: arm for arm in arms if all(task_draws.target is not None for task_draws in draws[arm.arm])}
    for arm in arms:
        if arm.arm in split:
            difference, parts = half_rows(arm, split[arm.arm])
            tables.halves.append(difference)
            tables.parts += parts
        tables.ensembles += curve(arm, draws[arm.arm], remarks)
    for arm in known.values():
        means = [float(task_draws.lengths.mean()) for task_draws in draws[arm.arm]]
        for rule in (Rule(OWN, dict(zip(arm.tasks, means, strict=True))), *plan.rules):
            buckets, slopes = grouped(run, arm, rule, remarks)
            tables.buckets += buckets
            tables.slopes += slopes
    for a, b, within in plan.pairs:
        if a in known and b in known:
            head: Row = {"measure": name, "a": a, "b": b, "within": within}
            tables.effort += [{**head, **row} for row in effort((known[a], known[b]), draws, split, run, remarks)]
    # groups by meaning are numbered anew in each condition and task, so they cannot be held against others'
    semantic = not arms[0].measure.scales
    shared: dict[str, list[tuple[str, Predictions]]] = {}
    for arm in arms:
        key, context = (arm.arm, "") if semantic else plan.contexts[arm.arm]
        shared.setdefault(key, []).append((context, arm))
    tables.changes += changed(shared, {} if semantic else plan.questions, remarks)


def _says(tables: _Tables, of: str) -> str:
    if not tables.halves:
        return f"Error, bias² and variance by {of}; no task could be split into short and long draws."
    tasks = max(int(row["tasks"] or 0) for row in tables.parts)
    arms = len({row["condition"] for row in tables.halves})
    size = f"{pluralize(arms, 'arm')}, at most {pluralize(tasks, 'task')}"
    return f"Short against long draws of the same tasks, by {of}: {size}."
