"""What the rollouts of each arm predicted, read off the verdicts of one measure, in the form a decomposition takes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from agentlab.analysis.components.nested import judged
from agentlab.analysis.direction import best, goal
from agentlab.errors import AnalysisError
from agentlab.experiment.recorded_tasks import tasks_of
from agentlab.judges import recorded
from agentlab.judges.match import MatchConfig, target_of
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.runs.frames.measures import by_status, verdicts_of
from agentlab.stats.incoherence import choices, distances
from agentlab.stats.incoherence.choices import Choices
from agentlab.stats.incoherence.decompose import Decomposition, brier, unbiased
from agentlab.stats.incoherence.judged import JudgedDecomposition
from agentlab.stats.incoherence.judged import judged as of_scores
from agentlab.stats.rows import Ints, codes_of
from agentlab.types import Measure

Sort = Literal["answers", "probabilities", "groups", "points", "tests", "scores"]
"""Of predictions: one of given classes; a probability for each; text by meaning; vectors; unit tests; judged scores."""
NO_ANSWER = "no answer"
RIGHT = "right"
"""The group of what is right, whatever its words."""
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Predictions:
    """The draws of one measure in one arm that can be used: every task has two at least."""

    measure: Measure
    arm: str
    sort: Sort
    table: pd.DataFrame
    """`task`, `draw`, `rollout` and `said`: a text, a tuple of numbers, or a score, then with a row per judge draw; by
    task and draw."""
    classes: tuple[str, ...]
    """Of answers and probabilities."""
    targets: Mapping[str, Any]
    """By task: the right class, group or point; empty where there is none."""
    left_out: int
    """Rollouts without a verdict that could be used, and those of tasks with one draw."""
    task_of: Mapping[str, str] = field(default_factory=dict[str, str])
    """Where each task of each replicate of a loop is taken by itself, its task; else empty."""

    @property
    def tasks(self) -> tuple[str, ...]:
        """In the order of all arrays made here."""
        return tuple(sorted(self.table["task"].unique()))

    def size(self, tasks: Sequence[str]) -> int:
        """How many tasks these are: replicates of one count once."""
        return len({self.task_of.get(task, task) for task in tasks})

    def clusters(self, run: Run, tasks: Sequence[str]) -> Ints | None:
        """The number of each task's cluster: of those that share a source, and of the replicates of one."""
        if not self.task_of:
            return cluster_codes(run.clusters, tasks)
        return codes_of(run.clusters.get(task, task) for task in map(self.task_of.__getitem__, tasks))

    def among(self, tasks: Sequence[str]) -> "Predictions":
        """The same of these tasks only."""
        return replace(self, table=self.table[self.table["task"].isin(list(tasks))].reset_index(drop=True))

    def choices(self) -> Choices:
        """Answers, probabilities and groups. Raises ValueError for anything else."""
        codes, said = self._codes(), self.table["said"].tolist()
        place = {name.casefold(): i for i, name in enumerate(self.classes)}
        if self.sort == "groups":
            right = [self.targets[task] for task in self.tasks] if self.targets else None
            return choices.groups(codes, said, right)
        gold = [place[str(self.targets[task]).casefold()] for task in self.tasks]
        if self.sort == "probabilities":
            return choices.stated(codes, np.array(said, dtype=np.float64), gold)
        answers = [place[str(answer).casefold()] for answer in said]
        return choices.votes(codes, answers, gold, len(self.classes), outside=int(NO_ANSWER in self.classes))

    def points(self) -> Decomposition:
        """Vectors against their targets, plug-in."""
        values, targets = self.laid()
        assert targets is not None
        return distances.norm(self._codes(), values, targets)

    def tests(self) -> Decomposition:
        """Unit tests: a column a criterion; plug-in."""
        return distances.coverage(self._codes(), np.array(self.table["said"].tolist(), dtype=np.float64))

    def laid(self) -> tuple[Floats, Floats | None]:
        """Draws (N, D) and targets (T, D), whose squared distance is the loss; of everything but scores.

        Shorter vectors are as if they went on with zeros, which changes no distance. No targets where none is known.
        """
        if self.sort == "points":
            targets = [tuple(self.targets[task]) for task in self.tasks]
            wide = max(map(len, targets))
            return _padded(self.table["said"], wide), _padded(targets, wide)
        if self.sort == "tests":
            passed: Floats = np.array(self.table["said"].tolist(), dtype=np.float64)
            share = passed.shape[1] ** -0.5
            return passed * share, np.full((len(self.tasks), passed.shape[1]), share)
        chosen = self.choices()
        if chosen.gold_t is None:
            return chosen.probabilities, None
        return chosen.probabilities, np.eye(chosen.inside.shape[1])[chosen.gold_t]

    def parts(self) -> Decomposition:
        """By squared distance, without the bias of few draws. Raises ValueError without targets."""
        if self.sort == "scores":
            return self.scores().parts
        if self.sort in ("points", "tests"):
            return unbiased(self.points() if self.sort == "points" else self.tests())
        return unbiased(brier(self.choices()))

    def scores(self) -> JudgedDecomposition:
        """Judged scores against the measure's target."""
        assert self.measure.target is not None
        tasks = self._codes()
        draws = self.table.groupby("task")["draw"].rank(method="dense").to_numpy().astype(np.intp) - 1
        again = self.table.groupby(["task", "draw"]).cumcount().to_numpy(dtype=np.intp)
        laid: Floats = np.full((tasks.max() + 1, draws.max() + 1, again.max() + 1), np.nan)
        laid[tasks, draws, again] = self.table["said"].to_numpy(dtype=np.float64)
        return of_scores(laid, self.measure.target)

    def _codes(self) -> NDArray[np.intp]:
        return np.unique(self.table["task"].to_numpy(dtype="str"), return_inverse=True)[1].astype(np.intp)


