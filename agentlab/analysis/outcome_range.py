"""Where the value of a measure can lie."""

import numpy as np
from numpy.typing import ArrayLike

from agentlab.types import Measure


def outcome_range(measure: Measure, *values: ArrayLike) -> tuple[float, float]:
    """Lowest and highest: the measure's range, what the scenario declares for a status, and what was counted.

    What an audit counts lies outside the range of its measure.
    """
    seen = np.concatenate([np.asarray(scores, dtype=np.float64) for scores in values])
    ends = (*measure.range, *measure.values.values(), *seen[np.isfinite(seen)])
    return float(min(ends)), float(max(ends))
