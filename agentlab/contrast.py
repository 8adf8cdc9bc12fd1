"""One measure compared between two levels of a factor, all else equal, and what may be concluded from it."""

from collections.abc import Mapping, Sequence
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
    baseline: bool = False
    """Whether one of the two is the other's compute-matched arm."""

    @property
    def unmatched(self) -> bool:
        """Whether one arm used more than the other, by the unit that counts."""
        ratio = self.ratios[self.unit]
        return ratio is not None and not matched(ratio)


def contrasts(run: Run) -> list[Contrast]:
    """Every pair of levels of every factor within every combination of the other factors, for every measure.

    Arms that are matched in compute to each other come first.
    """
    reports = run.meta.get("anchors", {})
    calls = run.calls.loc[~run.calls["actor"].str.startswith("judge/") & run.calls["error"].isna()]
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
                identical, ratios, match = _identical(calls, *sides), _ratios(run, *sides), _unit(run, *sides)
                unit = match or "output tokens"
                apart = _differs(run, sides[0], sides[1], (ratios[unit], unit))
                for m in run.measured:
                    result = _compare(m.name, *sides)
                    why = "; ".join(reports.get(m.judge, {}).get("suppressed", _unproved(run, m.judge)))
                    spent = (identical, ratios, unit, why, apart, match is not None)
                    found.append(Contrast(factor, a, b, within, m.name, result, *spent))
    return sorted(found, key=lambda contrast: not contrast.baseline)


def _unproved(run: Run, judge: str) -> tuple[str, ...]:
    """Why an audit may not say who did better: no texts of known worth show that it can tell."""
    documents: dict[str, dict[str, Any]] = {**run.meta.get("tree", {}).get("judges", {}), **run.meta.get("added", {})}
    audit = documents.get(judge, {}).get("kind") == "audit"
    return ("an audit has no anchor texts; read what it quotes in run.objections",) if audit else ()


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


def _identical(calls: pd.DataFrame, a: pd.DataFrame, b: pd.DataFrame) -> float:
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


def _unit(run: Run, a: pd.DataFrame, b: pd.DataFrame) -> str | None:
    """The unit in which one of the two is matched to the other; None when neither is."""
    names = [str(side["condition"].iloc[0]) for side in (a, b)]
    for side in (a, b):
        baseline = _facts(run, side).get("baseline")
        if baseline and baseline["of"] in names:
            return next(unit for unit, column in UNITS.items() if column == baseline["match"])
    return None


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
    """What may be concluded from one contrast `a - b`, in a few words; the first is a."""
    c, result = contrast, contrast.result
    if c.suppressed:
        return "withheld"
    if result.coupled:
        return "coupled, no test"
    interval = result.tasks_like_these or result.these_tasks
    if result.difference is None or interval is None:
        return "no test"
    if interval.low <= 0 <= interval.high:
        return "no difference shown"
    return "first higher" if result.difference > 0 else "second higher"


def scope(contrasts: Sequence[Contrast]) -> str:
    """Which tasks the verdicts are about, and why some are withheld or have no test, a line each."""
    lines: list[str] = []
    said = [c for c in contrasts if not c.suppressed]
    if said:
        beyond = all(c.result.tasks_like_these for c in said)
        about = "tasks like these" if beyond else f"these {max(c.result.tasks for c in said)} tasks only"
        lines.append(f"What may be said is said of {about}, each contrast by itself.")
    for measure, why in {c.measure: c.suppressed for c in contrasts if c.suppressed}.items():
        lines.append(f"{measure}: nothing about who did better: {why}.")
    missing = {note for c in said if verdict(c) == "no test" for note in c.result.notes[:1]}
    return "\n".join([*lines, *(f"No test: {note}." for note in sorted(missing))])
