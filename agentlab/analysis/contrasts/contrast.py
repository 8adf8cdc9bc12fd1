"""One measure compared between two levels of a factor, all else equal, and what may be concluded from it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import combinations

import pandas as pd

from agentlab.analysis.components.judge_noise import JudgeNoise, noise
from agentlab.analysis.contrasts.compute import ComputeComparison, matched, spent
from agentlab.experiment.preregistration import InterimAnalysis, Preregistration, Primary, conditions, register
from agentlab.judges import recorded
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import ArmPairs, pair_arms
from agentlab.scenario.compare import Declared
from agentlab.stats.contrasts.holm import holm
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
    """As it was declared before the run, or after a look; None for an exploratory one."""
    result: Paired
    """With the intervals of this look: wider than 95 % where alpha is spent on several."""
    arms: ComputeComparison
    look: InterimAnalysis
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
    def identical(self) -> float:
        """Share of the smaller arm's calls with a byte-identical twin in the other arm."""
        return self.arms.identical

    @property
    def ratios(self) -> Mapping[str, float | None]:
        """What the rollouts of a used for one of b, over all pairs, by unit."""
        return self.arms.ratios

    @property
    def unit(self) -> str:
        """What a baseline among the two is matched on; else `output tokens`."""
        return self.arms.unit

    @property
    def differs(self) -> tuple[str, ...]:
        """In what the arms differ, `structure` first."""
        return self.arms.differs

    @property
    def baseline(self) -> bool:
        """Whether one of the two is the other's compute-matched arm."""
        return self.arms.baseline

    @property
    def unmatched(self) -> bool:
        """Whether one arm used more than the other, by the unit that counts."""
        ratio = self.ratios[self.unit]
        return ratio is not None and not matched(ratio)

    @property
    def p(self) -> float | None:
        """Two-sided: of the task-level t, or of these tasks where there are few; made valid for several looks.

        None where nothing may be said.
        """
        interval = self.result.new_tasks or self.result.these_tasks
        if interval is None or self.undeclared or self.suppressed or self.result.coupled:
            return None
        return repeated_p(interval.p, self.look.spent, self.look.spend) if self.look.planned else interval.p

    @property
    def undeclared(self) -> bool:
        """Whether looks are planned, and this is none of them: no alpha is spent on it."""
        return self.primary is not None and self.look.share is not None and not self.look.planned


@lru_cache(maxsize=1)
def contrasts(run: Run) -> tuple[Contrast, ...]:
    """What is declared primary, then what is exploratory: as the scenario says, or else every other pair of levels.

    Of the latter, arms that are matched in compute to each other come first. A pair without rollouts is left out; of a
    primary one the p counts in Holm's family all the same. Made once, like a run's frames.
    """
    of = _Pairs(run)
    told = of.register
    known = {one.contrast.same for one in told.primary}
    primary = {one.contrast.same: found for one in told.primary if (found := of.compare(one.contrast, one))}
    ps = [primary[one.contrast.same].p if one.contrast.same in primary else None for one in told.primary]
    for one, adjusted in zip(told.primary, holm(ps), strict=True):
        if one.contrast.same in primary:
            primary[one.contrast.same] = replace(primary[one.contrast.same], holm=adjusted)
    rest = _every(run) if told.exploratory is None else told.exploratory
    found = [made for one in rest if one.same not in known and (made := of.compare(one, None))]
    return (*primary.values(), *sorted(found, key=lambda contrast: not contrast.baseline))


def _every(run: Run) -> Iterator[Declared]:
    """Every pair of levels of every factor within every combination of the other factors, for every measure."""
    for factor in run.factors:
        others = [name for name in run.factors if name != factor]
        levels = [level for level in run.meta["factors"][factor] if (run.measures[factor] == level).any()]
        strata = sorted({tuple(map(str, row)) for row in run.conditions[others].itertuples(index=False)}) or [()]
        for a, b in combinations(levels, 2):
            for stratum in strata:
                within = ",".join(f"{name}={level}" for name, level in zip(others, stratum, strict=True))
                yield from (Declared("", factor, a, b, within, m.name) for m in run.measured)


