"""One measure compared between two levels of a factor, all else equal, and what may be concluded from it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import pandas as pd

from agentlab.analysis.components.judge_noise import JudgeNoise, noise
from agentlab.analysis.contrasts.compute import ArmComparison, Arms
from agentlab.analysis.contrasts.family import adjusted
from agentlab.experiment.preregistration import InterimAnalysis, Primary, conditions, register
from agentlab.judges import traits
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import ArmPairs, pair_arms
from agentlab.scenario.compare import Declared
from agentlab.stats.contrasts.paired import Paired, paired
from agentlab.stats.contrasts.sequential import level, repeated_p
from agentlab.text import pluralize

ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Contrast:
    """One measure compared between two levels of a factor, all else equal: `a - b`, paired by task and draw."""

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
    conditions: tuple[str, str]
    arms: ArmComparison
    interim: InterimAnalysis
    declined: tuple[int, int]
    """Rollouts of each arm in which the agents declined."""
    suppressed: str
    """Why nothing may be said about who did better; empty when it may."""
    auc: float | None
    """Of the judge on its anchor texts; None for a judge that has none."""
    judge_share: float | None
    """Of the variance of a score over draws, what is the judge's noise; None where it is not separable."""
    holm: float | None = None
    """The p adjusted within all primary contrasts; None for an exploratory one and where there is no test."""

    @property
    def role(self) -> str:
        """`primary` or `exploratory`."""
        return "primary" if self.primary else "exploratory"

    @property
    def pair(self) -> str:
        """The two levels, and those of the other factors."""
        return f"{self.a} - {self.b}" + (f" ({self.within})" if self.within else "")

    @property
    def p(self) -> float | None:
        """Two-sided: of the task-level t, or of these tasks where there are few; made valid for several analyses.

        None where nothing may be said.
        """
        interval = self.result.new_tasks or self.result.these_tasks
        if interval is None or self.unplanned or self.suppressed or self.result.constant:
            return None
        interim = self.interim
        return repeated_p(interval.p, interim.spent, interim.spend) if interim.planned else interval.p

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
        if self.result.constant:
            return "constant difference, no test"
        if self.unplanned:
            return "unplanned interim analysis"
        p = self.holm if self.primary else self.p
        if self.result.difference is None or p is None:
            return "no test"
        if p > ALPHA:
            return "no difference shown"
        return "first higher" if self.result.difference > 0 else "second higher"


@lru_cache(maxsize=1)
def contrasts(run: Run) -> tuple[Contrast, ...]:
    """The primary contrasts, then the exploratory ones: as the scenario says, or else every other pair of levels.

    Of the latter, arms that are matched in compute to each other come first. A pair without rollouts is left out; of a
    primary one the p counts in Holm's family all the same. Made once, like a run's frames.
    """
    pairs = _Pairs(run)
    registered = pairs.register
    known = {entry.contrast.same for entry in registered.primary}
    primary = [pairs.compare(entry.contrast, entry) for entry in registered.primary]
    family = adjusted([contrast and (contrast.p, contrast.result) for contrast in primary])
    first = [replace(contrast, holm=p) for contrast, p in zip(primary, family, strict=True) if contrast]
    rest = _every(run) if registered.exploratory is None else registered.exploratory
    others = [made for declared in rest if declared.same not in known and (made := pairs.compare(declared, None))]
    return (*first, *sorted(others, key=lambda contrast: not contrast.arms.baseline))


def _every(run: Run) -> Iterator[Declared]:
    """Every pair of levels of every factor within every combination of the other factors, for every measure."""
    for factor in run.factors:
        others = [name for name in run.factors if name != factor]
        levels = [level for level in run.meta["factors"][factor] if (run.measures[factor] == level).any()]
        strata = sorted({tuple(map(str, row)) for row in run.conditions[others].itertuples(index=False)}) or [()]
        for a, b in combinations(levels, 2):
            for stratum in strata:
                fixed = dict(zip(others, stratum, strict=True))
                yield from (Declared("", factor, a, b, fixed, m.name) for m in run.measured)


