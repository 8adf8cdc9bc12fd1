"""The errors of each arm as bias² and variance over draws, with what must be read beside their ratio."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.components.judge_noise import once
from agentlab.analysis.incoherence.measured import by_measure
from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.analysis.incoherence.vectors import vectors
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row, estimated
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.stats.incoherence.choices import Choices
from agentlab.stats.incoherence.companions import companions, totals
from agentlab.stats.incoherence.decompose import Decomposition, brier, delta_sweep, kl, unbiased
from agentlab.stats.incoherence.excess import Excess, brier_excess, kl_excess
from agentlab.stats.incoherence.incoherence import difference, dispersion, dispersion_difference, incoherence
from agentlab.stats.incoherence.judged import JudgedDecomposition
from agentlab.stats.incoherence.zero_one import zero_one
from agentlab.text import pluralize, pluralize_range

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
    "bias of few draws, kl is a plug-in (delta 1e-12) whose single tasks do not settle near ties"
)
COMPANIONS = (
    "of answers, means over tasks: entropy (nats); disagreement of two draws; flip: not the most frequent answer; "
    "lapse: wrong though the most frequent answer is right; one wrong: all draws give one wrong answer; D: how far "
    "wrong answers scatter, 0 for always the same. With such answers incoherence is nearly a function of accuracy"
)
DISPERSION = (
    "of scores in [0, 1] with target 1 (or 0) incoherence cannot pass the cap: compare arms on dispersion, the "
    "variance as a share of the most that their means allow"
)
SHOWN = ("decomposition", "companions", "dispersion")


def decomposition(run: Run, measure: str | None = None, embeddings: str | None = None) -> Analysis:
    """By measure, arm and loss. `embeddings` is a CSV with a column `rollout` and one a dimension.

    Groups of outputs that mean the same (`run.groups`) stand under the name of their judge, unless a measure is named.
    Tables: `decomposition`; `companions` of answers and `dispersion` of scores, which are read beside it; `differences`
    (a less b, on the tasks of both, and what is left of them when only accuracy differs); `tasks` (every task),
    `ratios` (mean and median of the tasks' own), `sweep` (kl by delta), `plug_in` (without correction for few draws).
    Raises AnalysisError where no measure can be decomposed, saying why of each.
    """
    tables: dict[str, list[Row]] = {name: [] for name in (*SHOWN, "differences", "tasks", "ratios", "sweep", "plug_in")}
    remarks = Remarks()
    for arms in by_measure(run, measure, remarks, _inseparable):
        for arm in arms:
            _told(arm, tables, remarks)
        tables["differences"] += _differences(arms)
    if embeddings is not None:
        tables = {"embeddings": vectors(run, Path(embeddings)), **tables}
    count = run.rollouts["condition"].nunique()
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items() if rows}
    if "tasks_of_excess" in frames.get("differences", ()):
        frames["differences"] = frames["differences"].astype({"tasks_of_excess": "Int64"})
    if not frames:
        raise AnalysisError(f"{run.folder} has nothing to decompose: {'; '.join(remarks.notes(count))}")
    shown = sum(name in frames for name in (*SHOWN, "embeddings"))
    notes = ((RATIO,) if "decomposition" in frames else ()) + remarks.notes(count)
    return Analysis("decomposition", "Bias and variance", _says(frames), frames, notes, shown)


def _inseparable(run: Run, arms: Sequence[Predictions]) -> str:
    """Of scores the decomposition itself says so."""
    single = arms[0].sort == "tests" and all(once(run, arm.measure.judge, arm.table) for arm in arms)
    return "one judge draw of each rollout" if single else ""


def _says(frames: dict[str, pd.DataFrame]) -> str:
    if "decomposition" not in frames and "embeddings" in frames:
        return f"Variance over draws of {frames['embeddings']['draws'].sum()} embeddings; there is no bias of them."
    table = frames.get("decomposition", frames.get("companions"))
    assert table is not None
    what = "Error of a draw as bias² and variance" if "decomposition" in frames else "How the answers of draws scatter"
    return (
        f"{what}, for {pluralize(table['condition'].nunique(), 'arm')} on {_span(table, 'task')} with "
        f"{_span(table, 'draw')} or more."
    )


def _span(table: pd.DataFrame, noun: str) -> str:
    values = table[f"{noun}s"]
    return pluralize_range(int(values.min()), int(values.max()), noun)


def _told(arm: Predictions, tables: dict[str, list[Row]], remarks: Remarks) -> None:
    head: Row = {"measure": arm.measure.name, "condition": arm.arm}
    if arm.left_out:
        remarks.add(
            f"{arm.measure.name}: rollouts left out, unscored or the only draw of a task: {arm.left_out}", arm.arm
        )
    if arm.sort == "scores":
        scored = arm.scores()
        _parts(head, arm, scored.parts, tables)
        for note in scored.notes:
            remarks.add(f"{arm.measure.name}: {note}", arm.arm)
        if scored.room_t is not None:
            own: Row = {"mean": float(scored.mean_t.mean()), **estimated("dispersion", dispersion(scored))}
            tables["dispersion"].append({**head, **own, "cap": scored.cap, "noise": float(scored.noise_t.mean())})
            remarks.add(DISPERSION)
    elif arm.sort in ("points", "tests"):
        _parts(head, arm, arm.parts(), tables)
        _parts(head, arm, arm.points() if arm.sort == "points" else arm.tests(), tables, "plug_in")
    else:
        _classified(head, arm, arm.choices(), tables)
        remarks.add(COMPANIONS)


def _classified(head: Row, arm: Predictions, made: Choices, tables: dict[str, list[Row]]) -> None:
    beside: Row = {BESIDE[name]: total.value for name, total in totals(companions(made)).items() if name in BESIDE}
    draws = int(made.rows.counts_t.min())
    tables["companions"].append({**head, **beside, "tasks": len(made.rows.counts_t), "draws": draws})
    if made.gold_t is None:
        return
    _parts(head, arm, arm.parts(), tables)
    _parts(head, arm, kl(made), tables)
    _parts(head, arm, brier(made), tables, "plug_in")
    for delta, parts in delta_sweep(made).items():
        _parts({**head, "delta": delta}, arm, parts, tables, "sweep")
    found = zero_one(made)
    sums: Row = {
        "error": float(found.error_t.mean()),
        "bias2": float(found.bias_t.mean()),
        "variance": float(found.variance_t.mean()),
    }
    size: Row = {"tasks": len(found.error_t), "draws": int(found.draws_t.min())}
    tables["decomposition"].append({**head, "loss": "0/1", **sums, **estimated("incoherence", None), **size})
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
    told: Row = {**head, "loss": parts.loss, **sums, **estimated("incoherence", found.ratio)}
    tables[table].append({**told, **size})
    if table == "decomposition":
        ratios: Row = {"mean": found.mean, "median": found.median}
        tables["ratios"].append({**head, "loss": parts.loss, "of_sums": found.ratio.value, **ratios})
        columns = (parts.error_t, parts.bias2_t, parts.variance_t, found.ratios_t, parts.draws_t)
        for task, *values in zip(arm.tasks, *columns, strict=True):
            names = ("error", "bias2", "variance", "incoherence", "draws")
            own: Row = dict(zip(names, map(float, values), strict=True))
            tables["tasks"].append({**head, "loss": parts.loss, "task": task, **own})


@dataclass(frozen=True, slots=True)
class _Arrays:
    """One arm on some tasks, laid out once for all arms that it is compared with."""

    parts: Decomposition
    scored: JudgedDecomposition | None
    choices: Choices | None
    kl: Decomposition | None

    @classmethod
    def of(cls, arm: Predictions) -> "_Arrays":
        if arm.sort == "scores":
            scored = arm.scores()
            return cls(scored.parts, scored, None, None)
        if arm.sort in ("points", "tests"):
            return cls(arm.parts(), None, None, None)
        choices = arm.choices()
        return cls(unbiased(brier(choices)), None, choices, kl(choices))


def _differences(arms: Sequence[Predictions]) -> Iterator[Row]:
    """Differences a - b in incoherence on the tasks of both, and the excess over what accuracies make of them."""
    known: dict[tuple[str, tuple[str, ...]], _Arrays] = {}
    for a, b in combinations(arms, 2):
        both = tuple(sorted(set(a.tasks) & set(b.tasks)))
        if not both or (a.sort == "groups" and not a.targets):
            continue
        for arm in (a, b):
            if (arm.arm, both) not in known:
                known[arm.arm, both] = _Arrays.of(arm.among(both))
        head: Row = {"measure": a.measure.name, "a": a.arm, "b": b.arm}
        yield from ({**head, **row} for row in _apart(known[a.arm, both], known[b.arm, both], len(both)))


def _apart(a: _Arrays, b: _Arrays, tasks: int) -> Iterator[Row]:
    row: Row = {"loss": a.parts.loss, "tasks": tasks, **estimated("difference", difference(a.parts, b.parts))}
    if a.scored and b.scored and a.scored.room_t is not None and b.scored.room_t is not None:
        row |= estimated("dispersion_difference", dispersion_difference(a.scored, b.scored))
    if a.choices is None or b.choices is None or a.kl is None or b.kl is None:
        yield row
        return
    again = {**row, "loss": "kl", **estimated("difference", difference(a.kl, b.kl))}
    if a.choices.hard and b.choices.hard and not a.choices.open:
        # the null is a with the wrong answers of b, so that the excess, too, is of a over b
        row |= _beyond(brier_excess(b.choices, a.choices))
        again |= _beyond(kl_excess(b.choices, a.choices))
    yield row
    yield again


def _beyond(found: Excess) -> Row:
    parts = {**estimated("by_accuracy", found.by_accuracy), **estimated("excess", found.excess)}
    return {**parts, "excess_p": found.excess.p, "tasks_of_excess": found.excess.n}
