"""One rollout's value of a measure, straight from its verdicts; `measures` does it for many at once."""

from collections.abc import Sequence
from statistics import fmean

from agentlab.types import Measure, Verdict


def score(measure: Measure, verdicts: Sequence[Verdict], status: str) -> float | None:
    """What the measure gives a rollout of this status; else the mean of the counted criteria on the measure's range,
    then of the judge draws that have a value on them all. None without such a draw.
    """
    if status in measure.values:
        return measure.values[status]
    by_draw: dict[int, dict[str, float]] = {}
    for verdict in verdicts:
        if verdict.judge == measure.judge and verdict.criterion in measure.scales:
            value = _scaled(measure, verdict)
            if value is not None:
                by_draw.setdefault(verdict.draw, {})[verdict.criterion] = value
    whole = [fmean(values.values()) for values in by_draw.values() if values.keys() == measure.scales.keys()]
    return fmean(whole) if whole else None


def _scaled(measure: Measure, verdict: Verdict) -> float | None:
    if verdict.value is None:
        return measure.values.get(verdict.outcome)
    (least, most), (low, high) = measure.scales[verdict.criterion], measure.range
    return low + (verdict.value - least) / (most - least) * (high - low)
