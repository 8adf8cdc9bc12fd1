"""What two arms used, and how much of what they said is the same: whether they may be called matched, or coupled."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from agentlab.experiment.confounds import differs
from agentlab.pairing import PAIRING
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import pair_arms

UNITS = {"output tokens": "output_tokens", "tokens": "tokens", "calls": "calls", "money": "cost"}
"""In which compute is compared, and the columns of it."""


@dataclass(frozen=True, slots=True)
class ComputeComparison:
    """Two arms side by side, apart from their outcomes."""

    identical: float
    """Share of the smaller arm's calls with a byte-identical twin in the other arm."""
    ratios: Mapping[str, float | None]
    """What the rollouts of the first used for one of the second, over all pairs, by unit."""
    unit: str
    """What a baseline among the two is matched on; else `output tokens`."""
    baseline: bool
    """Whether one of the two is the other's compute-matched arm."""
    differs: tuple[str, ...]
    """In what the arms differ, `structure` first; compute by what was used."""


def spent(run: Run, calls: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> ComputeComparison:
    """Of two arms, as rows of `run.measures`; `calls` are the agents' calls that succeeded."""
    ratios, match = _ratios(run, a, b), _unit(run, a, b)
    unit = match or "output tokens"
    ratio = ratios[unit]
    compute = () if ratio is None or matched(ratio) else (f"compute ({ratio:.1f}x the {unit})",)
    apart = (*differs(*(facts(run, side) for side in (a, b))), *compute)
    return ComputeComparison(_identical(calls, a, b), ratios, unit, match is not None, apart)


def matched(ratio: float) -> bool:
    """Whether two arms may be called matched in what they spent."""
    return 0.9 <= ratio <= 1.1


def facts(run: Run, side: pd.DataFrame) -> Any:
    """What was recorded of the condition of these rows."""
    recorded = dict(zip(run.conditions["condition"], run.conditions["facts"], strict=True))
    return recorded[str(side["condition"].iloc[0])]


def _identical(calls: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> float:
    keys = [*PAIRING, "actor", "round", "k", "text"]
    texts = calls[["rollout", *(name for name in keys if name != "generation")]]
    one, two = (texts.merge(side[["rollout", "generation"]], on="rollout")[keys] for side in (a, b))
    smaller = min(len(one), len(two))
    return len(one.merge(two, on=keys).drop_duplicates()) / smaller if smaller else 0.0


def _ratios(run: Run, a: pd.DataFrame, b: pd.DataFrame) -> dict[str, float | None]:
    used = run.rollouts.assign(tokens=run.rollouts["input_tokens"] + run.rollouts["output_tokens"]).set_index("rollout")
    pairs = pair_arms(a, b, "rollout").rows
    found: dict[str, float | None] = {}
    for unit, column in UNITS.items():
        one, other = (float(used[column].reindex(pairs[f"rollout_{x}"].astype("str")).sum(skipna=False)) for x in "ab")
        found[unit] = one / other if other > 0 and one == one else None
    return found


def _unit(run: Run, a: pd.DataFrame, b: pd.DataFrame) -> str | None:
    """The unit in which one of the two is matched to the other; None when neither is."""
    names = [str(side["condition"].iloc[0]) for side in (a, b)]
    for side in (a, b):
        baseline = facts(run, side).get("baseline")
        if baseline and baseline["of"] in names:
            return next(unit for unit, column in UNITS.items() if column == baseline["match"])
    return None
