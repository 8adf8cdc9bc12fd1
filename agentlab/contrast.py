"""One measure compared between two levels of a factor, all else equal, and what may be concluded from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from agentlab.differs import differs
from agentlab.frames import Run
from agentlab.stats.paired import Paired, paired

UNITS = {"output tokens": "output_tokens", "tokens": "tokens", "calls": "calls", "money": "cost"}
"""In which compute is compared, and the columns of it."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One measure compared between two levels of a factor, all else equal: `a - b`, paired by task and draw."""

    factor: str
    a: str
    b: str
    within: str
    """The other factors' levels, empty when there is no other factor."""
    measure: str
    result: Paired
    identical: float
    """Share of the smaller arm's calls with a byte-identical twin in the other arm."""
    ratios: Mapping[str, float | None]
    """What the rollouts of a used for one of b, over all pairs: by unit, which are those of `UNITS`."""
    unit: str
    """What a baseline among the two is matched on; else `output tokens`."""
    suppressed: str
    """Why nothing may be said about who did better; empty when it may."""
    differs: tuple[str, ...] = ()
    """In what the arms differ, `structure` first; compute by what was used."""

    @property
    def unmatched(self) -> bool:
        """Whether one arm used more than the other, by the unit that counts."""
        ratio = self.ratios[self.unit]
        return ratio is not None and not matched(ratio)


def contrasts(run: Run) -> list[Contrast]:
    """Every pair of levels of every factor within every combination of the other factors, for every measure."""
    reports = run.meta.get("anchors", {})
    found: list[Contrast] = []
    for factor in run.factors:
        others = [name for name in run.factors if name != factor]
        levels = [level for level in run.meta["factors"][factor] if (run.measures[factor] == level).any()]
        strata = sorted({tuple(map(str, row)) for row in run.conditions[others].itertuples(index=False)}) or [()]
        for a, b in combinations(levels, 2):
            for stratum in strata:
                fixed = dict(zip(others, stratum, strict=True))
                sides = [_side(run, {factor: level, **fixed}) for level in (a, b)]
                if any(side.empty for side in sides):
                    continue
                within = ",".join(f"{name}={level}" for name, level in fixed.items())
                identical, ratios, unit = _identical(run, *sides), _ratios(run, *sides), _unit(run, *sides)
                apart = _differs(run, sides[0], sides[1], (ratios[unit], unit))
                for m in run.measured:
                    result = _compare(m.name, *sides)
                    why = "; ".join(reports.get(m.judge, {}).get("suppressed", ()))
                    found.append(Contrast(factor, a, b, within, m.name, result, identical, ratios, unit, why, apart))
    return found


def _side(run: Run, levels: dict[str, str]) -> pd.DataFrame:
    chosen = np.ones(len(run.measures), dtype=bool)
    for factor, level in levels.items():
        chosen &= (run.measures[factor] == level).to_numpy()
    return run.measures[chosen]


def _compare(measure: str, a: pd.DataFrame, b: pd.DataFrame) -> Paired:
    keys = ["task", "draw"]
    both = a[[*keys, measure]].merge(b[[*keys, measure]], on=keys, suffixes=("_a", "_b"))
    tasks = both["task"].astype("str").tolist()
    return paired(tasks, both["draw"].tolist(), both[f"{measure}_a"].to_numpy(), both[f"{measure}_b"].to_numpy())


def _identical(run: Run, a: pd.DataFrame, b: pd.DataFrame) -> float:
    calls = run.calls.loc[~run.calls["actor"].str.startswith("judge/") & run.calls["error"].isna()]
    keys = ["task", "draw", "actor", "round", "k", "text"]
    one, two = (calls.loc[calls["rollout"].isin(side["rollout"]), keys] for side in (a, b))
    smaller = min(len(one), len(two))
    return len(one.merge(two, on=keys).drop_duplicates()) / smaller if smaller else 0.0


def _ratios(run: Run, a: pd.DataFrame, b: pd.DataFrame) -> dict[str, float | None]:
    used = run.rollouts.assign(tokens=run.rollouts["input"] + run.rollouts["output_tokens"]).set_index("rollout")
    pairs = a[["task", "draw", "rollout"]].merge(b[["task", "draw", "rollout"]], on=["task", "draw"])
    found: dict[str, float | None] = {}
    for unit, column in UNITS.items():
        one, other = (float(used[column].reindex(pairs[f"rollout_{x}"].astype("str")).sum(skipna=False)) for x in "xy")
        found[unit] = one / other if other > 0 and one == one else None
    return found


def _differs(run: Run, a: pd.DataFrame, b: pd.DataFrame, use: tuple[float | None, str]) -> tuple[str, ...]:
    ratio, unit = use
    compute = () if ratio is None or matched(ratio) else (f"compute ({ratio:.1f}x the {unit})",)
    return (*differs(*(_facts(run, side) for side in (a, b))), *compute)


def _facts(run: Run, side: pd.DataFrame) -> Any:
    recorded = dict(zip(run.conditions["condition"], run.conditions["facts"], strict=True))
    return recorded[str(side["condition"].iloc[0])]


def _unit(run: Run, a: pd.DataFrame, b: pd.DataFrame) -> str:
    """The unit in which one of the two is matched to the other."""
    names = [str(side["condition"].iloc[0]) for side in (a, b)]
    for side in (a, b):
        baseline = _facts(run, side).get("baseline")
        if baseline and baseline["of"] in names:
            return next(unit for unit, column in UNITS.items() if column == baseline["match"])
    return "output tokens"


def matched(ratio: float) -> bool:
    """Whether two arms may be called matched in what they spent."""
    return 0.9 <= ratio <= 1.1


def compute(contrast: Contrast) -> str:
    """What one arm used for one of the other, in a line."""
    told = ", ".join(f"{u} {'unknown' if r is None else format(r, '.2f')}" for u, r in contrast.ratios.items())
    ratio = contrast.ratios[contrast.unit]
    if ratio is None:
        return told
    return f"{told}: {'matched' if matched(ratio) else 'not matched'} in {contrast.unit} ({ratio:.2f})"


def verdict(contrast: Contrast) -> str:
    """What may be concluded from one contrast, in a sentence."""
    c, result = contrast, contrast.result
    if c.suppressed:
        return f"nothing about who did better: {c.suppressed}"
    if result.coupled:
        return "coupled, no test"
    interval = result.tasks_like_these or result.these_tasks
    if result.difference is None or interval is None:
        return "; ".join(result.notes) or "no pair"
    scope = "tasks like these" if result.tasks_like_these else f"these {result.tasks} tasks only"
    if interval.low <= 0 <= interval.high:
        return f"no difference shown ({scope})"
    higher, lower = (c.a, c.b) if result.difference > 0 else (c.b, c.a)
    return f"{higher} scored higher than {lower} ({scope})"