def predictions(run: Run, measure: Measure) -> list[Predictions]:
    """By arm. Raises AnalysisError where the measure has nothing to decompose: no target, no two draws of a task."""
    judge_document = document(run, measure.judge)
    if judge_document.get("kind") == "match":
        config = MatchConfig.model_validate(judge_document)
        sort, table, targets = _matched(run, measure, config)
        classes = config.choices + ((NO_ANSWER,) if sort == "answers" and (table["said"] == NO_ANSWER).any() else ())
    elif (tests := _tests(run, measure)) is not None:
        sort, table, targets, classes = "tests", tests, dict[str, Any](), ()
    elif measure.target is None:
        raise AnalysisError(
            f"measures.{measure.name} has no `target`, so there is no bias; add {goal(measure)} and run again "
            f"(stored calls are not repeated)"
        )
    else:
        sort, table, targets, classes = "scores", judged(run, measure).rename(columns={"value": "said"}), {}, ()
    return by_arm(run, Predictions(measure, "", sort, table, classes, targets, 0))


def document(run: Run, judge: str) -> dict[str, Any]:
    """The recorded document of a judge, from the scenario or added later; empty where nothing is recorded."""
    return recorded(run.meta).get(judge) or {}


def by_arm(run: Run, all_arms: Predictions) -> list[Predictions]:
    """Each arm's predictions, from those of all arms. Raises AnalysisError without two draws of a task."""
    table = all_arms.table.astype({"condition": "str", "task": "str"})
    several = table.groupby(["condition", "task"])["draw"].transform("nunique") > 1
    table = table.loc[several.to_numpy(dtype=bool)].sort_values(["task", "draw"], kind="stable")
    if table.empty:
        raise AnalysisError(f"{all_arms.measure.name}: no task has two scored draws in any arm, and variance needs two")
    kept = {str(arm): rows for arm, rows in table.groupby("condition", sort=False)}
    sizes = run.rollouts["condition"].astype("str").value_counts()
    arms = [str(arm) for arm in run.conditions["condition"] if arm in kept]
    return [_arm(all_arms, arm, kept[arm], int(sizes[arm])) for arm in arms]


def _arm(all_arms: Predictions, arm: str, rows: pd.DataFrame, total: int) -> Predictions:
    kept = rows[["task", "draw", "rollout", "said"]].reset_index(drop=True)
    return replace(all_arms, arm=arm, table=kept, left_out=total - kept["rollout"].nunique())


def _matched(run: Run, m: Measure, config: MatchConfig) -> tuple[Sort, pd.DataFrame, Mapping[str, Any]]:
    rows = _verdicts(run, m)
    rows = rows[rows["value"].notna()]
    known, judged = tasks_of(run.meta), set(rows["task"].unique())
    targets = {id: target_of(config, task) for id, task in known.items() if id in judged}
    if config.by in ("probabilities", "vector"):
        rows = rows[rows["label"].notna()]
        said = pd.Series([_numbers(label) for label in rows["label"]], index=rows.index, dtype="object")
        right = {id: json.loads(t) for id, t in targets.items() if t} if config.by == "vector" else targets
        return ("points" if config.by == "vector" else "probabilities"), rows.assign(said=said), right
    text = rows["label"].fillna(NO_ANSWER).astype("str")
    if config.by == "choice":
        return "answers", rows.assign(said=text), targets
    top = next(iter(m.scales.values()))[1]
    said = text.str.casefold().mask(rows["value"] == top, RIGHT)
    return "groups", rows.assign(said=said), dict.fromkeys(targets, RIGHT)


def _tests(run: Run, m: Measure) -> pd.DataFrame | None:
    """A row a rollout with a 1 or 0 per criterion, where the measure has several and no score lies between the ends.

    1 is the end that is better on the measure.
    """
    rows = _verdicts(run, m)
    if len(m.scales) < 2 or rows["judge_draw"].nunique() != 1:
        return None
    right = {criterion: best(m, criterion) for criterion in m.scales}
    scored = rows[rows["value"].notna()]
    values = list(zip(scored["criterion"].tolist(), scored["value"].tolist(), strict=True))
    if not all(value in m.scales[criterion] for criterion, value in values):
        return None
    passed = [float(value == right[criterion]) for criterion, value in values]
    wide = scored.assign(passed=passed).pivot_table(index="rollout", columns="criterion", values="passed")
    wide = wide.reindex(columns=list(m.scales)).dropna()
    if wide.empty:
        return None
    head = rows.drop_duplicates("rollout").set_index("rollout").loc[wide.index, ["task", "condition", "draw"]]
    said = pd.Series([tuple(row) for row in wide.to_numpy()], index=wide.index, dtype="object")
    return head.assign(said=said).reset_index()


def _numbers(label: str) -> tuple[float, ...]:
    """The numbers of a label, which is a JSON list or an object with numbers as values."""
    parsed: Any = json.loads(label)
    values: Sequence[float] = list(cast(dict[str, float], parsed).values()) if isinstance(parsed, dict) else parsed
    return tuple(values)


def _verdicts(run: Run, m: Measure) -> pd.DataFrame:
    return verdicts_of(by_status(run.scores, run.rollouts, m), m).astype({"rollout": "str"})


def _padded(points: Sequence[Sequence[float]] | pd.Series, wide: int) -> Floats:
    return np.array([[*point, *[0.0] * (wide - len(point))] for point in points], dtype=np.float64)
