"""One measure compared between two levels of a factor, all else equal, with what may be concluded from it."""

from collections.abc import Sequence
from dataclasses import dataclass

from agentlab.analysis.conclusion import Outcome, conclude
from agentlab.analysis.contrasts.compute import ArmComparison
from agentlab.analysis.contrasts.missing import MissingValues
from agentlab.experiment.preregistration import InterimAnalysis, Primary
from agentlab.scenario.declared import Declared
from agentlab.stats.contrasts.paired import Paired
from agentlab.stats.contrasts.power import FEWEST_TASKS
from agentlab.stats.interval import Interval
from agentlab.text import line

ALPHA = 0.05


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
    """Whether a model scored it, which may favor an arm."""
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
    better: int | None = None
    """1 where more of the measure is better, -1 where less is; None where nothing says so."""
    played: tuple[int, int] = (0, 0)
    """Rollouts of both arms that are played, and that are planned; both 0 where the run plans looks, or nothing."""
    rejected_apart: bool = False
    """Whether draws would be pairs, had not one arm rejected some that the other kept."""
    draw_sd: float | None = None
    """The standard deviation of one arm's values over draws of one task; None without two draws of any."""
    tests: int = 1
    """How many tests share one error rate. `p` is multiplied by it, and the interval matches (Bonferroni)."""

    @property
    def role(self) -> str:
        """`primary` or `exploratory`."""
        return "primary" if self.primary else "exploratory"

    @property
    def pair(self) -> str:
        """The two levels, with the factor where they are numbers, and those of the other factors."""
        factor = f"{self.factor} " if self.a.isdecimal() and self.b.isdecimal() else ""
        return f"{factor}{self.a} - {self.b}" + (f" ({self.within})" if self.within else "")

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
    def too_few(self) -> bool:
        """Whether the arms differ by an amount that does not vary, over too few pairs for any p at or below 5%."""
        result = self.result
        flips_serve = self.interval is None and result.constant and result.sign_flip is not None
        return flips_serve and bool(result.difference) and self.tests * 2.0 ** (1 - result.pairs) > ALPHA

    @property
    def p(self) -> float | None:
        """Two-sided: of the interval, or of sign flips where tasks do not vary; valid for several analyses and tests.

        None where nothing may be said.
        """
        if self.unplanned or self.unfinished or self.suppressed or self.coupled:
            return None
        result, interval = self.result, self.interval
        alike = result.new_tasks is None and result.tasks >= FEWEST_TASKS and result.sign_flip is not None
        p = result.sign_flip if alike or interval is None else interval.p
        return None if p is None else min(1.0, self.tests * self.interim.valid(p))

    @property
    def p_shown(self) -> float | None:
        """The p on which the conclusion rests: adjusted for a primary contrast."""
        return self.holm if self.primary else self.p

    @property
    def missing_by_arm(self) -> str:
        """`firm 3 (8%), solo 0 (0%)`: scores that are missing; empty where none is."""
        if self.missing is None or not sum(self.missing.count):
            return ""
        by_arm = zip((self.a, self.b), self.missing.count, self.missing.shares, strict=True)
        return ", ".join(f"{line(name)} {count:,} ({share:.0%})" for name, count, share in by_arm)

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
        if not self.judged or not self.different or self.distance is None:
            return None
        worst = self.missing and sum(self.missing.count) > 0 and (self.missing.interval or self.missing.bounds)
        return min([self.distance, *([min(map(abs, worst))] if worst else [])])

    @property
    def unplanned(self) -> bool:
        """Whether looks at it, or at the measure that it is part of, are planned, and this is none of them."""
        return self.interim.share is not None and not self.interim.planned

    @property
    def unfinished(self) -> bool:
        """Whether rollouts of its arms are still to be played, while no looks at an unfinished run are planned."""
        done, planned = self.played
        return done < planned

    @property
    def outcome(self) -> Outcome:
        """What `a - b` shows: of a primary contrast by Holm's p, of an exploratory one by its own."""
        if self.suppressed:
            return "suppressed"
        if self.coupled:
            return "coupled"
        if self.unplanned:
            return "unplanned"
        if self.unfinished:
            return "unfinished"
        value = self.result.difference
        if value is None or self.p_shown is None:
            return "untested"
        if not self._apart:
            return self._alike
        return "fragile" if self.missing is not None and self.missing.contradicts(value) else "different"

    @property
    def different(self) -> bool:
        """Whether one of the arms is concluded to be higher."""
        return self.outcome == "different"

    @property
    def conclusion(self) -> str:
        """The outcome in words, such as `solo better`."""
        return conclude(self.outcome, self.a, self.b, self.result.difference, self.better, self.margin)

    @property
    def within_margin(self) -> bool:
        """Whether the difference is shown to be within the margin, also whatever the missing values are."""
        p = self.equivalence_holm if self.primary else self.equivalence_p
        if p is None or p > ALPHA or self.margin is None or self.unplanned or self.unfinished:
            return False
        return self.missing is None or self.missing.within(self.margin)

    @property
    def _alike(self) -> Outcome:
        """What is shown where no difference is found."""
        p = self.equivalence_holm if self.primary else self.equivalence_p
        if p is None or p > ALPHA:
            return "few" if self.too_few else "alike"
        return "equivalent" if self.within_margin else "fragile"

    @property
    def _apart(self) -> bool:
        """Whether what is there differs by more than chance."""
        p = self.p_shown
        return p is not None and p <= ALPHA and self.result.difference is not None


def uncompared(declared: Sequence[Primary], made: Sequence[Contrast]) -> list[Declared]:
    """The primary contrasts that could not be made, because the run has no rollouts of both arms."""
    present = {c.primary.contrast.same for c in made if c.primary}
    return [entry.contrast for entry in declared if entry.contrast.same not in present]
