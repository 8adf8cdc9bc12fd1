"""What blurs the contrasts of a design, measured in a pilot run."""

from collections.abc import Iterator

from agentlab.analysis.components.judge_noise import noise
from agentlab.analysis.contrasts.compared import arm_rows, contrasts
from agentlab.analysis.contrasts.contrast import Contrast
from agentlab.errors import AnalysisError
from agentlab.experiment.power import ContrastNoise
from agentlab.runs.frames import Run
from agentlab.runs.frames.pairing import pair_arms
from agentlab.scenario import Design
from agentlab.stats.contrasts.pilot import JudgeVariance, Pilot, pilot
from agentlab.text import pluralize

MOST = 6
"""Contrasts that are told where none is declared primary."""


def piloted(run: Run, design: Design) -> tuple[list[ContrastNoise], list[str]]:
    """For each contrast of the design that the run has, its noise as measured and at its upper limits; and remarks.

    These are the primary ones, or the first few where none is declared. Judge noise is that of the judge draws that
    the design plans. Raises AnalysisError when the run has none of them with two draws of a task.
    """
    wanted = {one.same for one in design.compare.primary}
    made = [c for c in contrasts(run) if c.measure in design.measures]
    if wanted:
        made = [c for c in made if (c.factor, frozenset((c.a, c.b)), c.within, c.measure) in wanted]
    blurs, remarks = list[ContrastNoise](), list[str]()
    for c in made if wanted else made[:MOST]:
        told = f"{c.measure}, {c.pair}"
        try:
            found = _measured(run, design, c)
        except ValueError as error:
            remarks.append(f"{told}: {error}.")
            continue
        blurs += [
            ContrastNoise(c.measure, c.pair, "pilot", found.noise),
            ContrastNoise(c.measure, c.pair, "pilot, at most", found.upper),
        ]
        remarks += [f"{told}: {remark}." for remark in _remarks(found)]
    if not blurs:
        kind = "primary contrasts" if wanted else "contrasts"
        how = " ".join(remarks) or f"agentlab run {design.file} --draws 2 --tasks A,B makes one"
        raise AnalysisError(
            f"{run.folder} cannot serve as a pilot of {design.name}: it has none of its {kind} with 2 draws; {how}"
        )
    return blurs, remarks


def _measured(run: Run, design: Design, c: Contrast) -> Pilot:
    if not c.paired:
        raise ValueError(
            "it cannot serve as a pilot: its draws are numbered by the order of rows, so they are not pairs"
        )
    first, second = arm_rows(run, c.conditions[0]), arm_rows(run, c.conditions[1])
    both = pair_arms(first, second, c.measure)
    a, b = (both.rows[f"{c.measure}_{side}"].to_numpy() for side in "ab")
    return pilot(both.tasks, a, b, _judge(run, design, c))


def _judge(run: Run, design: Design, c: Contrast) -> JudgeVariance | None:
    """None where its noise is not separable; it is then part of what varies over draws."""
    measure = next(m for m in run.measured if m.name == c.measure)
    of = noise(run, measure)
    added = of.variance(c.conditions)
    planned = design.judges.get(measure.judge)
    if added is None or planned is None or of.none:
        return None
    one = of.one(c.conditions)
    return JudgeVariance(one, added / one if one else 1.0, 1 / planned.draws)


def _remarks(found: Pilot) -> Iterator[str]:
    if found.judge_sd is not None and found.noise.within > 0:
        yield f"the judge's noise is {found.judge_sd**2 / found.noise.within**2:.0%} of the variance over draws"
    if found.tasks < 3:
        yield f"a pilot of {pluralize(found.tasks, 'task')} says very little about how tasks differ"
