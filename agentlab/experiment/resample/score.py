"""One rollout's value of a measure, straight from its verdicts; `measures` does it for many at once."""

from collections.abc import Sequence
from statistics import fmean

from agentlab.types import Measure, Verdict


def score(measure: Measure, verdicts: Sequence[Verdict], status: str) -> float | None:
    """Mean of the counted criteria on the measure's range, then of the judge draws that scored them all.

    Without such a draw: what the measure gives a rollout of this status, or None.
    """
    by_draw: dict[int, dict[str, float]] = {}
    for verdict in verdicts:
        if verdict.judge == measure.judge and verdict.criterion in measure.scales and verdict.value is not None:
            by_draw.setdefault(verdict.draw, {})[verdict.criterion] = _scaled(measure, verdict.criterion, verdict.value)
    whole = [fmean(values.values()) for values in by_draw.values() if values.keys() == measure.scales.keys()]
    return fmean(whole) if whole else measure.values.get(status)


def _scaled(measure: Measure, criterion: str, value: float) -> float:
    (least, most), (low, high) = measure.scales[criterion], measure.range
    return low + (value - least) / (most - least) * (high - low)
