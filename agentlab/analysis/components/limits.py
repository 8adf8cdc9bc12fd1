"""The limits of components that are shown: those of right-or-wrong scores, and none past what a range allows."""

from dataclasses import replace

import numpy as np

from agentlab.analysis.components.samples import Sample
from agentlab.stats.components.components import JUDGED, Component, Components
from agentlab.stats.components.two_values import two_valued
from agentlab.types import Measure


def of_two_values(result: Components, sample: Sample) -> Components:
    """With the limits of right-or-wrong scores, where each rollout has one that is."""
    again = sample.table.duplicated("rollout").to_numpy(dtype=bool)
    once = sample.exact or (result.merged is not None and not again.any())
    if not once or len(sample.levels.names) != len(JUDGED):
        return result
    kept = sample.table.iloc[np.flatnonzero(~again)]
    clusters = None if sample.clusters is None else np.asarray(sample.clusters)[~again]
    tasks, values = kept["task"].astype("str").tolist(), kept["value"].tolist()
    limits = two_valued(tasks, values, sample.measure.range, clusters)
    if limits is None:
        return result
    draw = {"low": limits.draw[0], "high": limits.draw[1], "why": ""}
    total = replace(result.total, low=limits.total[0], high=limits.total[1], why="")
    if result.merged is not None:
        return replace(result, merged=replace(result.merged, **draw), total=total)
    *above, draws, last = result.levels
    return replace(result, levels=(*above, replace(draws, **draw), last), total=total)


def most(measure: Measure) -> float:
    """What scores in the range can vary by."""
    return (measure.range[1] - measure.range[0]) ** 2 / 4


def possible(component: Component, measure: Measure) -> float | None:
    """The upper limit, or the most that scores in the range can vary by."""
    return None if component.high is None else max(component.variance or 0.0, min(component.high, most(measure)))


def apart(variance: Component) -> tuple[float | None, float | None]:
    """Limits that do not meet, else none."""
    if variance.low is None or variance.high is None or variance.high - variance.low <= 1e-9:
        return None, None
    return variance.low, variance.high
