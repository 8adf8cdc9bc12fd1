"""Embeddings of outputs, made elsewhere and given as a CSV: their variance over draws, by arm."""

from pathlib import Path

import numpy as np
import pandas as pd

from agentlab.analysis.row import Row
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.stats.incoherence.distances import embeddings


def vectors(run: Run, path: Path) -> list[Row]:
    """A row per arm: mean over tasks of the mean squared distance to the task's mean. A variance, without any bias.

    The CSV has a column `rollout` (a key) and one column of numbers a dimension. Raises AnalysisError for a file that
    cannot be read so, for a rollout that is not there or there twice, and where no task has two.
    """
    table = _read(path)
    known = run.rollouts.set_index(run.rollouts["rollout"].astype("str"))
    strange = [key for key in table["rollout"] if key not in known.index]
    if strange or table["rollout"].duplicated().any():
        wrong = f"no rollout {strange[0]!r} in {run.folder}" if strange else "a rollout has two rows"
        raise AnalysisError(f"{path}: {wrong}; give one row per rollout, with keys from run.rollouts")
    places = known.loc[table["rollout"], ["condition", "task"]].reset_index(drop=True)
    points = table.drop(columns="rollout").to_numpy(dtype=np.float64)
    rows: list[Row] = []
    for arm, part in places.groupby("condition", sort=False, observed=True):
        several = part[part.groupby("task", observed=True)["task"].transform("size") > 1]
        if several.empty:
            continue
        codes = np.unique(several["task"].to_numpy(dtype="str"), return_inverse=True)[1]
        variances = embeddings(codes, points[several.index])
        size: Row = {
            "tasks": len(variances.draws_t),
            "draws": int(variances.draws_t.sum()),
            "left_out": len(part) - len(several),
        }
        both: Row = {"variance": float(variances.unbiased_t.mean()), "plug_in": float(variances.plug_in_t.mean())}
        rows.append({"condition": str(arm), **both, **size})
    if not rows:
        raise AnalysisError(f"{path}: no task has two embeddings in any arm, and variance needs two")
    return rows


def _read(path: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"rollout": "str"})
        finite = np.isfinite(table.drop(columns="rollout").to_numpy(dtype=np.float64))
    except (OSError, ValueError, KeyError) as error:
        raise AnalysisError(
            f"{path}: must be a CSV file with a column `rollout` and columns of numbers ({error})"
        ) from None
    if not finite.all() or table.shape[1] < 2:
        raise AnalysisError(f"{path}: a number is missing or infinite, or `rollout` is the only column")
    return table
