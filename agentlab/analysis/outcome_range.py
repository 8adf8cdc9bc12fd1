"""Where the value of a measure can lie."""

import numpy as np
from numpy.typing import ArrayLike

from agentlab.runs.frames import Run
from agentlab.types import Measure


def outcome_range(measure: Measure, *values: ArrayLike) -> tuple[float, float]:
    """Lowest and highest: the measure's range, what the scenario declares for a status, and what was counted.

    What an audit counts lies outside the range of its measure.
    """
    seen = np.concatenate([np.asarray(scores, dtype=np.float64) for scores in values])
    seen = seen[np.isfinite(seen)]
    counted = (seen.min(), seen.max()) if len(seen) else ()
    ends = (*measure.range, *measure.values.values(), *counted)
    return float(min(ends)), float(max(ends))


def largest_difference(run: Run, name: str) -> float:
    """Between two values of this measure of the run: the length of its range."""
    measure = next(measure for measure in run.whole.measured if measure.name == name)
    low, high = outcome_range(measure, run.measures[name].dropna())
    return high - low
