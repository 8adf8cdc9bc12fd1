"""The errors of each arm as bias² and variance over draws, with what must be read beside their ratio."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.cases import about_cases
from agentlab.analysis.cells import alike, listed
from agentlab.analysis.components.judge_noise import once
from agentlab.analysis.incoherence.differences import differences
from agentlab.analysis.incoherence.measured import by_measure
from agentlab.analysis.incoherence.predictions import Predictions
from agentlab.analysis.incoherence.replicates import NOTE, together
from agentlab.analysis.incoherence.vectors import vectors
from agentlab.analysis.remarks import Remarks, by_reason
from agentlab.analysis.row import Row, estimated
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.scenario.levels import common
from agentlab.stats.estimate import Estimate
from agentlab.stats.incoherence.choices import Choices
from agentlab.stats.incoherence.companions import companions, totals
from agentlab.stats.incoherence.decompose import Decomposition, brier, delta_sweep, kl
from agentlab.stats.incoherence.incoherence import dispersion, incoherence
from agentlab.stats.incoherence.zero_one import zero_one
from agentlab.stats.jackknife import Clusters
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
    "Incoherence is variance divided by error, each summed over tasks, with a jackknife-t interval; brier and score "
    "are corrected for the bias of few draws"
)
KL = (
    "kl is for stated probabilities. It is a plug-in estimate (delta 1e-12; `sweep` has others) that is unstable for "
    "single tasks near ties; for answers it would be a multiple of -log delta"
)
COMPANIONS = (
    "For answers, means over tasks: entropy (nats); disagreement of two draws; flip: not the most frequent answer; "
    "lapse: wrong although the most frequent answer is right; one wrong: all draws give the same wrong answer. For "
    "such answers, incoherence is nearly a function of accuracy"
)
LEGEND: Mapping[str, str] = {
    "D": "how far wrong answers scatter, 0 if they are always the same, 1 if all choices are equally frequent",
    "by_accuracy": "the difference in incoherence if wrong answers of a were spread like those of b; excess: the rest",
    "tasks_of_excess": "tasks on which b has enough wrong answers to show how they are spread",
    "of_sums": "sum of variances over sum of errors, as above; mean, median: of the tasks' own incoherence",
}
DISPERSION = (
    "For scores in [0, 1] with target 1 (or 0), incoherence cannot exceed the cap: compare arms on dispersion, the "
    "variance as a share of the maximum that their means allow"
)
SHOWN = ("decomposition", "companions", "dispersion")


def decomposition(run: Run, measure: str | None = None, embeddings: str | None = None) -> Analysis:
    """By measure, arm and loss. `embeddings` is a CSV with a column `rollout` and one a dimension.

    Groups of outputs that mean the same (`run.groups`) stand under the name of their judge, unless a measure is named.
    Tables: `decomposition`; `companions` of answers and `dispersion` of scores, which are read beside it; `differences`
    (a less b, on the tasks of both, and what is left of them when only accuracy differs); `tasks` (every task),
    `ratios` (mean and median of the tasks' own), `sweep` (kl by delta), `plug_in` (without correction for few draws).
    Replicates of a self-training loop are one arm; `replicates` has the decomposition of each. Raises AnalysisError
    where no measure can be decomposed, saying why of each.
    """
    tables, remarks = _tables(), Remarks()
    for each in by_measure(run, measure, remarks, _inseparable):
        arms = together(run, each)
        _add_rows(run, arms, tables, remarks)
        tables["differences"] += differences(run, arms, remarks)
        if run.pooled is not run:
            of_replicates = _tables()
            _add_rows(run, each, of_replicates, Remarks())
            tables["replicates"] += of_replicates["decomposition"]
            remarks.add(NOTE)
    if embeddings is not None:
        tables = {"embeddings": vectors(run, Path(embeddings)), **tables}
    count = len(set(map(common, run.rollouts["condition"].astype("str").unique())))
    frames = {name: pd.DataFrame(rows) for name, rows in tables.items() if rows}
    if "tasks_of_excess" in frames.get("differences", ()):
        frames["differences"] = frames["differences"].astype({"tasks_of_excess": "Int64"})
    if not frames:
        raise AnalysisError(f"{run.folder} has nothing to decompose: {by_reason(remarks.notes(count))}")
    shown = sum(name in frames for name in (*SHOWN, "embeddings"))
    notes = ((RATIO,) if "decomposition" in frames else ()) + remarks.notes(count)
    return Analysis("decomposition", "Bias and variance", _says(frames), frames, notes, shown, _result, legend=LEGEND)


def _tables() -> dict[str, list[Row]]:
    return {name: [] for name in (*SHOWN, "differences", "replicates", "tasks", "ratios", "sweep", "plug_in")}


def _add_rows(run: Run, arms: Sequence[Predictions], tables: dict[str, list[Row]], remarks: Remarks) -> None:
    for arm in arms:
        _Arm(arm, arm.clusters(run, arm.tasks), tables, remarks).add_rows()


def _inseparable(run: Run, arms: Sequence[Predictions]) -> str:
    """Why judge noise is not separable in unit tests; of scores the decomposition itself says so."""
    single = arms[0].sort == "tests" and all(once(run, arm.measure.judge, arm.table) for arm in arms)
    return "each rollout has one judge draw" if single else ""


def _says(frames: dict[str, pd.DataFrame]) -> str:
    if "decomposition" not in frames and "embeddings" in frames:
        return f"Variance over draws of {frames['embeddings']['draws'].sum()} embeddings; embeddings have no bias."
    table = frames.get("decomposition", frames.get("companions"))
    assert table is not None
    what = "Error of a draw as bias² and variance" if "decomposition" in frames else "How the answers of draws scatter"
    return (
        f"{what}, for {pluralize(table['condition'].nunique(), 'arm')} on {_span(table, 'task')} with "
        f"{pluralize(int(table['draws'].min()), 'draw')} or more."
    )


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """The incoherence of the first measure in each arm."""
    table = tables.get("decomposition", pd.DataFrame())
    if table.empty:
        return ""
    shares = listed(alike(table, "measure", "loss"), "condition", "incoherence")
    return f"{table['measure'].iloc[0]}: share of error that is variance: {shares}."


def _span(table: pd.DataFrame, noun: str) -> str:
    values = table[f"{noun}s"]
    return pluralize_range(int(values.min()), int(values.max()), noun)


@dataclass(frozen=True, slots=True)
class _Arm:
    """One arm, and the tables and remarks to which its results are added."""

    arm: Predictions
    clusters: Clusters
    tables: dict[str, list[Row]]
    remarks: Remarks

    @property
    def head(self) -> Row:
        return {"measure": self.arm.measure.name, "condition": self.arm.arm}

    def add_rows(self) -> None:
        """Adds all rows and remarks of the arm."""
        arm, name = self.arm, self.arm.measure.name
        if arm.left_out:
            self.remarks.add(
                f"{name}: rollouts excluded because they are unscored or the only draw of a task: {arm.left_out}",
                arm.arm,
            )
        if arm.sort == "scores":
            scored = arm.scores()
            self.parts(scored.parts)
            for note in (about_cases(arm.measure),) if arm.measure.cases else scored.notes:
                self.remarks.add(f"{name}: {note}", arm.arm)
            if scored.room_t is not None:
                estimate = self.limited(dispersion(scored, clusters=self.clusters), "dispersion")
                means: Row = {"mean": float(scored.mean_t.mean()), **estimated("dispersion", estimate)}
                more: Row = {"cap": scored.cap, "noise": float(scored.noise_t.mean())}
                self.tables["dispersion"].append({**self.head, **means, **more})
                self.remarks.add(DISPERSION)
        elif arm.sort in ("points", "tests"):
            self.parts(arm.parts())
            self.parts(arm.points() if arm.sort == "points" else arm.tests(), "plug_in")
        else:
            self.classified(arm.choices())
            self.remarks.add(COMPANIONS)

    def limited(self, estimate: Estimate, what: str) -> Estimate:
        """The same, with a remark where it has no interval."""
        for note in estimate.notes if estimate.low is None else ():
            self.remarks.add(f"{self.arm.measure.name}, {what}: {note}", self.arm.arm)
        return estimate

    def classified(self, choices: Choices) -> None:
        """Companions, and the losses of answers or stated probabilities."""
        beside: Row = {
            BESIDE[name]: total.value for name, total in totals(companions(choices)).items() if name in BESIDE
        }
        size: Row = {"tasks": self.arm.size(self.arm.tasks), "draws": int(choices.rows.counts_t.min())}
        self.tables["companions"].append({**self.head, **beside, **size})
        if choices.gold_t is None:
            return
        self.parts(self.arm.parts())
        self.parts(brier(choices), "plug_in")
        if self.arm.sort == "probabilities":
            self.parts(kl(choices))
            self.remarks.add(KL)
            for delta, parts in delta_sweep(choices).items():
                self.parts(parts, "sweep", {"delta": delta})
        losses = zero_one(choices)
        sums: Row = {
            "error": float(losses.error_t.mean()),
            "bias2": float(losses.bias_t.mean()),
            "variance": float(losses.variance_t.mean()),
        }
        head: Row = {**self.head, "loss": "0/1"}
        self.tables["decomposition"].append({**head, **sums, **estimated("incoherence", None), **size})
        columns = (losses.error_t, losses.bias_t, losses.variance_t, losses.factor_t)
        for task, *values in zip(self.arm.tasks, *columns, strict=True):
            task_row: Row = dict(zip(("error", "bias2", "variance", "factor"), map(float, values), strict=True))
            self.tables["tasks"].append({**head, "task": task, **task_row})

    def parts(self, parts: Decomposition, table: str = "decomposition", more: Row | None = None) -> None:
        """One loss; of the main table also its tasks, and what their own ratios come to."""
        result = incoherence(parts, clusters=self.clusters)
        main = table == "decomposition"
        ratio = self.limited(result.ratio, parts.loss) if main else result.ratio
        sums: Row = {"error": parts.error, "bias2": parts.bias2, "variance": parts.variance}
        size: Row = {"tasks": self.arm.size(self.arm.tasks), "draws": int(parts.draws_t.min())}
        head: Row = {**self.head, **(more or {}), "loss": parts.loss}
        self.tables[table].append({**head, **sums, **estimated("incoherence", ratio), **size})
        if not main:
            return
        means: Row = {"of_sums": ratio.value, "mean": result.mean, "median": result.median}
        self.tables["ratios"].append({**head, **means})
        columns = (parts.error_t, parts.bias2_t, parts.variance_t, result.ratios_t, parts.draws_t)
        for task, *values in zip(self.arm.tasks, *columns, strict=True):
            names = ("error", "bias2", "variance", "incoherence", "draws")
            task_row: Row = dict(zip(names, map(float, values), strict=True))
            self.tables["tasks"].append({**head, "task": task, **task_row})
