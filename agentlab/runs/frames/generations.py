"""The generations of a self-training loop: what each was like on each part of the tasks, and how it was trained."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
import pandas as pd

from agentlab.columns import GENERATIONS
from agentlab.types import Measure

REASONS = {
    "kept": "kept",
    "duplicates": "duplicate",
    "cut_off": "cut off",
    "not_good_enough": "not good enough",
    "hinted": "with a hint: kept",
}
"""Columns that count rollouts by their reason in `rows`."""
Passes = Callable[[float], bool]
"""Whether a rollout with this value of a measure is good enough."""


@dataclass(frozen=True, slots=True)
class LoopFrames:
    """What is needed of a run."""

    meta: Mapping[str, Any]
    factors: Sequence[str]
    splits: Mapping[str, str]
    measured: Sequence[Measure]
    rollouts: pd.DataFrame
    measures: pd.DataFrame
    conditions: pd.DataFrame
    rows: pd.DataFrame


def by_generation(run: LoopFrames, trained: pd.DataFrame) -> pd.DataFrame:
    """A row for each condition and split, in the order of the conditions' generations."""
    names = [m.name for m in run.measured]
    factors = [name for name in run.factors if name != "generation"]
    columns = ["condition", *factors, *[name for name in GENERATIONS if name != "condition"], *names]
    if not run.splits:
        return _typed(pd.DataFrame(columns=columns), factors, names)
    splits = {str(task["id"]): str(task.get("split")) for task in run.meta.get("tasks", [])}
    scored = run.measures.assign(split=run.measures["task"].astype("str").map(splits))
    used = run.rollouts.set_index("rollout")
    known = {str(row["condition"]): row for row in trained.to_dict("records")}
    rows: list[dict[str, Any]] = []
    played = {str(row["condition"]): row for row in run.conditions.to_dict("records")}
    failed = [name for name in known if name not in played]
    deciding = {m.name: m.judge for m in run.measured}
    from agentlab.scenario.improve_fields import ImproveFields  # of a run without a loop nobody waits for it

    for condition, levels in played.items():
        fields = ImproveFields.model_validate(levels["facts"]["improve"], strict=False)
        head = {"condition": condition, **{name: levels[name] for name in factors}}
        head |= {"generation": int(levels["generation"]), **_weights(known.get(condition))}
        for split, role in run.splits.items():
            here = (scored["condition"] == condition) & (scored["split"] == split)
            part: pd.DataFrame = scored.loc[here.to_numpy(dtype=bool)]
            if part.empty:
                continue
            passes = partial(fields.keep.passes, generation=int(head["generation"]))
            outcomes = _outcomes(part, used.loc[part["rollout"].tolist()], fields.keep.measure, passes)
            if split not in fields.judged.get(deciding.get(fields.keep.measure, ""), (split,)):
                outcomes |= {"passed": math.nan, "coverage": math.nan}  # nobody was asked
            chosen = _kept(run.rows[run.rows["condition"] == condition]) if role == "learn" else {}
            tasks = part["task"].astype("str")
            means = {name: float(part[name].astype("float64").groupby(tasks).mean().mean()) for name in names}
            rows.append({**head, "split": split, "role": role, **outcomes, **chosen, **means})
    rows += [{"condition": name, "generation": _generation(name), **_weights(known[name])} for name in failed]
    order = list(run.splits)
    rows.sort(key=lambda row: (order.index(row["split"]) if "split" in row else len(order), row["generation"]))
    return _typed(pd.DataFrame(rows, columns=columns), factors, names)


def _generation(condition: str) -> int:
    levels = dict(part.split("=", 1) for part in condition.split(","))
    return int(levels["generation"])


def _typed(table: pd.DataFrame, factors: Sequence[str], measures: Sequence[str]) -> pd.DataFrame:
    counts = [name for name, dtype in GENERATIONS.items() if dtype == "int64"]
    table = table.assign(**{name: table[name].fillna(0) for name in counts})
    return table.astype({**GENERATIONS, **dict.fromkeys(factors, "str"), **dict.fromkeys(measures, "float64")})


def _outcomes(part: pd.DataFrame, used: pd.DataFrame, measure: str, passes: Passes) -> dict[str, Any]:
    values = [float(value) for value in part[measure].astype("float64")]
    good = [not math.isnan(value) and passes(value) for value in values]
    passed = pd.Series(good, index=part.index, dtype="bool")
    outputs = used["output"].fillna("").map(lambda text: " ".join(str(text).casefold().split()))
    distinct = outputs.groupby(used["task"].astype("str")).agg(lambda texts: texts.nunique() / len(texts))
    tokens = used["input_tokens"] + used["output_tokens"]
    return {
        "tasks": part["task"].nunique(),
        "rollouts": len(part),
        "passed": passed.mean(),
        "coverage": passed.groupby(part["task"].astype("str")).any().mean(),
        "distinct": distinct.mean(),
        "words": used["output_words"].mean(),
        "output_cut": used["output_cut"].mean(),
        "tokens": None if tokens.isna().any() else int(tokens.sum()),
        "cost": None if used["cost"].isna().any() else used["cost"].sum(),
    }


def _kept(rows: pd.DataFrame) -> dict[str, Any]:
    """What was kept for the next training; nothing before it."""
    if rows.empty:
        return {}
    return {name: int((rows["reason"] == reason).sum()) for name, reason in REASONS.items()} | {
        "rows": int(rows["rows"].sum())
    }


def _weights(known: Mapping[Any, Any] | None) -> dict[str, Any]:
    if known is None:
        return {}
    metrics = msgspec.json.decode(str(known["metrics"]), type=dict[str, float])
    facts = {"loss": metrics.get("loss"), "training_seconds": metrics.get("seconds")}
    return {name: known[name] for name in ("recipe", "digest", "trained_on", "error")} | facts
