"""The contrasts of a measure taken apart by its criteria, with intervals that hold for all criteria of a judge at once.

A criterion is compared as its measure is: on the measure's range, over the same pairs, tasks and clusters. Bonferroni's
inequality bounds the probability that the true difference of any of a judge's K criteria lies outside its interval.
Each interval has the confidence `1 - 0.05 / K`, and p is multiplied by K. So interval and p agree, and the bound holds
whatever the criteria have in common.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from agentlab.analysis.analysis import Analysis
from agentlab.analysis.contrasts.compared import arm_pairs
from agentlab.analysis.contrasts.compared import contrasts as compared
from agentlab.analysis.contrasts.contrast import ALPHA, Contrast
from agentlab.analysis.contrasts.difference import ArmValues, arm_values
from agentlab.analysis.contrasts.missing import missing_values
from agentlab.analysis.contrasts.notes import conclusions, looks_notes, without_interval
from agentlab.analysis.contrasts.short import about, differences_found, level
from agentlab.analysis.outcome_range import outcome_range
from agentlab.analysis.row import Row, ends
from agentlab.errors import AnalysisError
from agentlab.runs.frames import Run
from agentlab.runs.frames.measures import of_scores, value
from agentlab.text import line, pluralize
from agentlab.types import Measure


@dataclass(frozen=True, slots=True)
class CriterionContrast:
    """One criterion of a measure, compared between two arms."""

    criterion: str
    contrast: Contrast
    """The comparison. Its `measure` is the one that the criterion belongs to."""


def criteria(run: Run, measure: str | None = None) -> Analysis:
    """A row for each contrast and criterion of the measures that have several.

    Raises AnalysisError where no measure has several criteria, or the run has one arm only.
    """
    several = [m for m in run.measured if len(m.scales) > 1]
    if not several:
        raise AnalysisError(f"no measure of {run.folder} has several criteria; a judge of kind rubric can have several")
    chosen = [m for m in several if measure in (None, m.name)]
    if not chosen:
        raise AnalysisError(f"{measure} has one criterion; see `agentlab stats {run.folder} contrasts`")
    if not compared(run):
        raise AnalysisError(f"{run.folder} has only one arm, so there is nothing to compare")
    tests = {m.judge: _criteria(several, m.judge) for m in chosen}
    scored = {m.name: _Scored(run, m, tests[m.judge]) for m in chosen}
    parts = [part for c in compared(run) if c.measure in scored for part in scored[c.measure].compare(c)]
    contrasts = [part.contrast for part in parts]
    return Analysis(
        "criteria",
        "Contrasts by criterion",
        f"{pluralize(len(parts), 'comparison')} of criteria, p adjusted for the criteria of a judge.",
        {"criteria": pd.DataFrame([_row(part) for part in parts])},
        tuple(_notes(contrasts, tests)),
        result=_result,
        groups=("measure", "contrast"),
        legend=_legend(contrasts),
    )


def _criteria(measures: Sequence[Measure], judge: str) -> int:
    """How many comparisons the criteria of the judge make in these measures.

    A criterion of two measures counts once, on whatever ranges; it counts twice where one of them gives a status or an
    outcome another share of its range, since its scores then differ.
    """
    return len({(name, _worth(m)) for m in measures if m.judge == judge for name in m.scales})


def _worth(measure: Measure) -> frozenset[tuple[str, float]]:
    """The statuses and outcomes that have a value, and what share of the range it is."""
    low, high = measure.range
    return frozenset((name, round((value - low) / (high - low), 9)) for name, value in measure.values.items())


class _Scored:
    """The scores of a measure's criteria. Each criterion is scored as a measure of its own."""

    def __init__(self, run: Run, whole: Measure, tests: int) -> None:
        self.run, self.whole, self.tests = run, whole, tests
        self.parts = {name: replace(whole, scales={name: scale}) for name, scale in whole.scales.items()}
        rollouts = run.measures.set_index("rollout")
        verdicts = of_scores(run.scores[run.scores["judge"] == whole.judge])
        self.scores = {name: value(rollouts, verdicts, part).to_numpy() for name, part in self.parts.items()}

    def compare(self, whole: Contrast) -> Iterator[CriterionContrast]:
        """Compares each criterion between the arms of a contrast, whose rows are paired as those of the measure."""
        pairs = arm_pairs(self.run, whole.conditions, self.whole.judge)
        assert pairs is not None
        every = [arm.index.to_numpy() for arm in pairs.arms]
        how = self.run.clusters, self.run.replicates, pairs
        of_measure = arm_values(*pairs.arms, self.whole, whole.paired, *how)
        paired = [places[kept] for places, kept in zip(every, pairs.places, strict=True)]
        rows = paired if whole.paired else every
        for name, scores in self.scores.items():
            x, y = (scores[places] for places in rows)
            values = replace(of_measure, values=(x, y), range=outcome_range(self.parts[name], x, y))
            first, second = (int(np.isfinite(scores[places]).sum()) for places in every)
            yield CriterionContrast(name, self._compared(whole, values, (first, second)))

    def _compared(self, whole: Contrast, values: ArmValues, scored: tuple[int, int]) -> Contrast:
        confidence = 1 - whole.interim.level(ALPHA / self.tests)
        result = values.difference(confidence)
        return replace(
            whole,
            primary=None,
            result=result,
            scored=scored,
            missing=missing_values(values, result, confidence),
            judge_share=None,
            holm=None,
            margin=None,
            equivalence_p=None,
            equivalence_holm=None,
            draw_sd=None,
            tests=self.tests,
        )


