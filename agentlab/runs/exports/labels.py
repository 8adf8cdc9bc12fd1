"""A sheet of outputs for people to label, drawn from every condition by itself and blind to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from agentlab.errors import AnalysisError, ScenarioError, StoreError
from agentlab.experiment.recorded_tasks import tasks_of
from agentlab.runs.csv_table import write_csv
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import judged_rollouts
from agentlab.stats.judges.ppi import FEWEST
from agentlab.suggestion import suggest
from agentlab.text import pluralize

COLUMNS = ("rollout", "measure", "task", "prompt", "output", "label", "rater", "probability")


@dataclass(frozen=True, slots=True)
class LabelSheet:
    """A sheet as it was written: `drawn` of `of` judged outputs by condition."""

    path: Path
    measure: str
    low: float
    high: float
    drawn: dict[str, int]
    of: dict[str, int]
    folder: Path
    """Of the run."""

    def __str__(self) -> str:
        every = ", all available" if self.drawn == self.of else ""
        size = f"{pluralize(sum(self.drawn.values()), 'output')}{every}, {min(self.drawn.values())} or more of each of"
        return (
            f"{self.path}: {size} {pluralize(len(self.drawn), 'condition')}, shuffled\n"
            f"Fill the column label with {self.measure} from {self.low:g} to {self.high:g} (or use another scale, "
            f"with --scale), and rater with a name.\n"
            f"Next: agentlab import labels {self.path} --run {self.folder}"
        )


def sheet(folder: Path, file: Path, measure: str, n: int, seed: int | None = None) -> LabelSheet:
    """Writes `n` outputs that have the measure, as many of every condition, to a CSV file with an empty `label`.

    Within a condition each output is drawn with the same probability, which stands in its row: every k-th of a list
    sorted by task, from a random start, so that tasks are spread evenly. Rows are shuffled and say nothing of arms. The
    same `seed` (by default the run's) draws the same sheet. Raises `ScenarioError` for an unknown measure, for less
    than 3 outputs of a condition, and for a file that is there already; `AnalysisError` when nothing was judged.
    """
    run = Run(folder)
    known = {m.name: m for m in run.measured}
    if measure not in known:
        raise ScenarioError(f"--measure: the run has no measure {measure!r}; {suggest(measure, known)}")
    if file.exists():
        raise ScenarioError(f"{file}: the file already exists and may contain labels; choose another name")
    rng = np.random.default_rng(run.meta["seed"] if seed is None else seed)
    rows = _judged(run, measure)
    by_condition = {str(name): part for name, part in rows.groupby("condition", sort=True, observed=True)}
    if n < FEWEST * len(by_condition):
        least = (
            f"{FEWEST} for each of {len(by_condition)} conditions, "
            f"{FEWEST * len(by_condition)} in total, is the minimum"
        )
        raise ScenarioError(f"--n {n}: {least}")
    shares = _shares(n, [len(part) for part in by_condition.values()])
    chosen = pd.concat([_draw(part, k, rng) for part, k in zip(by_condition.values(), shares, strict=True)])
    chosen = chosen.iloc[rng.permutation(len(chosen))]
    prompts = {task.id: task.prompt for task in tasks_of(run.meta).values()}
    table = chosen.assign(measure=measure, label="", rater="", prompt=chosen["task"].map(prompts))
    _write(table[list(COLUMNS)], file)
    ends = known[measure].range
    sizes = {name: len(part) for name, part in by_condition.items()}
    return LabelSheet(file, measure, min(ends), max(ends), dict(zip(by_condition, shares, strict=True)), sizes, folder)


def _judged(run: Run, measure: str) -> pd.DataFrame:
    """Rollout, task, condition and output of everything whose score the judge gave, in an order that is always the
    same."""
    judged = judged_rollouts(run.measures, next(m for m in run.measured if m.name == measure))
    scored = judged.loc[judged[f"{measure}_draws"] > 0, "rollout"]
    rows = run.rollouts[run.rollouts["rollout"].isin(scored) & run.rollouts["output"].notna()]
    if rows.empty:
        raise AnalysisError(f"{run.folder}: no output was judged for {measure}; run `agentlab judge` first")
    rows = rows[["rollout", "task", "condition", "output"]].astype("str")
    return rows.sort_values("rollout").reset_index(drop=True)


def _shares(n: int, sizes: Sequence[int]) -> list[int]:
    """`n` in as equal parts as the sizes allow."""
    shares = [0] * len(sizes)
    for _ in range(min(n, sum(sizes))):
        open_ = [i for i, size in enumerate(sizes) if shares[i] < size]
        shares[min(open_, key=lambda i: shares[i])] += 1
    return shares


def _draw(part: pd.DataFrame, k: int, rng: np.random.Generator) -> pd.DataFrame:
    """Systematic sampling: places `start + i N / k`, each of the N rows with probability k / N."""
    tasks = sorted(part["task"].unique())
    place = dict(zip(tasks, rng.permutation(len(tasks)), strict=True))
    mixed = part.iloc[rng.permutation(len(part))]
    mixed = mixed.iloc[np.argsort(mixed["task"].map(place).to_numpy(), kind="stable")]
    step = len(mixed) / k
    places = np.minimum(np.floor(rng.uniform(0, step) + step * np.arange(k)).astype(int), len(mixed) - 1)
    return mixed.iloc[places].assign(probability=k / len(mixed))


def _write(table: pd.DataFrame, file: Path) -> None:
    try:
        write_csv(table, file)
    except OSError as error:
        raise StoreError(f"{file}: cannot be written ({error.strerror or error}); choose another place") from error
