"""Which direction of a measure is better: by its target, else by its name."""

from agentlab.types import Measure

UP = {"utility": 1, "misalignment": -1}
"""1 where more is better, -1 where less is, of measures without a target."""


def better(measure: Measure) -> int | None:
    """1 where more of the measure is better, -1 where less is; None where nothing says so, or either end is as bad."""
    if measure.target is not None:
        beyond = 2 * measure.target - sum(measure.range)
        return None if beyond == 0 else 1 if beyond > 0 else -1
    return UP.get(measure.name)


def best(measure: Measure, criterion: str) -> float:
    """The end of the criterion's scale that is better on the measure; the one that lands higher if nothing says so."""
    sign = better(measure) or 1
    ends = dict(zip(measure.scales[criterion], measure.range, strict=True))
    return max(ends, key=lambda end: sign * ends[end])


def goal(measure: Measure) -> str:
    """The `target` that a scenario would give it, as YAML, for messages."""
    low, high = min(measure.range), max(measure.range)
    known = better(measure)
    if known is not None:
        return f"`target: {high if known > 0 else low:g}`"
    return f"`target: {high:g}` (or {low:g}, whichever is better)"
