"""In what two runs differ apart from what came of them: scenario, command line, seed, code, models that answered."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from agentlab.mapping import mapping
from agentlab.runs.frames import Run
from agentlab.scenario.changed import changes

COLUMNS = ("part", "path", "first", "second")


def run_differences(first: Run, second: Run) -> pd.DataFrame:
    """One row per difference: `part` (scenario, run, code or model), `path` in it, and what either run has there.

    None stands for what is not there. The scenario is compared as it was resolved, with files and judges written out.
    """
    rows = [*_scenario(first, second), *_run(first, second), *_code(first, second), *_served(first, second)]
    # as objects: a column of a seed and of something missing would be floats, which cannot hold a seed
    return pd.DataFrame(rows, columns=[*COLUMNS], dtype=object).astype({"part": "str", "path": "str"})


def _scenario(first: Run, second: Run) -> Iterator[tuple[str, str, Any, Any]]:
    trees = [mapping(run.meta.get("tree")) for run in (first, second)]
    yield from (("scenario", *change) for change in changes(*trees))


def _run(first: Run, second: Run) -> Iterator[tuple[str, str, Any, Any]]:
    for key in ("seed", "options", "imported"):
        old, new = (run.meta.get(key) or None for run in (first, second))
        if old != new:
            yield "run", key, old, new


def _code(first: Run, second: Run) -> Iterator[tuple[str, str, Any, Any]]:
    codes = [_played_by(run.meta) for run in (first, second)]
    for name in dict.fromkeys((*codes[0], *codes[1])):
        old, new = (code.get(name) for code in codes)
        if old != new:
            yield "code", name, old, new


def _played_by(meta: Mapping[str, Any]) -> dict[str, str]:
    """The versions that played the run last, and a digest of each module of one's own."""
    entries: list[dict[str, Any]] = meta.get("code") or [dict(meta.get("versions", {}))]
    last = entries[-1]
    modules: dict[str, str] = last.get("modules", {})
    versions = {name: str(last[name]) for name in ("agentlab", "python") if name in last}
    return versions | {f"module {name}": text[:12] for name, text in modules.items()}


def _served(first: Run, second: Run) -> Iterator[tuple[str, str, Any, Any]]:
    """Models of one name that other models answered for."""
    answers = [_answers(run) for run in (first, second)]
    for name in sorted(answers[0].keys() & answers[1].keys()):
        if answers[0][name] != answers[1][name]:
            old, new = (", ".join(models[name]) for models in answers)
            yield "model", f"{name}, answered by", old, new


def _answers(run: Run) -> dict[str, list[str]]:
    calls = run.calls[["model", "served_model"]].dropna().astype("str").drop_duplicates()
    return {str(name): sorted(part["served_model"]) for name, part in calls.groupby("model")}
