"""The errors of each arm as bias² and variance over draws, with what must be read beside their ratio."""

from collections.abc import Callable, Sequence
from itertools import combinations
from pathlib import Path

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.predictions import Predictions, predictions
from agentlab.analysis.vectors import vectors
from agentlab.errors import AnalysisError
from agentlab.frames import Run
from agentlab.stats.choices import Choices
from agentlab.stats.companions import companions, totals
from agentlab.stats.decompose import DELTAS, Decomposition, brier, kl, unbiased
from agentlab.stats.excess import Excess, brier_excess, kl_excess
from agentlab.stats.incoherence import difference, dispersion, incoherence
from agentlab.stats.jackknife import Estimate
from agentlab.stats.zero_one import zero_one

Row = dict[str, str | float | None]
BESIDE = {
    "accuracy": "accuracy",
    "entropy": "entropy",
    "disagreement": "disagreement",
    "flip": "flip",
    "lapse": "lapse",
    "unanimous_wrong": "one_wrong",
    "wrong_dispersion_unbiased": "D",
}
"""What stands beside incoherence, by its name in `companions` and as a short heading."""
RATIO = (
    "incoherence is variance over error, sums over tasks, with a jackknife-t interval; brier and score are without the "
    "bias of few draws, kl is a plug-in (delta 1e-12) whose single tasks do not settle near ties",
)
COMPANIONS = (
    "of answers, means over tasks: entropy (nats); disagreement of two draws; flip: not the most frequent answer; "
    "lapse: wrong though the most frequent answer is right; one wrong: all draws give one wrong answer; D: how far "
    "wrong answers scatter, 0 for always the same. With such answers incoherence is nearly a function of accuracy",
)
DISPERSION = (
    "of scores in [0, 1] with target 1 (or 0) incoherence cannot pass the cap: compare arms on dispersion, the "
    "variance as a share of the most that their means allow",
)
SHOWN = ("decomposition", "companions", "dispersion")


def decomposition(run: Run, measure: str | None = None, embeddings: str | None = None) -> Analysis:
    """By measure, arm and loss. `embeddings` is a CSV with a column `rollout` and one a dimension.

    Tables: `decomposition`; `companions` of answers and `dispersion` of scores, which are read beside it; `differences`
    (between arms, on the tasks of both, and what is left of them when only accuracy differs); `tasks` (every task),
    `ratios` (mean and median of the tasks' own), `sweep` (kl by delta), `plug_in` (without correction for few draws).
    Raises AnalysisError where no measure can be decomposed, saying why of each.
    """
    tables: dict[str, list[Row]] = {name: [] for name in (*SHOWN, "differences", "tasks", "ratios", "sweep", "plug_in")}
    notes: dict[str, None] = dict.fromkeys(map(str, RATIO))
    for m in run.measured if measure is None else [one for one in run.measured if one.name == measure]:
        try:
            arms = predictions(run, m)
        except AnalysisError as why:
            notes[str(why)] = None
            continue
        for arm in arms:
            _told(arm, tables, notes)
        tables["differences"] += [row for a, b in combinations(arms, 2) for row in _apart(a, b)]
    if embeddings is not None:
        tables = {"embeddings": vectors(run, Path(embeddings)), **tables}
    if not tables["decomposition"] and "embeddings" not in tables:
        raise AnalysisError(f"{run.folder} has nothing to decompose: {'; '.join(list(notes)[len(RATIO) :])}")
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items() if rows}
    shown = sum(name in frames for name in (*SHOWN, "embeddings"))
    return Analysis("decomposition", "Bias and variance", _says(frames), frames, tuple(notes), shown)


def _says(frames: dict[str, pd.DataFrame]) -> str:
    if "decomposition" not in frames:
        return f"Variance over draws of {frames['embeddings']['draws'].sum()} embeddings; there is no bias of them."
    table = frames["decomposition"]
    return (
        f"Error of a draw as bias² and variance, for {table['condition'].nunique()} arms on {_span(table['tasks'])} "
        f"tasks with {_span(table['draws'])} draws or more."
    )


def _span(values: pd.Series) -> str:
    least, most = values.min(), values.max()
    return f"{least:.3g}" if least == most else f"{least:.3g} to {most:.3g}"


def _told(arm: Predictions, tables: dict[str, list[Row]], notes: dict[str, None]) -> None:
    head: Row = {"measure": arm.measure.name, "condition": arm.arm}
    if arm.left_out:
        notes[
            f"{arm.measure.name}, {arm.arm}: {arm.left_out} rollouts left out, unscored or the only draw of a task"
        ] = None
    if arm.sort in ("points", "tests"):
        plug_in = arm.points() if arm.sort == "points" else arm.tests()
        _parts(head, arm, unbiased(plug_in), tables)
        _parts(head, arm, plug_in, tables, "plug_in")
    elif arm.sort == "scores":
        scored = arm.scores()
        spread = dispersion(scored) if scored.room_t is not None else None
        _parts(head, arm, scored.parts, tables)
        notes |= dict.fromkeys(f"{arm.measure.name}: {note}" for note in scored.notes)
        if scored.room_t is not None:
            own: Row = {"mean": float(scored.mean_t.mean()), **_interval("dispersion", spread), "cap": scored.cap}
            tables["dispersion"].append({**head, **own, "noise": float(scored.noise_t.mean())})
            notes |= dict.fromkeys(DISPERSION)
    else:
        _classified(head, arm, arm.choices(), tables)
        notes |= dict.fromkeys(COMPANIONS)


