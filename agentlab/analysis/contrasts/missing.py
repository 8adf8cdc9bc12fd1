"""What missing values could make of a contrast: worst-case bounds, delivered rollouts alone, and the tipping point."""

from dataclasses import dataclass

import numpy as np

from agentlab.analysis.contrasts.difference import ArmValues
from agentlab.stats.bounds import identified_level, tipping_point
from agentlab.stats.contrasts.paired import Paired


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

    def within(self, margin: float) -> bool:
        """Whether the difference is within the margin, whatever the missing values are."""
        low, high = self.interval or self.bounds
        return sum(self.count) == 0 or (-margin < low and high < margin)

    def tipping(self, distance: float) -> float | None:
        """By how much of the range missing values must lie off what is there, to turn a conclusion so far from 0."""
        units = tipping_point(distance, *self.shares)
        return None if units is None or not self.width else units / self.width


def missing_values(arms: ArmValues, result: Paired, level: float) -> MissingValues | None:
    """Of two arms whose difference is `result`, with intervals at this level; None where there is none."""
    if result.difference is None and not arms.size:
        return None
    low, high = arms.range
    count = tuple(int(missing.sum()) for missing in arms.missing)
    bounds, interval = _worst(arms, level) if sum(count) else ((result.difference,) * 2, None)
    if bounds[0] is None or bounds[1] is None:
        return None
    all_delivered = all(bool(delivered.all()) for delivered in arms.delivered)
    return MissingValues(
        count=(count[0], count[1]),
        shares=(_share(arms, 0), _share(arms, 1)),
        bounds=(bounds[0], bounds[1]),
        interval=interval,
        delivered=None if all_delivered else arms.among_delivered().difference(level),
        width=high - low,
    )


def _share(arms: ArmValues, side: int) -> float:
    """Of missing values, averaged over tasks."""
    if not arms.missing[side].any():
        return 0.0
    codes = np.unique(arms.tasks[side], return_inverse=True)[1]
    return float((np.bincount(codes, arms.missing[side]) / np.bincount(codes)).mean())


def _worst(arms: ArmValues, level: float) -> tuple[tuple[float | None, float | None], tuple[float, float] | None]:
    """Both bounds, and the interval around them: None where one has neither an interval nor differences that are alike,
    which need none."""
    low, high = arms.range
    ends = arms.filled(low, high), arms.filled(high, low)
    least, most = (end.difference(level) for end in ends)
    bounds = least.difference, most.difference
    if bounds[0] is None or bounds[1] is None:
        return bounds, None
    if any(result.tested is None and result.sign_flip is None for result in (least, most)):
        return bounds, None
    known = [interval for interval in (least.tested, most.tested) if interval]
    if known:
        width, se = max(0.0, bounds[1] - bounds[0]), max(interval.se for interval in known)
        wide = identified_level(width, se, min(interval.df for interval in known), level)
        least, most = (end.difference(wide) for end in ends)
    start, end = least.tested, most.tested
    return bounds, (start.low if start else bounds[0], end.high if end else bounds[1])
