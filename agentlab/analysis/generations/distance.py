"""How far each generation is from the base: the KL divergence, estimated from its own replies."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from agentlab.analysis.generations.lineage import Lineage
from agentlab.analysis.remarks import Remarks
from agentlab.analysis.row import Row, ends
from agentlab.mapping import mapping
from agentlab.runs.frames import Run
from agentlab.runs.frames.clusters import cluster_codes
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.task_mean import task_mean

ABOUT = (
    "distance: kl is the KL divergence from the base, in nats for a rollout: the mean log ratio of the probabilities "
    "of its replies under these weights and under the base's"
)

OTHERWISE = (
    "distance: these replies were not sampled at temperature 1 with top_p 1 (and min_p 0 on the embedded engine), so "
    "their mean log ratio only approximates the KL divergence"
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
        distances = run.distances[(run.distances["condition"] == condition) & run.distances["task"].isin(tasks)]
        if distances.empty:
            continue
        remarks.add(ABOUT)
        if warning := _sampling_warning(run, distances, str(loop.improve["policy"])):
            remarks.add(warning)
        yield {
            **row,
            **_kl(run, distances),
            "rollouts": len(distances),
            "left out": int(distances["log_ratio"].isna().sum()),
        }


def _kl(run: Run, distances: pd.DataFrame) -> Row:
    values = distances["log_ratio"].to_numpy(dtype="float64")
    if np.isinf(values).any():  # the base never writes one of these replies
        return {"kl": float("inf")}
    by_task = distances["log_ratio"].groupby(distances["task"].astype("str")).mean().dropna()
    codes = cluster_codes(run.clusters, list(by_task.index))
    if len(by_task) < FEWEST_TASKS or len(set(by_task.index if codes is None else codes)) < FEWEST_TASKS:
        return {"kl": float(by_task.mean()) if len(by_task) else None, **ends("kl", None)}
    mean = task_mean(by_task, codes)
    return {"kl": mean.value, **ends("kl", mean.interval() if mean.se > 0 else None)}


def _sampling_warning(run: Run, distances: pd.DataFrame, policy: str) -> str:
    """What to say where the replies were not drawn by the probabilities that they were scored with."""
    rollouts = distances["rollout"].astype("str").tolist()
    calls = run.calls[run.calls["rollout"].isin(rollouts) & (run.calls["purpose"] == "agent")]
    settings = calls["settings"].astype("str")
    reshaped = any(settings.str.contains(rf'"{name}":(?!1\.0[,}}])').any() for name in ("temperature", "top_p"))
    model = mapping(mapping(run.meta["tree"].get("models")).get(policy))
    truncated = str(model.get("name", "")).startswith("local/") and mapping(model.get("body")).get("min_p") != 0
    return OTHERWISE if reshaped or truncated else ""