def _classified(head: Row, arm: Predictions, made: Choices, tables: dict[str, list[Row]]) -> None:
    beside: Row = {BESIDE[name]: total.value for name, total in totals(companions(made)).items() if name in BESIDE}
    tables["companions"].append({**head, **beside, "tasks": len(made.rows.counts_t)})
    if made.gold_t is None:
        return
    _parts(head, arm, unbiased(brier(made)), tables)
    _parts(head, arm, kl(made), tables)
    _parts(head, arm, brier(made), tables, "plug_in")
    for delta in DELTAS:
        _parts({**head, "delta": delta}, arm, kl(made, delta), tables, "sweep")
    found = zero_one(made)
    sums: Row = {
        "error": float(found.error_t.mean()),
        "bias2": float(found.bias_t.mean()),
        "variance": float(found.variance_t.mean()),
    }
    size: Row = {"tasks": len(found.error_t), "draws": int(found.draws_t.min())}
    tables["decomposition"].append({**head, "loss": "0/1", **sums, **_interval("incoherence", None), **size})
    columns = (found.error_t, found.bias_t, found.variance_t, found.factor_t)
    for task, *values in zip(arm.tasks, *columns, strict=True):
        told: Row = dict(zip(("error", "bias2", "variance", "factor"), map(float, values), strict=True))
        tables["tasks"].append({**head, "loss": "0/1", "task": task, **told})


def _parts(
    head: Row,
    arm: Predictions,
    parts: Decomposition,
    tables: dict[str, list[Row]],
    table: str = "decomposition",
) -> None:
    found = incoherence(parts)
    sums: Row = {"error": parts.error, "bias2": parts.bias2, "variance": parts.variance}
    size: Row = {"tasks": len(parts.error_t), "draws": int(parts.draws_t.min())}
    told: Row = {**head, "loss": parts.loss, **sums, **_interval("incoherence", found.ratio)}
    tables[table].append({**told, **size})
    if table == "decomposition":
        ratios: Row = {"mean": found.mean, "median": found.median}
        tables["ratios"].append({**head, "loss": parts.loss, "of_sums": found.ratio.value, **ratios})
        columns = (parts.error_t, parts.bias2_t, parts.variance_t, found.ratios_t, parts.draws_t)
        for task, *values in zip(arm.tasks, *columns, strict=True):
            names = ("error", "bias2", "variance", "incoherence", "draws")
            own: Row = dict(zip(names, map(float, values), strict=True))
            tables["tasks"].append({**head, "loss": parts.loss, "task": task, **own})


def _apart(a: Predictions, b: Predictions) -> list[Row]:
    """Differences b - a in incoherence on the tasks of both, and the excess over what accuracies make of them."""
    both = sorted(set(a.tasks) & set(b.tasks))
    if not both:
        return []
    a, b = a.among(both), b.among(both)
    head: Row = {"measure": a.measure.name, "a": a.arm, "b": b.arm, "tasks": len(both)}
    if a.sort == "scores":
        pair = [one.scores() for one in (a, b)]
        return [{**head, "loss": "score", **_interval("difference", difference(pair[1].parts, pair[0].parts))}]
    if a.sort in ("points", "tests"):
        made = [unbiased(one.points() if one.sort == "points" else one.tests()) for one in (a, b)]
        return [{**head, "loss": made[0].loss, **_interval("difference", difference(made[1], made[0]))}]
    one, two = a.choices(), b.choices()
    if one.gold_t is None:
        return []
    losses: Sequence[tuple[Callable[[Choices], Decomposition], Callable[[Choices, Choices], Excess]]] = (
        (lambda found: unbiased(brier(found)), brier_excess),
        (kl, kl_excess),
    )
    rows: list[Row] = []
    for loss, null in losses:
        parts = loss(one), loss(two)
        row: Row = {**head, "loss": parts[0].loss, **_interval("difference", difference(parts[1], parts[0]))}
        if one.hard and two.hard and not one.open:
            found = null(one, two)
            row |= {**_interval("by_accuracy", found.by_accuracy), **_interval("excess", found.excess)}
            row["tasks_of_excess"] = found.excess.tasks
        rows.append(row)
    return rows


def _interval(name: str, found: Estimate | None) -> Row:
    if found is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: found.value, f"{name}_low": found.low, f"{name}_high": found.high}
