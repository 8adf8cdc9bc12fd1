"""Run a scenario, or open a run, from a notebook or script."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.compare_runs import compare_runs
from agentlab.analysis.describe import describe
from agentlab.analysis.forks.decision import decide
from agentlab.errors import ScenarioError
from agentlab.experiment.decisions import read
from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run as _run
from agentlab.experiment.specs import Selection
from agentlab.experiment.work import CONCURRENCY
from agentlab.runs.frames import Run, Runs
from agentlab.scenario.design import Design
from agentlab.scenario.loading import load as load_design
from agentlab.store import find


def load(run: str | Path, cluster: str | None = None) -> Run:
    """Opens a run, by its folder or its name under `runs/`, as frames. At the end of a cell it shows the result.

    `run.rollout(...).decide()` shows when one of its rollouts was decided.

    `cluster` names the task field for the source that tasks share, instead of the scenario's. Raises `StoreError` if
    there is no run, and `AnalysisError` if a task does not have the field.
    """
    folder = find(str(run))
    return Run(folder, partial(decide, folder), cluster, describe)


def concat(runs: Iterable[Run | str | Path]) -> Runs:
    """Combines several runs, given as runs, folders or names: frames have all rows, and a first column `run`.

    Raises `StoreError` if a run does not exist, and `AnalysisError` if no run is given, or one is given twice.
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
    """Compares two runs; see `agentlab.analysis.compare_runs`. The `tables` are `measures` and `differences`."""
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
    unsafe_local: bool = False,
) -> Run:
    """Runs a scenario into `out` (default `runs/NAME`), or continues the run there, and opens the result.

    `values` sets values of the scenario by path, such as `{"models.default.temperature": 0}`; None removes one. `only`
    selects levels by factor; `preregistered` is a file that the scenario must match; `base_url` gives, by alias, the
    new addresses of models that moved; `unsafe_local` runs programs of agents without a sandbox. Raises the errors that
    `agentlab run` prints: `ScenarioError`, `MismatchError`, `StoreError`.
    """
    if isinstance(scenario, Design) and (model or judge_model or values):
        raise ScenarioError(
            "model, judge_model and values apply when a scenario is loaded: give the scenario's name or path"
        )
    told = [f"{path}={msgspec.json.encode(value).decode()}" for path, value in (values or {}).items()]
    design = scenario if isinstance(scenario, Design) else load_design(scenario, model, judge_model, told)
    levels = {f: (v,) if isinstance(v, str) else tuple(v) for f, v in (only or {}).items()}
    folder = Path(out) if out is not None else Path("runs") / design.name
    selection = Selection(tuple(tasks) if tasks else None, levels, draws)
    registration = None if preregistered is None else read(Path(preregistered))
    more: dict[str, Any] = {"registration": registration, "where": base_url, "unsafe": unsafe_local}
    await _run(design, folder, selection, Progress(), concurrency, **more)
    return load(folder)
