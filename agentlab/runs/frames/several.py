"""Several runs as frames: those of each one below those of the one before, told apart by a column `run`."""

from collections import Counter
from collections.abc import Sequence

import pandas as pd

from agentlab.columns import FRAMES
from agentlab.errors import AnalysisError
from agentlab.runs.frames.run import Run

KEYS = ("rollout", "parent", "of", "rollout_a", "rollout_b")
"""Columns that hold the key of a rollout."""
_NULLABLE = {"int64": "Int64", "bool": "boolean"}


class Runs:
    """Several runs. Every frame of `Run` is an attribute here, too, with `run` as its first column.

    Keys of rollouts are `RUN/KEY`, so that they are unique over all runs. Where a run lacks a factor or a measure, its
    values are missing. Levels and measures are taken by name: that they mean the same is for the reader to know.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        """Raises `AnalysisError` without a run, or for one that is given twice."""
        if not runs:
            raise AnalysisError("no run was given; name one or more, such as concat(['one', 'two'])")
        folders = Counter(run.folder.resolve() for run in runs)
        if twice := [str(folder) for folder, count in folders.items() if count > 1]:
            raise AnalysisError(f"{', '.join(twice)}: the run was given twice; name each run once")
        short = Counter(run.folder.name for run in runs)
        self.runs = {run.folder.name if short[run.folder.name] == 1 else str(run.folder): run for run in runs}
        """By name: that of the folder, or its path where two folders have the same name."""
        self._known: dict[str, pd.DataFrame] = {}

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name not in FRAMES:
            raise AttributeError(f"a group of runs has no {name!r}; it has {', '.join(FRAMES)}, and runs")
        if name not in self._known:
            self._known[name] = _joined({label: getattr(run, name) for label, run in self.runs.items()})
        return self._known[name]

    def __dir__(self) -> list[str]:
        return ["runs", *FRAMES]

    def __repr__(self) -> str:
        return f"Runs of {', '.join(self.runs)}; frames: {', '.join(FRAMES)}"


def _joined(frames: dict[str, pd.DataFrame]) -> pd.DataFrame:
    columns = Counter(str(column) for frame in frames.values() for column in frame.columns)
    shared = {column for column, count in columns.items() if count == len(frames)}
    parts = [_labelled(name, frame, shared) for name, frame in frames.items()]
    joined = pd.concat(parts, ignore_index=True)
    labels = [name for name in frames if (joined["run"] == name).any()]
    return joined.assign(run=pd.Categorical(joined["run"], labels))


def _labelled(name: str, frame: pd.DataFrame, shared: set[str]) -> pd.DataFrame:
    """With the run's name first, and with dtypes that can say what is missing where another run lacks a column."""
    dtypes = {str(column): str(dtype) for column, dtype in frame.dtypes.items()}
    plain = {column: "str" for column, dtype in dtypes.items() if dtype == "category"}
    plain |= {c: _NULLABLE[dtype] for c, dtype in dtypes.items() if dtype in _NULLABLE and c not in shared}
    table = frame.astype(plain)
    for key in KEYS:
        if key in table:
            table[key] = (name + "/" + table[key].astype("str")).where(table[key].notna())
    table.insert(0, "run", name)
    return table
