"""A run for notebooks and scripts: played as one awaitable, or opened."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.compare_runs import compare_runs
from agentlab.analysis.forks.decision import decide
from agentlab.errors import ScenarioError
from agentlab.experiment.decisions import read
from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run as _run
from agentlab.experiment.specs import Selection
from agentlab.experiment.work import CONCURRENCY
from agentlab.runs.frames import Run, Runs
from agentlab.scenario import Design
from agentlab.scenario import load as load_design
from agentlab.store import find


def load(run: str | Path, cluster: str | None = None) -> Run:
    """The run of a folder, or of a name under `runs/`, as frames; of its rollouts one can ask when they were decided.

    `cluster` names the field by which tasks share a source, in place of the scenario's. Raises `StoreError` when there
    is no run, `AnalysisError` when a task has no such field.
    """
    folder = find(str(run))
    return Run(folder, partial(decide, folder), cluster)


def concat(runs: Iterable[Run | str | Path]) -> Runs:
    """Several runs, or the folders or names of some, as one: the frames of all with a first column `run`.

    Raises `StoreError` when there is no such run, `AnalysisError` without a run, or for one that is given twice.
    """
    return Runs([run if isinstance(run, Run) else load(run) for run in runs])


def compare(
    first: Run | str | Path,
    second: Run | str | Path,
    *,
    a: str | None = None,
    b: str | None = None,
    measure: str | None = None,
) -> Analysis:
    """Two runs beside each other; see `agentlab.analysis.compare_runs`. Its `tables` are `measures`, `differences`."""
    one, other = (run if isinstance(run, Run) else load(run) for run in (first, second))
    return compare_runs(one, other, a, b, measure)


async def run(
    scenario: str | Path | Design,
    out: str | Path | None = None,
    *,
    model: str | None = None,
    judge_model: str | None = None,
    values: Mapping[str, Any] | None = None,
    tasks: Sequence[str] | None = None,
    only: Mapping[str, str | Sequence[str]] | None = None,
    draws: int | None = None,
    concurrency: int = CONCURRENCY,
    preregistered: str | Path | None = None,
    base_url: Mapping[str, str] | None = None,
) -> Run:
    """Runs a scenario into `out` (default `runs/NAME`), continuing what is there, and opens the result.

    `values` are set in the scenario by their paths, such as `{"models.default.temperature": 0}`; None removes. `only`
    keeps levels by factor; `preregistered` is a file that the scenario must agree with; `base_url` says, by alias,
    where models are served that have moved. Raises what `agentlab
    run` prints: `ScenarioError`, `MismatchError`, `StoreError`.
    """
    if isinstance(scenario, Design) and (model or judge_model or values):
        raise ScenarioError("model, judge_model and values change a scenario while it is loaded: give its name or path")
    told = [f"{path}={msgspec.json.encode(value).decode()}" for path, value in (values or {}).items()]
    design = scenario if isinstance(scenario, Design) else load_design(scenario, model, judge_model, told)
    levels = {f: (v,) if isinstance(v, str) else tuple(v) for f, v in (only or {}).items()}
    folder = Path(out) if out is not None else Path("runs") / design.name
    selection = Selection(tuple(tasks) if tasks else None, levels, draws)
    registration = None if preregistered is None else read(Path(preregistered))
    await _run(design, folder, selection, Progress(), concurrency, registration=registration, where=base_url)
    return load(folder)
