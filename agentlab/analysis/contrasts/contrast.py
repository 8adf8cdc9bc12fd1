"""One measure compared between two levels of a factor, all else equal, with what may be concluded from it."""

from dataclasses import dataclass

from agentlab.analysis.contrasts.compute import ArmComparison
from agentlab.analysis.contrasts.missing import MissingValues
from agentlab.experiment.preregistration import InterimAnalysis, Primary
from agentlab.stats.contrasts.paired import Paired
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.interval import Interval

ALPHA = 0.05
HIGHER = ("first higher", "second higher")
"""The conclusions that say which arm is."""
FRAGILE = "not robust to missing data"
"""The conclusion where what is there differs, but what is missing could undo it."""


@dataclass(frozen=True, slots=True)
class Contrast:
    """One measure compared between two levels of a factor, all else equal: `a - b` on the tasks of both."""

    name: str
    """What the scenario calls it; empty for a pair of levels that it does not name."""
    factor: str
    a: str
    b: str
    within: str
    """The other factors' levels, empty when there is no other factor."""
    measure: str
    primary: Primary | None
    """As it was preregistered, or declared after an interim analysis; None for an exploratory one."""
    result: Paired
    """With the intervals of this interim analysis: wider than 95 % where alpha is spent on several."""
    paired: bool
    """Whether draws are pairs; else the arms are compared within tasks, and `result` has no pairs."""
    scored: tuple[int, int]
    """Rollouts of each arm that have a value."""
    missing: MissingValues | None
    """What could change it that is not known; None where there is no difference."""
    conditions: tuple[str, str]
    arms: ArmComparison
    interim: InterimAnalysis
    declined: tuple[int, int]
    """Rollouts of each arm in which the agents declined."""
    suppressed: str
    """Why nothing may be said about who did better; empty when it may."""
    auc: float | None
    """Of the judge on its anchor texts; None for a judge that has none."""
    judged: bool
    """Whether a model scored it, which may favour an arm."""
    judge_share: float | None
    """Of the variance of a score over draws, what is the judge's noise; None where it is not separable."""
    holm: float | None = None
    """The p adjusted within all primary contrasts; None for an exploratory one and where there is no test."""
    margin: float | None = None
    """The difference that would not matter; None where none was declared."""
    equivalence_p: float | None = None
    """That the difference is beyond the margin, one-sided and valid for several analyses."""
    equivalence_holm: float | None = None
    """The same adjusted together with `holm`; None for an exploratory one."""

    @property
    def role(self) -> str:
        """`primary` or `exploratory`."""
        return "primary" if self.primary else "exploratory"

    @property
    def pair(self) -> str:
        """The two levels, and those of the other factors."""
        return f"{self.a} - {self.b}" + (f" ({self.within})" if self.within else "")

    @property
    def size(self) -> int:
        """Complete pairs; where draws are no pairs, rollouts with a value in the smaller arm."""
        return self.result.pairs if self.paired else min(self.scored)

    @property
    def interval(self) -> Interval | None:
        """The one on which the conclusion rests: of new tasks, or of these tasks where they are few."""
        return self.result.tested

    @property
    def coupled(self) -> bool:
        """Whether no difference varies and the arms gave the same replies, so that there is nothing to test."""
        return self.interval is None and self.arms.coupled

    @property
    def p(self) -> float | None:
        """Two-sided: of the interval, or of sign flips where tasks do not vary; made valid for several analyses.

        None where nothing may be said.
        """
        if self.unplanned or self.suppressed or self.coupled:
            return None
        result, interval = self.result, self.interval
        alike = result.new_tasks is None and result.tasks >= FEWEST_TASKS and result.sign_flip is not None
        p = result.sign_flip if alike or interval is None else interval.p
        return None if p is None else self.interim.valid(p)

    @property
    def distance(self) -> float | None:
        """How far the interval is from 0, and the difference where it has none; 0 where the interval holds 0."""
        value, interval = self.result.difference, self.interval
        if value is None or interval is None:
            return None if value is None else abs(value)
        return max(0.0, interval.low if value > 0 else -interval.high)

    @property
    def tipping(self) -> float | None:
        """How far missing values must lie off those that are there to turn the conclusion, as a share of the range.

        None where nothing is concluded, nothing is missing, or no missing values can turn it.
        """
        missing, value, distance = self.missing, self.result.difference, self.distance
        if not self._apart or missing is None or value is None or distance is None or not missing.contradicts(value):
            return None
        return missing.tipping(distance)

    @property
    def bias(self) -> float | None:
        """The judge's bias between the arms that would erase what is concluded, in units of the measure.

        The distance of the interval from 0, with what is missing at its worst. None where nothing is concluded, and of
        a measure that no model scored.
        """
        if not self.judged or self.conclusion not in HIGHER or self.distance is None:
            return None
        worst = self.missing and sum(self.missing.count) > 0 and (self.missing.interval or self.missing.bounds)
        return min([self.distance, *([min(map(abs, worst))] if worst else [])])

    @property
    def unplanned(self) -> bool:
        """Whether interim analyses are planned, and this is none of them: no alpha is spent on it."""
        return self.primary is not None and self.interim.share is not None and not self.interim.planned

    @property
    def conclusion(self) -> str:
        """What may be concluded from `a - b`, in a few words; the first is a.

        Of a primary contrast by Holm's p, of an exploratory one by its interval.
        """
        if self.suppressed:
            return "suppressed"
        if self.coupled:
            return "common random numbers, no test"
        if self.unplanned:
            return "unplanned interim analysis"
        value = self.result.difference
        if value is None or (self.holm if self.primary else self.p) is None:
            return "no test"
        if not self._apart:
            return self._alike
        if self.missing is not None and self.missing.contradicts(value):
            return FRAGILE
        return HIGHER[0] if value > 0 else HIGHER[1]

    @property
    def within_margin(self) -> bool:
        """Whether the difference is shown to be within the margin, also whatever the missing values are."""
        p = self.equivalence_holm if self.primary else self.equivalence_p
        if p is None or p > ALPHA or self.margin is None or self.unplanned:
            return False
        return self.missing is None or self.missing.within(self.margin)

    @property
    def _alike(self) -> str:
        """What may be concluded where no difference is shown."""
        p = self.equivalence_holm if self.primary else self.equivalence_p
        if p is None or p > ALPHA:
            return "no difference shown"
        return f"equivalent within ±{self.margin:g}" if self.within_margin else FRAGILE

    @property
    def _apart(self) -> bool:
        """Whether what is there differs by more than chance."""
        p = self.holm if self.primary else self.p
        return p is not None and p <= ALPHA and self.result.difference is not None
