"""What `agentlab show --json` prints: rows of the run's frames, or the scenario as it was resolved."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentlab.report.show.shown import folder_of, scenario_of
from agentlab.runs.frames import Run, load
from agentlab.runs.transcript import transcript
from agentlab.scenario.design import Design


def data(what: str, rollout: str | None = None, values: Sequence[str] = ()) -> dict[str, Any]:
    """Of a run, its rollouts with their measures; of one rollout, its rows in the frames of that name; of a scenario,
    the document with files and judges written out. Raises `ScenarioError` if nothing fits."""
    folder = folder_of(what)
    if folder is None or values:
        return _scenario(scenario_of(what, "--set" if values else "", rollout, folder, values))
    if rollout is None:
        return _run(load(folder))
    return _rollout(load(folder), transcript(folder, rollout).record.rollout.key)


def _scenario(design: Design) -> dict[str, Any]:
    return {
        "scenario": design.name,
        "file": Path(design.file),
        "options": design.options,
        "conditions": [{"condition": condition.name, **condition.levels} for condition in design.conditions],
        "document": design.tree,
    }


def _run(run: Run) -> dict[str, Any]:
    known = set(run.measures.columns) - {"rollout"}
    used = run.rollouts[[name for name in run.rollouts if name not in known and name != "output"]]
    return {
        "run": run.folder,
        "scenario": run.meta.get("name"),
        "options": run.meta.get("options", []),
        "cost": run.cost,
        "rollouts": run.measures.merge(used, on="rollout"),
    }


def _rollout(run: Run, key: str) -> dict[str, Any]:
    table = run.rollouts[run.rollouts["rollout"] == key]
    rows = {"rollouts": table if len(table) else run.forks[run.forks["rollout"] == key]}
    for name in ("messages", "calls", "scores"):
        frame = getattr(run, name)
        rows[name] = frame[(frame["rollout"] == key).to_numpy()]
    return {"run": run.folder, "rollout": key, **rows}
