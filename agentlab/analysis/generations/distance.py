"""How far each generation is from the base: the KL divergence, estimated from its own replies."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from agentlab.analysis.generations.lineage import Lineage
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row, ends
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.task_mean import task_mean

ABOUT = (
    "distance: kl is the KL divergence from the base, in nats for a rollout: the mean log ratio of the probabilities "
    "of its replies under these weights and under the base's"
)


def distance(run: Run, loop: Lineage, remarks: Remarks) -> Iterator[Row]:
    """By generation, on the split that `improve.kl` names; 0 for the base itself."""
    split = loop.improve.get("kl")
    if split is None or run.distances.empty:
        return
    splits = {str(task["id"]): str(task.get("split")) for task in run.meta["tasks"]}
    for generation, condition in loop.conditions.items():
        row: Row = {"arm": loop.name, "split": split, "generation": generation}
        if generation == 0:
            yield {**row, "kl": 0.0}
            continue
        tasks = [name for name, of in splits.items() if of == split]
        own = run.distances[(run.distances["condition"] == condition) & run.distances["task"].isin(tasks)]
        if own.empty:
            continue
        remarks.add(ABOUT)
        if told := _otherwise(run, own):
            remarks.add(told)
        yield {**row, **_kl(run, own), "rollouts": len(own), "left out": int(own["log_ratio"].isna().sum())}


def _kl(run: Run, own: pd.DataFrame) -> Row:
    values = own["log_ratio"].to_numpy(dtype="float64")
    if np.isinf(values).any():  # the base never writes one of these replies
        return {"kl": float("inf")}
    by_task = own["log_ratio"].groupby(own["task"].astype("str")).mean().dropna()
    codes = cluster_codes(run.clusters, list(by_task.index))
    if len(by_task) < FEWEST_TASKS or len(set(by_task.index if codes is None else codes)) < FEWEST_TASKS:
        return {"kl": float(by_task.mean()) if len(by_task) else None, **ends("kl", None)}
    found = task_mean(by_task, codes)
    return {"kl": found.value, **ends("kl", found.interval() if found.se > 0 else None)}


def _otherwise(run: Run, own: pd.DataFrame) -> str:
    """What to say where the replies were not drawn by the probabilities that they were scored with."""
    calls = run.calls[
        run.calls["rollout"].isin(own["rollout"].astype("str").tolist()) & (run.calls["purpose"] == "agent")
    ]
    settings = calls["settings"].astype("str")
    if (
        settings.str.contains(r'"temperature":(?!1\.0[,}])').any()
        or settings.str.contains(r'"top_p":(?!1\.0[,}])').any()
    ):
        return (
            "distance: these replies were not sampled at temperature 1 and top_p 1, so their mean log ratio does not "
            "estimate the KL divergence; it says how much more probable these replies became"
        )
    return ""