def _row(part: CriterionContrast) -> Row:
    c, count = part.contrast, part.contrast.missing.count if part.contrast.missing else (0, 0)
    shown = None if c.suppressed else c.result
    return {
        "measure": c.measure,
        "contrast": c.pair,
        "criterion": part.criterion,
        "difference": shown and shown.difference,
        **ends("difference", shown and shown.tested),
        "p": c.p,
        "mean_a": shown and shown.mean_a,
        "mean_b": shown and shown.mean_b,
        "missing_a": count[0],
        "missing_b": count[1],
        "tasks": c.result.tasks,
        "conclusion": c.conclusion,
    }


def _legend(contrasts: Sequence[Contrast]) -> Mapping[str, str]:
    tasks = about(contrasts)
    interval = f", [simultaneous {level(contrasts)} for {tasks}]" if tasks else ""
    less = dict.fromkeys(line(c.measure) for c in contrasts if c.better == -1)
    lower = f"; lower is better: {', '.join(less)}" if less else ""
    return {
        "difference": f"first condition minus second, on the range of the measure{interval}{lower}",
        "p": "multiplied by the number of criteria of the judge (Bonferroni), not adjusted for the number of contrasts",
        "mean_a": "of the first condition, over complete pairs; mean b: of the second",
        "missing_a": "missing scores of the first condition; missing b: of the second",
    }


def _notes(parts: Sequence[Contrast], tests: Mapping[str, int]) -> list[str]:
    counts = "; ".join(f"{line(judge)} {count}" for judge, count in tests.items())
    hidden = {part.measure: part.suppressed for part in parts if part.suppressed}
    return [
        f"Number of criteria by judge: {counts}. In each contrast, the intervals of all criteria of one judge hold at "
        f"once with 95% confidence.",
        "Comparisons of criteria are exploratory, even if the contrast of the measure is primary.",
        *(f"{line(name)}: suppressed: {why}." for name, why in hidden.items()),
        *conclusions(parts),
        *without_interval(parts),
        *looks_notes(parts),
    ]


def _result(tables: Mapping[str, pd.DataFrame]) -> str:
    """How many comparisons show a difference."""
    return differences_found((tables["criteria"]["conclusion"], "comparison of criteria", "comparisons of criteria"))
