"""One contrast as a sentence that claims no more than its statistics."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from agentlab.analysis.cells import chance
from agentlab.analysis.condition_summary import ConditionSummary
from agentlab.analysis.contrasts.contrast import ALPHA, Contrast
from agentlab.analysis.contrasts.short import level
from agentlab.analysis.measure_summary import MeasureSummary
from agentlab.analysis.unread import UNEQUAL
from agentlab.text import line, pluralize


def finding(c: Contrast, measure: MeasureSummary, arms: Mapping[str, ConditionSummary]) -> str:
    """What was found of a contrast that is not suppressed; `arms` are by condition."""
    a, b = (arms[name] for name in c.conditions)
    within = f" ({line(c.within)})" if c.within else ""
    return f"{line(measure.name)}{within}: {_clause(_Sides(c, measure, (a, b)))}.{_unequal(c)}"


def _unequal(c: Contrast) -> str:
    """A sentence on missing scores where one arm lacks more than the other."""
    shares = (0.0, 0.0) if c.missing is None else c.missing.shares
    if abs(shares[0] - shares[1]) <= UNEQUAL or c.outcome == "fragile":
        return ""
    return f" Scores are missing at unequal rates: {c.missing_by_arm}."


def digits(difference: float, ends: tuple[float, float] | None, limits: tuple[float, ...] = ()) -> int:
    """Decimals in which means on a scale are told: two from 0 to 1, and more where a difference would not show.

    More where one of its `limits` would look like zero and is not: readers look whether an interval holds zero.
    """
    width = 1.0 if ends is None else ends[1] - ends[0]
    least = min(4, max(1, 2 - math.floor(math.log10(width)))) if width > 0 else 2
    size = abs(difference)
    shown = min(6, max(least, 1 - math.floor(math.log10(size)))) if size > 1e-9 else least
    near = [-math.floor(math.log10(abs(limit))) for limit in limits if limit and round(limit, shown) == 0]
    return min(6, max([shown, *near]))


@dataclass(frozen=True, slots=True)
class _Sides:
    """A contrast with what its sentence is made of."""

    contrast: Contrast
    measure: MeasureSummary
    arms: tuple[ConditionSummary, ConditionSummary]

    @property
    def names(self) -> tuple[str, str]:
        return line(self.contrast.a), line(self.contrast.b)

    @property
    def pair(self) -> str:
        return " and ".join(self.names)

    @property
    def digits(self) -> int:
        interval = self.contrast.interval
        limits = () if interval is None else (interval.low, interval.high)
        return digits(self.contrast.result.difference or 0.0, self.measure.range, limits)

    @property
    def p(self) -> float | None:
        return self.contrast.p_shown

    def values(self, first: int = 0) -> str:
        """`0.62 against 0.33 on a scale from 0 to 1`, or `3 of 8 right against 5 of 8`; that of `first` first."""
        result, name = self.contrast.result, self.measure.name
        means = (result.mean_a or 0.0, result.mean_b or 0.0)
        over = f" over {pluralize(result.pairs, 'complete pair')}" if result.dropped and self.contrast.paired else ""
        if (
            self.measure.right is not None and not over
        ):  # counts are of all that is scored, which need not be what is compared
            counts = [(arm.right[name], arm.measures[name].n) for arm in self.arms]
            if all(of and abs(right / of - mean) < 1e-9 for (right, of), mean in zip(counts, means, strict=True)):
                texts = [f"{right:,} of {of:,}" for right, of in counts]
                return f"{texts[first]} {self.measure.word} against {texts[1 - first]}"
        ends = self.measure.range
        scale = "" if ends is None else f" on a scale from {ends[0]:g} to {ends[1]:g}"
        return f"{means[first]:z.{self.digits}f} against {means[1 - first]:z.{self.digits}f}{scale}{over}"

    def interval(self, turned: bool = False) -> str:
        """The difference with its limits, or with its p where it has none; turned so that it is positive."""
        interval, c = self.contrast.interval, self.contrast
        sign, form = (-1 if turned and (c.result.difference or 0.0) < 0 else 1), "" if turned else "+"
        difference = f"difference {sign * (c.result.difference or 0.0):{form}z.{self.digits}f}"
        if interval is None:
            return f"{difference}, {self.named_p()}"
        low, high = sorted((sign * interval.low, sign * interval.high))
        tasks = "new tasks" if c.result.new_tasks else "these tasks"
        limits = f"{level([c])} for {tasks} {low:{form}z.{self.digits}f} to {high:{form}z.{self.digits}f}"
        apart, decides = interval.low > 0 or interval.high < 0, self.p is not None and self.p <= ALPHA
        return f"{difference}, {limits}" + ("" if apart == decides else f", but {self.named_p()}")

    def named_p(self) -> str:
        """The p on which the conclusion rests."""
        return f"{'adjusted p' if self.contrast.primary else 'p'} {chance(self.p or 0.0)}"


def _clause(sides: _Sides) -> str:
    c = sides.contrast
    if c.result.difference is None:
        return f"{sides.pair} cannot be compared, because no task has a score from both"
    if c.different:
        return _apart(sides)
    if c.coupled:
        return f"{sides.pair} gave the same replies, so there is nothing to test"
    if c.unplanned:
        return f"{sides.pair} have {sides.values()}; nothing is concluded, because this look was not planned"
    if c.unfinished:
        return _unfinished(sides)
    if c.outcome == "fragile":
        return _fragile(sides)
    if c.outcome == "few":
        pairs = f"{pluralize(c.result.pairs, 'pair')} are too few to show any difference ({sides.named_p()})"
        return f"{sides.pair} have {sides.values()}; nothing is concluded, because {pairs}"
    if c.outcome == "untested":
        return f"{sides.pair} have {sides.values()}; there is no test, because {_untested(c)}"
    if c.within_margin:
        same = f"are equivalent within the declared margin of ±{c.margin:g}"
        return f"{sides.pair} {same}, {sides.values()} ({sides.interval()})"
    margin = "" if c.margin is None else f"; equivalence within the margin of ±{c.margin:g} was not shown either"
    return f"no difference was found between {sides.pair}, {sides.values()} ({sides.interval()}){margin}"


def _apart(sides: _Sides) -> str:
    """The arm that did better, or scored higher where nothing says what is better."""
    c, sign = sides.contrast, sides.measure.better
    first = 0 if (c.result.difference or 0.0) * (sign or 1) > 0 else 1
    how = "scored higher" if sign is None else "did better"
    less = ", where lower is better" if sign == -1 else ""
    margin = f"; this is within the margin of ±{c.margin:g}" if c.within_margin else ""
    names = f"{sides.names[first]} {how} than {sides.names[1 - first]}"
    return f"{names}, {sides.values(first)}{less} ({sides.interval(turned=True)}){margin}"


def _fragile(sides: _Sides) -> str:
    c = sides.contrast
    apart = sides.p is not None and sides.p <= ALPHA
    differ = "differ" if apart else f"are within the margin of ±{c.margin:g}"
    lost = (0, 0) if c.missing is None else c.missing.count
    missing = ", ".join(f"{count:,} of {name}" for count, name in zip(lost, sides.names, strict=True))
    return (
        f"{sides.pair} {differ} among the available scores, {sides.values()}, but the missing scores ({missing}) "
        f"could reverse this, so nothing is concluded"
    )


def _unfinished(sides: _Sides) -> str:
    """Only how far the run is: to stop an unfinished run when its result suits raises the false-positive rate."""
    done, planned = sides.contrast.played
    return (
        f"{sides.pair} have {sides.values()} so far; nothing is concluded yet, because only {done:,} of their "
        f"{planned:,} rollouts are played"
    )


def _untested(c: Contrast) -> str:
    if c.p is not None:
        return "the other primary contrasts are about new tasks, and this one does not have enough tasks for that"
    reasons = (re.sub("^no interval for (these|new) tasks: ", "", note) for note in c.result.notes)
    return next(reasons, "the differences do not vary")
