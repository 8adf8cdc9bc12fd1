"""What a reader has to know of a measure: its range, which end is better, whether it is right or wrong, its doubts."""

from dataclasses import dataclass

from agentlab.analysis.direction import better
from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.suppressed import plainly, suppressed
from agentlab.judges import recorded, traits
from agentlab.mapping import mapping
from agentlab.runs.frames import Run
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class MeasureSummary:
    """One measure of a run."""

    name: str
    range: tuple[float, float] | None
    """The lowest and the highest value; None where values lie outside, such as what an audit counts."""
    better: int | None
    """1 where more is better, -1 where less is; None where nothing says so."""
    right: float | None
    """The value of a right answer, where every value is that of a right or of a wrong one."""
    suppressed: str
    """Why nothing is said that tells who did better; empty where it may be said."""
    doubt: str
    """The same in plain words, to go on with after "its scores are suppressed:"."""
    word: str = "right"
    """What a right answer is called: `accepted` where the judge also accepts answers that need not be right."""


def measure_summaries(run: Run) -> dict[str, MeasureSummary]:
    """By name, in the order of the run."""
    return {m.name: _summary(run, m) for m in run.measured}


def _summary(run: Run, m: Measure) -> MeasureSummary:
    values = run.measures[m.name].dropna()
    ends = (min(m.range), max(m.range))
    answers = traits(run.meta, m.judge).target and len(m.scales) == 1
    right = m.range[1] if answers and bool(values.isin(ends).all()) else None
    sign = better(m)
    if sign is None and answers and m.target is None:
        sign = 1 if m.range[1] > m.range[0] else -1
    within = outcome_range(m, values) == ends
    doubts = suppressed(run, m.judge), plainly(run, m.judge)
    return MeasureSummary(m.name, ends if within else None, sign, right, *doubts, _word(run, m.judge))


def _word(run: Run, judge: str) -> str:
    """`accepted` if the judge takes any of several answers in an output, or compares it with a field of its choice."""
    document = mapping(recorded(run.meta).get(judge))
    return "accepted" if document.get("where") == "any" or document.get("target") is not None else "right"
