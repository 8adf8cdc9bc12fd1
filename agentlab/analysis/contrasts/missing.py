"""What missing values could make of a contrast: worst-case bounds, delivered rollouts alone, and the tipping point."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from agentlab.analysis.contrasts.difference import basis, difference
from agentlab.runs.frames.pairing import shared_rows
from agentlab.stats.bounds import identified_level, tipping_point
from agentlab.stats.contrasts.paired import Paired
from agentlab.types import Measure

Arms = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True, slots=True)
class MissingValues:
    """What is not known of a contrast because values are missing or rollouts were not delivered."""

    count: tuple[int, int]
    """Missing values of each arm, among rollouts that have a partner where draws are pairs."""
    shares: tuple[float, float]
    """The same as a share of the rollouts, averaged over tasks."""
    bounds: tuple[float, float]
    """The least and the greatest that the difference can be: all missing values of an arm at one end of the range."""
    interval: tuple[float, float] | None
    """Imbens and Manski's, at the level of the contrast's own; None where nothing is missing or a bound has none."""
    delivered: Paired | None
    """Over delivered rollouts alone; None where all were."""
    width: float
    """Of the range in which a value can lie."""

    def contradicts(self, difference: float) -> bool:
        """Whether a difference of this sign may be due to what is missing."""
        low, high = self.interval or self.bounds
        return sum(self.count) > 0 and not (low > 0 if difference > 0 else high < 0)

    def tipping(self, margin: float) -> float | None:
        """By how much of the range missing values must lie off what is there, to turn a conclusion so far from 0."""
        units = tipping_point(margin, *self.shares)
        return None if units is None or not self.width else units / self.width


def missing_values(arms: Arms, measure: Measure, result: Paired, pairs: bool, level: float) -> MissingValues | None:
    """Of two arms, each as its rows of `run.measures`, whose comparison gave `result`; None where there is none."""
    name = measure.name
    low, high = outcome_range(measure, pd.concat([arm[name] for arm in arms]))
    a, b = shared_rows(*arms) if pairs else arms
    none = not (a[name].isna().any() or b[name].isna().any())

    def worst(level: float) -> tuple[Paired, Paired]:
        ends = ((low, high), (high, low))
        least, most = (difference(a.fillna({name: x}), b.fillna({name: y}), name, pairs, level) for x, y in ends)
        return least, most

    least, most = (result, result) if none else worst(level)
    if least.difference is None or most.difference is None:
        return None
    done = [arm[(arm["status"] == "delivered").to_numpy()] for arm in arms]
    all_delivered = all(len(some) == len(arm) for some, arm in zip(done, arms, strict=True))
    return MissingValues(
        (int(a[name].isna().sum()), int(b[name].isna().sum())),
        (_share(a, name), _share(b, name)),
        (least.difference, most.difference),
        None if none else _interval(worst, least, most, level),
        None if all_delivered else difference(done[0], done[1], name, pairs, level),
        high - low,
    )


def outcome_range(measure: Measure, values: pd.Series) -> tuple[float, float]:
    """Where a value can lie: the measure's range, what the scenario declares for a status, and what was counted."""
    ends = (*measure.range, *measure.values.values(), *values.dropna())
    return float(min(ends)), float(max(ends))


def _share(arm: pd.DataFrame, name: str) -> float:
    return float(arm[name].isna().groupby(arm["task"].astype("str")).mean().mean())


def _interval(
    worst: Callable[[float], tuple[Paired, Paired]], least: Paired, most: Paired, level: float
) -> tuple[float, float] | None:
    """None where a bound has neither an interval nor differences that are all alike, which need none."""
    known = [interval for interval in map(basis, (least, most)) if interval]
    if least.difference is None or most.difference is None:
        return None
    if any(basis(found) is None and found.sign_flip is None for found in (least, most)):
        return None
    if known:
        width, se = max(0.0, most.difference - least.difference), max(interval.se for interval in known)
        least, most = worst(identified_level(width, se, min(interval.df for interval in known), level))
    return _end(least, "low"), _end(most, "high")


def _end(found: Paired, side: Literal["low", "high"]) -> float:
    interval = basis(found)
    return float(getattr(interval, side)) if interval else float(found.difference or 0)
