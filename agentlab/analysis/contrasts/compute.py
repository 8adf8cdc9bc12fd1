"""Two arms side by side apart from their outcomes: the compute they used, the calls they share, and their confounds."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agentlab.experiment.confounds import confounds
from agentlab.pairing import PAIRING
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import ArmPairs
from agentlab.store import UNFINISHED

UNITS = {"output tokens": "output_tokens", "tokens": "tokens", "calls": "calls", "money": "cost"}
"""In which compute is compared, and the columns of it."""


@dataclass(frozen=True, slots=True)
class ArmComparison:
    """Two arms side by side, apart from their outcomes."""

    identical_calls: float | None
    """Share of the smaller arm's calls with a byte-identical twin in the other arm; None where no call is known."""
    coupled: bool
    """Whether every call of both arms has such a twin, so that nothing but the judges can tell them apart."""
    compute: Mapping[str, float | None]
    """What the rollouts of the first used for one of the second, over all pairs in which both are finished, by unit;
    None where it is unknown."""
    unit: str
    """What a baseline among the two is matched on; else `output tokens`."""
    baseline: bool
    """Whether one of the two is the other's compute-matched arm."""
    confounds: tuple[str, ...]
    """In what the arms differ, `structure` first; compute by what was used."""

    @property
    def matched(self) -> bool | None:
        """Whether the arms may be called matched in compute; None where it is unknown."""
        ratio = self.compute[self.unit]
        return None if ratio is None else matched(ratio)


@dataclass(frozen=True)
class Arms:
    """What is compared of a run's arms, each table made once for all pairs."""

    run: Run

    @cached_property
    def facts(self) -> dict[str, Any]:
        """What was recorded of each condition."""
        return dict(zip(self.run.conditions["condition"], self.run.conditions["facts"], strict=True))

    @cached_property
    def calls(self) -> dict[str, NDArray[np.intp]]:
        """By condition, a number for each call of its agents that succeeded; calls that are twins have the same."""
        calls = self.run.replies
        kept = (
            (calls["purpose"] != "judge") & calls["error"].isna() & calls["rollout"].isin(self.run.rollouts["rollout"])
        )
        agent_calls = calls.loc[kept, ["condition", *PAIRING, "actor", "round", "k", "text"]]
        numbers = agent_calls.groupby([*agent_calls.columns[1:]], observed=True, dropna=False, sort=False).ngroup()
        same: NDArray[np.intp] = np.asarray(numbers, dtype=np.intp)
        places: Any = agent_calls.groupby("condition", observed=True).indices
        return {str(name): same[rows] for name, rows in places.items()}

    @cached_property
    def used(self) -> NDArray[np.float64]:
        """What each rollout used, of shape (rollouts, `UNITS`)."""
        rollouts = self.run.rollouts
        table = rollouts.assign(tokens=rollouts["input_tokens"] + rollouts["output_tokens"])
        return table[[*UNITS.values()]].to_numpy(dtype=np.float64, na_value=np.nan)

    @cached_property
    def finished(self) -> NDArray[np.bool_]:
        """Whether each rollout is finished, of shape (rollouts,)."""
        return (~self.run.rollouts["status"].isin(UNFINISHED)).to_numpy(dtype=bool)

    def compare(self, names: tuple[str, str], pairs: ArmPairs) -> ArmComparison:
        """Two conditions that have rollouts, whose rows of `run.measures` are paired."""
        compute, match = self._compute(pairs), self._unit(names)
        unit = match or "output tokens"
        ratio = compute[unit]
        unmatched = () if ratio is None or matched(ratio) else (f"compute ({ratio:.1f}x the {unit})",)
        differences = (*confounds(*(self.facts[name] for name in names)), *unmatched)
        return ArmComparison(*self._identical(names), compute, unit, match is not None, differences)

    def _compute(self, pairs: ArmPairs) -> dict[str, float | None]:
        first, second = (arm.index.to_numpy()[at] for arm, at in zip(pairs.arms, pairs.places, strict=True))
        both = self.finished[first] & self.finished[second]
        sums = [self.used[rollouts[both]].sum(axis=0) for rollouts in (first, second)]
        ratios: dict[str, float | None] = {}
        for unit, one, other in zip(UNITS, *(side.tolist() for side in sums), strict=True):
            free = unit == "money" and one == other == 0 and bool(ratios["calls"])
            ratios[unit] = 1.0 if free else one / other if other > 0 and one == one else None
        return ratios

    def _unit(self, names: tuple[str, str]) -> str | None:
        """The unit in which one of the two is matched to the other; None when neither is."""
        for name in names:
            baseline = self.facts[name].get("baseline")
            if baseline and baseline["of"] in names:
                return next(unit for unit, column in UNITS.items() if column == baseline["match"])
        return None

    def _identical(self, names: tuple[str, str]) -> tuple[float | None, bool]:
        """Of the smaller arm's calls, the share with a twin; whether all of both have one."""
        first, second = (self.calls.get(name, np.empty(0, dtype=np.intp)) for name in names)
        smaller, larger = sorted((len(first), len(second)))
        if not smaller:
            return None, False
        twins = len(np.intersect1d(first, second))
        return twins / smaller, twins == larger


def matched(ratio: float) -> bool:
    """Whether two arms may be called matched in the compute they used."""
    return 0.9 <= ratio <= 1.1
