"""A run for notebooks and scripts: played as one awaitable, or opened."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from agentlab.analysis.forks.decision import decide
from agentlab.errors import ScenarioError
from agentlab.experiment.decisions import read
from agentlab.experiment.progress import Progress
from agentlab.experiment.session import run as _run
from agentlab.experiment.specs import Selection
from agentlab.experiment.work import CONCURRENCY
from agentlab.runs.frames import Run
from agentlab.scenario import Design
from agentlab.scenario import load as load_design


def load(folder: str | Path, cluster: str | None = None) -> Run:
    """The run in `folder`, as frames; of its rollouts one can ask when they were decided.

    `cluster` names the field by which tasks share a source, in place of the scenario's. Raises `StoreError` when there
    is no run, `AnalysisError` when a task has no such field.
    """
    return Run(Path(folder), partial(decide, Path(folder)), cluster)


async def run(
    scenario: str | Path | Design,
    out: str | Path | None = None,
    *,
    model: str | None = None,
    judge_model: str | None = None,
    tasks: Sequence[str] | None = None,
    only: Mapping[str, str | Sequence[str]] | None = None,
    draws: int | None = None,
    concurrency: int = CONCURRENCY,
    preregistered: str | Path | None = None,
    base_url: Mapping[str, str] | None = None,
) -> Run:
    """Runs a scenario into `out` (default `runs/NAME`), continuing what is there, and opens the result.

    `only` keeps levels by factor; `preregistered` is a file that the scenario must agree with; `base_url` says, by
    alias, where models are served that have moved. Raises what `agentlab
    run` prints: `ScenarioError`, `MismatchError`, `StoreError`.
    """
    if isinstance(scenario, Design) and (model or judge_model):
        raise ScenarioError("model and judge_model change a scenario before it is loaded; give its name or path")
    design = scenario if isinstance(scenario, Design) else load_design(scenario, model, judge_model)
    levels = {f: (v,) if isinstance(v, str) else tuple(v) for f, v in (only or {}).items()}
    folder = Path(out) if out is not None else Path("runs") / design.name
    selection = Selection(tuple(tasks) if tasks else None, levels, draws)
    registration = None if preregistered is None else read(Path(preregistered))
    await _run(design, folder, selection, Progress(), concurrency, registration=registration, where=base_url)
    return load(folder)