@dataclass
class _Pairs:
    """The pairs of arms of a run, each looked up once for all its measures."""

    run: Run

    def __post_init__(self) -> None:
        self.known: dict[tuple[str, str], tuple[pd.DataFrame, pd.DataFrame, ComputeComparison] | None] = {}
        self.noises: dict[str, JudgeNoise] = {}

    @cached_property
    def calls(self) -> pd.DataFrame:
        calls = self.run.calls
        return calls.loc[(calls["purpose"] != "judge") & calls["error"].isna()]

    @cached_property
    def register(self) -> Preregistration:
        return register(self.run.meta)

    @cached_property
    def finished(self) -> int:
        return int((~self.run.rollouts["status"].isin(["cancelled", "infrastructure"])).sum())

    def compare(self, one: Declared, primary: Primary | None) -> Contrast | None:
        """None when an arm has no rollout, or the run not the measure."""
        run, names = self.run, conditions(one, self.run.factors)
        measure = next((m for m in run.measured if m.name == one.measure), None)
        arms = self.arms(names) if measure is not None else None
        if measure is None or arms is None:
            return None
        a, b, used = arms
        both = pair_arms(a, b, one.measure)
        look = self.register.look(names, len(both.rows), self.finished)
        planned = primary is not None and look.planned
        result = _compare(both, one.measure, 1 - level(look.spent, look.spend, ALPHA) if planned else 1 - ALPHA)
        auc, why = run.meta.get("anchors", {}).get(measure.judge, {}).get("auc"), suppressed(run, measure.judge)
        declined = (int((a["status"] == "declined").sum()), int((b["status"] == "declined").sum()))
        if measure.name not in self.noises:
            self.noises[measure.name] = noise(run, measure)
        share = self.noises[measure.name].share(names)
        who = (one.name, one.factor, one.a, one.b, one.within, one.measure)
        return Contrast(*who, primary, result, used, look, declined, why, auc, share)

    def arms(self, names: tuple[str, str]) -> tuple[pd.DataFrame, pd.DataFrame, ComputeComparison] | None:
        """Both arms' rows of `run.measures`, and what they used; None when either has none."""
        if names not in self.known:
            rows = self.run.measures
            a, b = (rows[(rows["condition"] == name).to_numpy()] for name in names)
            self.known[names] = None if a.empty or b.empty else (a, b, spent(self.run, self.calls, a, b))
        return self.known[names]


def _compare(both: ArmPairs, measure: str, width: float) -> Paired:
    a, b = (both.rows[f"{measure}_{side}"].to_numpy() for side in "ab")
    result = paired(both.tasks, both.draws, a, b, width)
    if not both.unmatched:
        return result
    note = f"{pluralize(both.unmatched, 'rollout')} without a partner in the other arm left out"
    return replace(result, notes=(*result.notes, note))


def suppressed(run: Run, judge: str) -> str:
    """Why nothing may be said of who did better by this judge; empty when it may. An audit has no texts to prove it."""
    report = run.meta.get("anchors", {}).get(judge)
    if report is not None:
        return "; ".join(report["suppressed"])
    audit = recorded(run.meta).get(judge, {}).get("kind") == "audit"
    return "an audit has no anchor texts; read what it quotes in run.objections" if audit else ""


def compute(contrast: Contrast) -> str:
    """What one arm used for one of the other, in a line."""
    told = ", ".join(f"{u} {'unknown' if r is None else format(r, '.2f')}" for u, r in contrast.ratios.items())
    ratio = contrast.ratios[contrast.unit]
    if ratio is None:
        return told
    return f"{told}: {'matched' if matched(ratio) else 'not matched'} in {contrast.unit} ({ratio:.2f})"


def verdict(contrast: Contrast) -> str:
    """What may be concluded from one contrast `a - b`, in a few words; the first is a.

    Of a primary one by Holm's p, of an exploratory one by its interval.
    """
    c, result = contrast, contrast.result
    if c.suppressed:
        return "suppressed"
    if result.coupled:
        return "coupled, no test"
    if c.undeclared:
        return "undeclared look"
    p = c.holm if c.primary else c.p
    if result.difference is None or p is None:
        return "no test"
    if p > ALPHA:
        return "no difference shown"
    return "first higher" if result.difference > 0 else "second higher"


def scope(contrasts: Sequence[Contrast]) -> str:
    """What tasks the conclusions are about, how p is adjusted, why some are suppressed or untested: a line each."""
    lines = ["The p of all primary contrasts is adjusted together by Holm's procedure; exploratory ones are not."]
    if not any(c.primary for c in contrasts):
        lines = [
            "No contrast was declared primary (`compare:` in the scenario): all are exploratory, no p is adjusted."
        ]
    said = [c for c in contrasts if not c.suppressed]
    if said:
        beyond = all(c.result.new_tasks for c in said)
        most = max(c.result.tasks for c in said)
        about = "new tasks" if beyond else "this task only" if most == 1 else f"these {most} tasks only"
        lines.append(f"Each conclusion is about {about}, one contrast at a time.")
    for measure, why in {c.measure: c.suppressed for c in contrasts if c.suppressed}.items():
        lines.append(f"{measure}: nothing about who did better: {why}.")
    missing = {note for c in said if verdict(c) == "no test" for note in c.result.notes[:1]}
    return "\n".join([*lines, *(f"No test: {note}." for note in sorted(missing))])
