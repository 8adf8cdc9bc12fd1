"""Every contrast of a run, each pair of arms looked up once for all its measures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import combinations

import pandas as pd

from agentlab.analysis.components.judge_noise import JudgeNoise, noise
from agentlab.analysis.contrasts.compute import ArmComparison, Arms
from agentlab.analysis.contrasts.contrast import ALPHA, Contrast
from agentlab.analysis.contrasts.difference import ArmValues, arm_values
from agentlab.analysis.contrasts.family import adjusted
from agentlab.analysis.contrasts.missing import missing_values
from agentlab.analysis.contrasts.rejected import rejected_alike
from agentlab.analysis.measure_summary import measure_summaries
from agentlab.analysis.suppressed import suppressed
from agentlab.analysis.unplayed import STOPPED, due, planned
from agentlab.experiment.preregistration import InterimAnalysis, Primary, conditions, register
from agentlab.pairing import draws_are_pairs
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import ArmPairs, pair_arms
from agentlab.scenario.declared import Declared
from agentlab.stats.contrasts.effect_size import draw_sd
from agentlab.stats.contrasts.equivalence import equivalence_p
from agentlab.store import UNFINISHED
from agentlab.types import Measure


def contrasts(run: Run) -> tuple[Contrast, ...]:
    """The primary contrasts, then the exploratory ones: as the scenario says, or else every other pair of levels.

    Of the latter, arms that are matched in compute to each other come first. A pair without rollouts is left out; of a
    primary one the p counts in Holm's family all the same. Replicates of a self-training loop are taken together, with
    their weights as given. Made once, like a run's frames.
    """
    return (*_primary(run.pooled), *_exploratory(run.pooled))


def reported(run: Run) -> tuple[Contrast, ...]:
    """Those that a headline is about: the primary contrasts, or all where no primary one has a difference to report."""
    primary = _primary(run.pooled)
    known = any(not c.suppressed and c.result.difference is not None for c in primary)
    return primary if known else contrasts(run)


@lru_cache(maxsize=1)
def _primary(run: Run) -> tuple[Contrast, ...]:
    pairs = _pairs(run)
    entries = pairs.register.primary
    made = [pairs.compare(entry.contrast, entry) for entry in entries]
    return tuple(contrast for contrast in _adjusted(entries, made) if contrast)


@lru_cache(maxsize=1)
def _exploratory(run: Run) -> tuple[Contrast, ...]:
    pairs = _pairs(run)
    known = {entry.contrast.same for entry in pairs.register.primary}
    declared = _every(run) if pairs.register.exploratory is None else pairs.register.exploratory
    made = [contrast for each in declared if each.same not in known and (contrast := pairs.compare(each, None))]
    return tuple(sorted(made, key=lambda contrast: not contrast.arms.baseline))


@lru_cache(maxsize=1)
def _pairs(run: Run) -> "_Pairs":
    return _Pairs(run)


def arm_rows(run: Run, condition: str) -> pd.DataFrame:
    """The rows of `run.measures` of one condition of a contrast; none where it has no rollout."""
    run = run.pooled
    return _arms(run).get(condition, run.measures.iloc[:0])


def arm_pairs(run: Run, names: tuple[str, str], judge: str) -> ArmPairs | None:
    """Both arms of a contrast, paired, as far as the judge is to look at them; None where either has no such row."""
    return _pairs(run.pooled).due(names, judge)


@lru_cache(maxsize=1)
def _arms(run: Run) -> dict[str, pd.DataFrame]:
    rows = run.measures
    places = rows.groupby("condition", observed=True).indices
    return {str(name): rows.iloc[places[name]] for name in places}


def _adjusted(entries: Sequence[Primary], contrasts: Sequence[Contrast | None]) -> Iterator[Contrast | None]:
    """With their p of a difference and of equivalence adjusted together: of one contrast only one can be in error."""
    margins = [i for i, entry in enumerate(entries) if entry.contrast.margin is not None]
    beyond = {i: contrast and contrast.equivalence_p for i, contrast in enumerate(contrasts) if i in margins}
    adjusted_p = adjusted([contrast and (contrast.p, contrast.result) for contrast in contrasts], beyond)
    equivalences = dict(zip(margins, adjusted_p[len(contrasts) :], strict=True))
    for i, contrast in enumerate(contrasts):
        yield contrast and replace(contrast, holm=adjusted_p[i], equivalence_holm=equivalences.get(i))


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


class _Counts:
    """How many rows of `run.measures` are so, by condition."""

    def __init__(self, rows: pd.DataFrame, are_so: "pd.Series[bool]") -> None:
        sums = are_so.groupby(rows["condition"], observed=True).sum()
        self._known = {str(condition): int(count) for condition, count in sums.items()}

    def of(self, names: tuple[str, str]) -> tuple[int, int]:
        """Of both arms."""
        a, b = (self._known.get(name, 0) for name in names)
        return a, b


@dataclass
class _Pairs:
    """The pairs of arms of a run, each looked up once for all its measures."""

    run: Run

    def __post_init__(self) -> None:
        self.arms = Arms(self.run)
        self.register = register(self.run.meta)
        self.paired = draws_are_pairs(self.run.meta)
        self.finished = int((~self.run.rollouts["status"].isin(UNFINISHED)).sum())
        self.known: dict[tuple[str, str], tuple[ArmPairs, ArmComparison] | None] = {}
        self.noises: dict[str, JudgeNoise] = {}
        rows = self.run.measures
        self.rejected = bool((rows["status"] == "rejected").any())
        self.begun, self.declined = (
            _Counts(rows, rows["status"] != STOPPED),
            _Counts(rows, rows["status"] == "declined"),
        )
        self.scored = {m.name: _Counts(rows, rows[m.name].notna()) for m in self.run.measured}
        self.better = {name: summary.better for name, summary in measure_summaries(self.run).items()}

    def compare(self, declared: Declared, primary: Primary | None) -> Contrast | None:
        """None when an arm has no rollout that the judge is to score, or the run not the measure."""
        run, names = self.run, conditions(declared, self.run.factors)
        measure = next((m for m in run.measured if m.name == declared.measure), None)
        if measure is None:
            return None
        sides, pairs = self.sides(names), self.due(names, measure.judge)
        if sides is None or pairs is None:
            return None
        arms = sides[1]
        apart = self.rejected and not rejected_alike(*pairs.arms, measure)
        values = arm_values(*pairs.arms, measure, self.paired and not apart, run.clusters, run.replicates, pairs)
        interim = self.register.interim(names, values.size, self.finished, primary is not None)
        width = 1 - interim.level(ALPHA)
        result = values.difference(width)
        why_suppressed = suppressed(run, measure.judge)
        return Contrast(
            declared.name,
            declared.factor,
            declared.a,
            declared.b,
            declared.within,
            measure.name,
            primary,
            result,
            values.pairs,
            self.scored[measure.name].of(names),
            missing_values(values, result, width),
            names,
            arms,
            interim,
            self.declined.of(names),
            why_suppressed,
            run.meta.get("anchors", {}).get(measure.judge, {}).get("auc"),
            run.meta.get("judges", {}).get(measure.judge) is not None,
            self.noise(measure).share(names),
            margin=declared.margin,
            equivalence_p=None if why_suppressed else _equivalence(values, declared.margin, interim),
            better=self.better[measure.name],
            played=self.played(names),
            rejected_apart=self.paired and apart,
            draw_sd=draw_sd(*values.complete()),
        )

    def sides(self, names: tuple[str, str]) -> tuple[ArmPairs, ArmComparison] | None:
        """Both arms' rows of `run.measures`, paired, and their comparison; None when either has no row."""
        if names not in self.known:
            a, b = (arm_rows(self.run, name) for name in names)
            pairs = None if a.empty or b.empty else pair_arms(a, b)
            self.known[names] = pairs and (pairs, self.arms.compare(names, pairs))
        return self.known[names]

    def due(self, names: tuple[str, str], judge: str) -> ArmPairs | None:
        """The pairs of `sides`, of the rows at which the judge is to look; None when either arm has none."""
        sides = self.sides(names)
        if sides is None:
            return None
        a, b = (due(self.run, judge, arm) for arm in sides[0].arms)
        return None if a.empty or b.empty else sides[0].of(a, b)

    def noise(self, measure: Measure) -> JudgeNoise:
        """Of the measure's judge."""
        if measure.name not in self.noises:
            self.noises[measure.name] = noise(self.run, measure)
        return self.noises[measure.name]

    def played(self, names: tuple[str, str]) -> tuple[int, int]:
        """Rollouts of both arms that are played and planned; both 0 where that says nothing about a conclusion."""
        by_condition = planned(self.run)
        if by_condition is None or self.register.planned is not None:
            return 0, 0
        return sum(self.begun.of(names)), sum(by_condition.get(name, 0) for name in names)


def _equivalence(values: ArmValues, margin: float | None, interim: InterimAnalysis) -> float | None:
    """The p of a difference beyond the margin, made valid for several analyses; None without margin or interval."""
    p = None if margin is None else equivalence_p(lambda level: values.difference(level).tested, margin)
    return None if p is None else interim.valid_one_sided(p)