@dataclass
class _Pairs:
    """The pairs of arms of a run, each looked up once for all its measures."""

    run: Run

    def __post_init__(self) -> None:
        self.arms = Arms(self.run)
        self.register = register(self.run.meta)
        self.finished = int((~self.run.rollouts["status"].isin(["cancelled", "infrastructure"])).sum())
        self.known: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame, ArmComparison] | None] = {}
        self.noises: dict[str, JudgeNoise] = {}

    def compare(self, declared: Declared, primary: Primary | None) -> Contrast | None:
        """None when an arm has no rollout, or the run not the measure."""
        run, names = self.run, conditions(declared, self.run.factors)
        measure = next((m for m in run.measured if m.name == declared.measure), None)
        sides = self.sides(names) if measure is not None else None
        if measure is None or sides is None:
            return None
        a, b, arms = sides
        both = pair_arms(a, b, measure.name)
        interim = self.register.interim(names, len(both.rows), self.finished)
        planned = primary is not None and interim.planned
        width = 1 - level(interim.spent, interim.spend, ALPHA) if planned else 1 - ALPHA
        if measure.name not in self.noises:
            self.noises[measure.name] = noise(run, measure)
        return Contrast(
            declared.name,
            declared.factor,
            declared.a,
            declared.b,
            declared.within,
            measure.name,
            primary,
            _compare(both, measure.name, width),
            names,
            arms,
            interim,
            (int((a["status"] == "declined").sum()), int((b["status"] == "declined").sum())),
            suppressed(run, measure.judge),
            run.meta.get("anchors", {}).get(measure.judge, {}).get("auc"),
            self.noises[measure.name].share(names),
        )

    def sides(self, names: tuple[str, str]) -> tuple[pd.DataFrame, pd.DataFrame, ArmComparison] | None:
        """Both arms' rows of `run.measures`, and their comparison; None when either has none."""
        if names not in self.known:
            rows = self.run.measures
            a, b = (rows[(rows["condition"] == name).to_numpy()] for name in names)
            self.known[names] = None if a.empty or b.empty else (a, b, self.arms.compare(a, b))
        return self.known[names]


def _compare(both: ArmPairs, measure: str, width: float) -> Paired:
    a, b = (both.rows[f"{measure}_{side}"].to_numpy() for side in "ab")
    result = paired(both.tasks, both.draws, a, b, width)
    if not both.unmatched:
        return result
    note = f"{pluralize(both.unmatched, 'rollout')} without a partner in the other arm left out"
    return replace(result, notes=(*result.notes, note))


def suppressed(run: Run, judge: str) -> str:
    """Why nothing may be said of who did better by this judge; empty when it may."""
    report = run.meta.get("anchors", {}).get(judge)
    if report is not None:
        return "; ".join(report["suppressed"])
    return traits(run.meta, judge).unproven


def scope(contrasts: Sequence[Contrast]) -> list[str]:
    """What tasks the conclusions are about, how p is adjusted, why some are suppressed or untested: a line each."""
    lines = ["The p of all primary contrasts is adjusted together by Holm's procedure; exploratory ones are not."]
    if not any(c.primary for c in contrasts):
        lines = [
            "No primary contrast was preregistered (`compare:` in the scenario): all are exploratory, no p is adjusted."
        ]
    concluded = [c for c in contrasts if not c.suppressed and c.result.tasks]
    if concluded:
        beyond = all(c.result.new_tasks for c in concluded)
        most = max(c.result.tasks for c in concluded)
        about = "new tasks" if beyond else "this task only" if most == 1 else f"these {most} tasks only"
        lines.append(f"Each conclusion is about {about}, one contrast at a time.")
    for measure, why in {c.measure: c.suppressed for c in contrasts if c.suppressed}.items():
        lines.append(f"{measure}: nothing about who did better: {why}.")
    missing = {note for c in concluded if c.conclusion == "no test" for note in c.result.notes[:1]}
    return [*lines, *(f"No test: {note}." for note in sorted(missing))]
