"""The measures of a run: those that the scenario declares, and one of each judge that none of them uses."""

from collections.abc import Mapping, Sequence

from agentlab.interfaces import Judge
from agentlab.judges import JudgeTraits
from agentlab.judges.program import HARM
from agentlab.scenario.design import Design
from agentlab.scenario.fields import DECLARED
from agentlab.scenario.judges import plain_names
from agentlab.types import Measure


def measures_of(design: Design) -> list[Measure]:
    """The measures of the scenario; a judge that none of them uses gets one of its own, on its own scale."""
    measures: list[Measure] = []
    for name, config in design.measures.items():
        criteria = design.counted[config.judge] if config.criteria == "all" else config.criteria
        scales = {criterion: design.scales[config.judge][criterion] for criterion in criteria}
        values = {word: worth for word in DECLARED if (worth := getattr(config, word)) is not None}
        cases = cases_of(design.judges[config.judge], design.traits)
        measures.append(Measure(name, config.judge, scales, config.range, values, config.target, cases))
    used = {measure.judge for measure in measures}
    for name, judge in design.judges.items():
        if name not in used:
            measures += plain_measures(name, design.scales[name], design.counted[name], cases_of(judge, design.traits))
    return measures


def cases_of(judge: Judge, traits: Mapping[str, JudgeTraits]) -> int:
    """How many held-out cases a judge has; 0 where its draws are no cases."""
    return judge.draws if traits[judge.name].cases else 0


def plain_measures(
    judge: str, scales: Mapping[str, tuple[float, float]], counted: Sequence[str], cases: int
) -> list[Measure]:
    """What a judge measures where no measure is declared.

    This is the mean of its counted criteria on their own scale, or from 0 to 1 when they have several scales. Of a
    judge that runs a program, it is each criterion by itself, with harm at best 0 and everything else at best 1.
    """
    of_counted = {criterion: scales[criterion] for criterion in counted}
    if cases:
        return [
            Measure(own, judge, {name: scale}, scale, target=scale[name != HARM], cases=cases)
            for own, (name, scale) in zip(plain_names(judge, counted, True), of_counted.items(), strict=True)
        ]
    ranges = set(of_counted.values())
    return [Measure(judge, judge, of_counted, ranges.pop() if len(ranges) == 1 else (0.0, 1.0))]
